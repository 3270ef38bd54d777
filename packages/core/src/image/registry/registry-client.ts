import pRetry from 'p-retry';
import { HttpError } from '../../errors.js';
import { clearTimeout, setTimeout } from '../../host/clock.js';
import { quoted } from '../layout.js';
import { Authorizer, readWhole } from './authorizer.js';
import { connectionError, type Http, type HttpResponse, isNoTls, isReset, TransientError } from './http.js';
import type { Endpoint } from './settings.js';

/** How patient a client is. */
export interface Patience {
  /** Milliseconds that a peer may send nothing. */
  readonly stallMs: number;
  /** Of one request, after the first attempt. */
  readonly retries: number;
  /** Milliseconds before the first retry, about; each further wait is twice as long. */
  readonly backoffMs: number;
  /** Milliseconds; a server that wants to be left alone for longer is not waited for. */
  readonly longestWaitMs: number;
}

export const usualPatience: Patience = {
  stallMs: 30_000,
  retries: 4,
  backoffMs: 500,
  longestWaitMs: 60_000,
};

const maxRedirects = 5;
const redirects: readonly number[] = [301, 302, 303, 307, 308];
const maxErrorBytes = 64 * 1024;

/** One repository at one endpoint, by the API of the distribution specification. */
export class RegistryClient {
  readonly #http: Http;
  readonly #endpoint: Endpoint;
  readonly #patience: Patience;
  readonly #authorizer: Authorizer;
  #base: Promise<URL> | undefined;

  constructor(http: Http, endpoint: Endpoint, patience: Patience, env: NodeJS.ProcessEnv) {
    this.#http = http;
    this.#endpoint = endpoint;
    this.#patience = patience;
    this.#authorizer = new Authorizer(http, endpoint, env);
  }

  get name(): string {
    return this.#endpoint.name;
  }

  /** Tries `work` again after what may pass by itself, and after nothing else. */
  async retrying<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const { retries, backoffMs, longestWaitMs } = this.#patience;
    // It takes Node's own errors for none where they are of another realm, as in some test runners; so of others than ours it never hears.
    const attempt = async (): Promise<{ value: T } | { error: unknown }> => {
      try {
        return { value: await work() };
      } catch (error) {
        if (error instanceof TransientError) throw error;
        return { error };
      }
    };
    try {
      const result = await pRetry(attempt, {
        retries,
        minTimeout: 0, // the wait is here, by the host's clock and as the server has asked
        shouldRetry: async ({ error, attemptNumber }) => {
          if (!(error instanceof TransientError)) return false;
          const usual = backoffMs * 2 ** (attemptNumber - 1) * (0.5 + Math.random());
          const wait = error.retryAfterMs ?? usual;
          if (wait > longestWaitMs) return false;
          await sleep(wait, signal);
          return true;
        },
      });
      if ('error' in result) throw result.error;
      return result.value;
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof TransientError ? error.error : error;
    }
  }

  /**
   * Asks once for something of the repository, following redirects.
   *
   * @param path behind the repository's name, such as `manifests/latest`.
   * @param missing what it comes to where the registry has no such thing.
   * @throws TransientError, HttpError, TimeoutError, what `missing` makes; the signal's reason.
   */
  async get(
    path: string,
    options: {
      readonly headers: Readonly<Record<string, string>>;
      readonly signal: AbortSignal;
      readonly missing: (why: string) => Error;
    },
  ): Promise<HttpResponse> {
    const { signal, headers } = options;
    return this.#connected(signal, async () => {
      const base = await this.#located(signal);
      const url = new URL(`/v2/${this.#endpoint.repository}/${path}`, base);
      let authorization = this.#authorizer.header();
      let answer = await this.#follow(url, headers, authorization, signal);
      if (answer.response.status === 401 && answer.isOwn) {
        const better = await this.#authorizer.meet(answer.response, base, authorization, signal);
        if (better !== undefined) {
          answer.response.drop();
          authorization = better;
          answer = await this.#follow(url, headers, authorization, signal);
        }
      }
      const { response } = answer;
      if (response.status === 200 || response.status === 206) return response;
      throw await this.#refusal(answer.response, answer.host, options.missing);
    });
  }

  /** Errors of connections as those that people get, and resets as what passes by itself. */
  async #connected<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      throw this.broken(error);
    }
  }

  /** What an error of a connection comes to. */
  broken(error: unknown): unknown {
    if (error instanceof TransientError) return error;
    const told = connectionError(this.name, error);
    return isReset(error) && told !== error ? new TransientError(told, null) : told;
  }

  #located(signal: AbortSignal): Promise<URL> {
    this.#base ??= this.#locate(signal).catch((error: unknown) => {
      this.#base = undefined;
      throw error;
    });
    return this.#base;
  }

  async #locate(signal: AbortSignal): Promise<URL> {
    const { host, transport } = this.#endpoint;
    if (transport !== 'either') return new URL(`${transport}://${host}`);
    const secure = new URL(`https://${host}`);
    try {
      (await this.#http.send(new URL('/v2/', secure), { headers: {}, signal })).drop();
      return secure;
    } catch (error) {
      if (isNoTls(error) || isReset(error)) return new URL(`http://${host}`);
      throw error;
    }
  }

  /** Credentials go to the registry's own origin and nowhere else. */
  async #follow(
    from: URL,
    headers: Readonly<Record<string, string>>,
    authorization: string | undefined,
    signal: AbortSignal,
  ): Promise<{ response: HttpResponse; isOwn: boolean; host: string }> {
    const seen = new Set<string>();
    for (let url = from; ; ) {
      if (seen.has(url.href)) throw this.#astray('in a circle', null);
      seen.add(url.href);
      const isOwn = url.origin === from.origin;
      const response = await this.#http.send(url, {
        headers: isOwn && authorization !== undefined ? { ...headers, authorization } : headers,
        signal,
      });
      if (!redirects.includes(response.status)) return { response, isOwn, host: url.host };
      response.drop();
      if (seen.size > maxRedirects) throw this.#astray(`further than ${maxRedirects} times`, response.status);
      url = this.#next(response, url);
    }
  }

  #next(response: HttpResponse, url: URL): URL {
    const location = response.header('location');
    if (location === undefined || !URL.canParse(location, url.href))
      throw this.#astray('to no address', response.status);
    const next = new URL(location, url);
    if (next.protocol !== 'https:' && !(next.protocol === 'http:' && url.protocol === 'http:'))
      throw this.#astray(
        `from ${url.protocol}//… to ${quoted(next.protocol)}//…, which is no TLS`,
        response.status,
      );
    if (next.username !== '' || next.password !== '')
      throw this.#astray('to an address with credentials in it', response.status);
    return next;
  }

  #astray(where: string, status: number | null): HttpError {
    return new HttpError(`${this.name} redirects ${where}; that is not followed.`, status);
  }

  async #refusal(response: HttpResponse, host: string, missing: (why: string) => Error): Promise<Error> {
    const { status } = response;
    const why = await reason(response);
    if (status === 404) return missing(why);
    const { repository } = this.#endpoint;
    if (status === 401 || status === 403) {
      return new HttpError(
        `${host} refuses to hand out ${repository} (${status}${why}). Tried: ${this.#authorizer.tried}. It may also not exist. ` +
          'Log in with a container tool, or give credentials with .registry((r) => r.auth({ kind: "basic", … })).',
        status,
      );
    }
    const wait = response.header('retry-after');
    const later = wait === undefined ? '' : ` It asks to be left alone: Retry-After ${quoted(wait)}.`;
    return TransientError.from(
      response,
      new HttpError(`${host} answers ${status} for ${repository}${why}.${later}`, status),
    );
  }
}

/** What the specification has registries say of an error: the first of them, if there is one. */
async function reason(response: HttpResponse): Promise<string> {
  try {
    const text = (await readWhole(response, maxErrorBytes, 'An error')).toString('utf8');
    const { errors } = JSON.parse(text) as { errors?: { code?: unknown; message?: unknown }[] };
    const { code, message } = errors?.[0] ?? {};
    const said = [code, message].filter((part) => typeof part === 'string' && part !== '').join(': ');
    return said === '' ? '' : `, ${quoted(said)}`;
  } catch {
    return ''; // the status says enough
  } finally {
    response.drop();
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
