import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { EnvHttpProxyAgent, request } from 'undici';
import { HttpError, InvalidConfigError, isMicrosandboxError, TimeoutError } from '../../errors.js';
import { isError } from '../../host/any-realm.js';
import { clearTimeout, monotonicMs, setTimeout, wallMs } from '../../host/clock.js';

export interface HttpRequest {
  readonly method?: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** An answer; its body is read, or let go of with `drop()`. */
export interface HttpResponse {
  readonly status: number;
  /** The first value where there are several; names in lower case. */
  header(name: string): string | undefined;
  headers(name: string): readonly string[];
  /** @throws TimeoutError when nothing comes for too long; errors of the connection. */
  body(): AsyncGenerator<Buffer, void, undefined>;
  drop(): void;
}

/** Of what comes within one wait for a peer; less is none. So one who sends a byte now and then stalls too. */
const leastProgressBytes = 1024;

/**
 * HTTP, one request at a time: no redirects, no retries, no decompression. Proxies are those of `HTTP_PROXY`, `HTTPS_PROXY` and
 * `NO_PROXY`; the loopback never goes through one.
 */
export class Http implements AsyncDisposable {
  readonly #agent: EnvHttpProxyAgent;
  readonly #stallMs: number;

  /**
   * @param options.stallMs how long a peer may send nothing.
   * @throws InvalidConfigError for proxies or certificates that are none.
   */
  constructor(options: {
    readonly caCerts: readonly Uint8Array[];
    readonly stallMs: number;
    readonly env: NodeJS.ProcessEnv;
  }) {
    this.#stallMs = options.stallMs;
    const { env } = options;
    const ca = trusted(options.caCerts, env);
    const proxy = (name: string) => env[name.toLowerCase()] ?? env[name] ?? '';
    try {
      this.#agent = new EnvHttpProxyAgent({
        httpProxy: proxy('HTTP_PROXY'),
        httpsProxy: proxy('HTTPS_PROXY'),
        noProxy: `${proxy('NO_PROXY')},localhost,127.0.0.1,[::1]`.replace(/^\*,.*/, '*'),
        proxyTunnel: false, // of plain HTTP: proxies allow CONNECT to the port of HTTPS only
        // Waits are counted here, by clocks that stay when a test exchanges the global ones.
        headersTimeout: 0,
        bodyTimeout: 0,
        connect: { ca, timeout: options.stallMs },
        requestTls: { ca },
      });
    } catch (error) {
      throw new InvalidConfigError(
        `HTTP_PROXY and HTTPS_PROXY are addresses such as http://proxy.example:3128: ${(error as Error).message}`,
      );
    }
  }

  /** @throws TimeoutError when there is no answer for too long; errors of the connection; the signal's reason. */
  async send(url: URL, { method = 'GET', headers, body, signal }: HttpRequest): Promise<HttpResponse> {
    const stall = new AbortController();
    const either = AbortSignal.any([signal, stall.signal]);
    const wait = <T>(what: Promise<T>, ms = this.#stallMs): Promise<T> =>
      within(what, ms, () => {
        const error = stalled(url, this.#stallMs);
        stall.abort(error);
        return error;
      });
    const response = await wait(
      request(url, {
        method,
        headers: { 'user-agent': 'msbtest', 'accept-encoding': 'identity', ...headers },
        body: body ?? null,
        signal: either,
        dispatcher: this.#agent,
      }),
    );
    const all = (name: string) => {
      const value = response.headers[name];
      return value === undefined ? [] : typeof value === 'string' ? [value] : value;
    };
    response.body.on('error', () => {}); // whoever reads it hears of it from there
    return {
      status: response.statusCode,
      header: (name) => all(name)[0],
      headers: all,
      body: () => readSteadily(response.body, wait, this.#stallMs, () => stalled(url, this.#stallMs)),
      drop: () => response.body.destroy(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }
}

/** Counts only what is spent waiting for the peer: a reader may take its time. */
async function* readSteadily(
  body: AsyncIterable<Buffer>,
  wait: <T>(what: Promise<T>, ms: number) => Promise<T>,
  stallMs: number,
  stalledNow: () => Error,
): AsyncGenerator<Buffer, void, undefined> {
  let waited = 0;
  let bytes = 0;
  const iterator = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const begin = monotonicMs();
      const next = await wait(iterator.next(), Math.max(1, stallMs - waited));
      if (next.done) return;
      waited += monotonicMs() - begin;
      bytes += next.value.length;
      if (bytes >= leastProgressBytes) [waited, bytes] = [0, 0];
      else if (waited >= stallMs) throw stalledNow();
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}

async function within<T>(what: Promise<T>, ms: number, expired: () => Error): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(expired()), ms);
  });
  what.catch(() => {});
  try {
    return await Promise.race([what, late]);
  } finally {
    clearTimeout(timer);
  }
}

function stalled(url: URL, ms: number): TimeoutError {
  return new TimeoutError(
    `${url.host} has stalled: it sent nothing, or next to nothing, for ${ms} ms. Ask again; what had come is kept.`,
  );
}

/** An authority more takes the place of none: Node's own list, and what `NODE_EXTRA_CA_CERTS` adds to it, stay. */
function trusted(more: readonly Uint8Array[], env: NodeJS.ProcessEnv): string[] | undefined {
  if (more.length === 0) return undefined;
  return [...rootCertificates, ...extra(env), ...more.map((pem) => Buffer.from(pem).toString('utf8'))];
}

function extra({ NODE_EXTRA_CA_CERTS: path }: NodeJS.ProcessEnv): string[] {
  try {
    return path ? [readFileSync(path, 'utf8')] : [];
  } catch {
    return []; // as Node itself, which has warned of it
  }
}

/** What went wrong with a connection, by its code; undefined where it is none of a connection's errors. */
export function connectionFault(error: unknown): string | undefined {
  // Node's own errors are of another realm than we are in some test runners.
  for (let at: unknown = error, depth = 0; isError(at) && depth < 5; at = at.cause, depth++) {
    const { errors } = at as { errors?: unknown };
    const inner: unknown = Array.isArray(errors) ? errors[0] : at;
    const code = (inner as { code?: unknown } | undefined)?.code;
    if (typeof code === 'string' && !isMicrosandboxError(inner)) return code;
    if (at.name === 'HTTPParserError') return 'no HTTP'; // the parser's code is not always there
  }
  return undefined;
}

/** Whether a connection broke that had been one; and not: nobody there, no such host, not who it should be. */
export function isReset(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(connectionFault(error) ?? '');
}

const certificateFaults = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT)/;

/** An error of a connection as one for people, with the remedy where there is one. */
export function connectionError(host: string, error: unknown): unknown {
  const code = connectionFault(error);
  if (code === undefined || isMicrosandboxError(error)) return error;
  const remedy = certificateFaults.test(code)
    ? ' It is not trusted: give its authority to .registry((r) => r.caCertsPath(…)), or to Node with NODE_EXTRA_CA_CERTS.'
    : isNoTls(error)
      ? ' It does not speak TLS; a registry that is meant to be plain is named in MSB_REGISTRY_INSECURE, or with .registry((r) => r.insecure()).'
      : '';
  return new HttpError(
    `${host} cannot be talked to: ${(error as Error).message || code} (${code}).${remedy}`,
    null,
    {
      cause: error,
    },
  );
}

/** Whether the peer answered a TLS greeting with something else. */
export function isNoTls(error: unknown): boolean {
  const code = connectionFault(error) ?? '';
  return code === 'EPROTO' || code.startsWith('ERR_SSL_');
}

/** What may pass by itself: too many requests, a server that is down, a connection that broke. `error` is what to say if it does not. */
export class TransientError extends Error {
  override readonly name = 'TransientError';
  constructor(
    readonly error: unknown,
    /** When to come again, where the server has said so. */
    readonly retryAfterMs: number | null,
  ) {
    super('transient', { cause: error });
  }

  /** @param error what the answer comes to. @returns it, as a transient one where the status says that. */
  static from(response: HttpResponse, error: HttpError): HttpError | TransientError {
    if (response.status !== 429 && response.status < 500) return error;
    return new TransientError(error, retryAfter(response.header('retry-after')));
  }
}

/** Seconds, or a date. */
function retryAfter(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - wallMs());
}
