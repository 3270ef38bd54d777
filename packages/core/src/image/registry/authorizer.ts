import { HttpError, ImageError } from '../../errors.js';
import { monotonicMs } from '../../host/clock.js';
import { parseObject, quoted } from '../layout.js';
import { type Challenge, parseChallenges } from './challenge.js';
import { type Credentials, dockerCredentials } from './credentials.js';
import { type Http, type HttpResponse, TransientError } from './http.js';
import type { Endpoint } from './settings.js';

/** Tokens that say nothing of it live as long as this, by the specification. */
const defaultLifetimeSecs = 60;
/** A token is not used in its last seconds: it has a way to go. */
const marginMs = 5_000;
const maxTokenAnswerBytes = 1024 * 1024;
const maxRealmLength = 4096;

/**
 * Gets leave to read one repository at one endpoint. Nothing is sent before the endpoint has asked for it.
 *
 * A bearer token comes from the server that the registry names, its realm. Credentials go there as they would go to the registry, which
 * could as well ask for them itself; but only by TLS, or to the host of a registry that is plain itself. The scope that is asked for is
 * ours, not what the registry would like: a token opens one repository, for reading.
 */
export class Authorizer {
  readonly #http: Http;
  readonly #endpoint: Endpoint;
  readonly #env: NodeJS.ProcessEnv;
  #header: { readonly value: string; readonly expiresMs: number } | undefined;
  /** What was tried, for whoever is refused. */
  #tried = 'no credentials';

  constructor(http: Http, endpoint: Endpoint, env: NodeJS.ProcessEnv) {
    this.#http = http;
    this.#endpoint = endpoint;
    this.#env = env;
  }

  get tried(): string {
    return this.#tried;
  }

  /** The value for `Authorization`, where there is one that still holds. */
  header(): string | undefined {
    if (this.#header && this.#header.expiresMs <= monotonicMs()) this.#header = undefined;
    return this.#header?.value;
  }

  /**
   * Meets what a refused request was answered with.
   *
   * @param sent what the refused request had for `Authorization`.
   * @returns what to send instead; undefined when there is nothing else to try.
   * @throws HttpError, TimeoutError, InvalidConfigError, TransientError.
   */
  async meet(
    refused: HttpResponse,
    base: URL,
    sent: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const challenges = refused.headers('www-authenticate').flatMap(parseChallenges);
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    const basic = challenges.find(({ scheme }) => scheme === 'basic');
    if (!bearer && !basic) return undefined;
    const credentials = await this.#credentials();
    const header =
      credentials?.kind === 'bearer'
        ? { value: `Bearer ${credentials.token}`, expiresMs: Number.POSITIVE_INFINITY }
        : bearer
          ? await this.#token(bearer, base, credentials, signal)
          : credentials?.kind === 'basic'
            ? { value: basicHeader(credentials), expiresMs: Number.POSITIVE_INFINITY }
            : undefined;
    if (!header || header.value === sent) return undefined;
    this.#header = header;
    return header.value;
  }

  async #credentials(): Promise<Credentials | null> {
    const { auth, name } = this.#endpoint;
    if (auth?.kind === 'anonymous') {
      this.#tried = 'no credentials, as .registry() says';
      return null;
    }
    if (auth) {
      this.#tried = `the user ${quoted(auth.username)} given to .registry()`;
      return { ...auth, from: '.registry()' };
    }
    const { credentials, looked } = await dockerCredentials(name, this.#env);
    this.#tried = credentials
      ? `${credentials.kind === 'basic' ? `the user ${quoted(credentials.username)}` : 'a token'} from ${credentials.from}`
      : `no credentials: ${looked}`;
    return credentials;
  }

  async #token(
    { parameters }: Challenge,
    base: URL,
    credentials: Credentials | null,
    signal: AbortSignal,
  ): Promise<{ value: string; expiresMs: number }> {
    const realm = this.#realm(parameters.realm, base);
    const scope = `repository:${this.#endpoint.repository}:pull`;
    const service = parameters.service ?? '';
    let response: HttpResponse;
    if (credentials?.kind === 'identity') {
      const form = {
        grant_type: 'refresh_token',
        service,
        client_id: 'msbtest',
        scope,
        refresh_token: credentials.token,
      };
      response = await this.#http.send(realm, {
        method: 'POST',
        headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(form).toString(),
        signal,
      });
    } else {
      if (service !== '') realm.searchParams.set('service', service);
      realm.searchParams.set('scope', scope);
      if (credentials?.kind === 'basic') realm.searchParams.set('account', credentials.username);
      response = await this.#http.send(realm, {
        headers: {
          accept: 'application/json',
          ...(credentials?.kind === 'basic' ? { authorization: basicHeader(credentials) } : {}),
        },
        signal,
      });
    }
    return this.#readToken(response, realm);
  }

  #realm(text: string | undefined, base: URL): URL {
    const url =
      text !== undefined && text.length <= maxRealmLength && URL.canParse(text) ? new URL(text) : null;
    const { name } = this.#endpoint;
    if (url?.username !== '' || url.password !== '')
      throw new HttpError(
        `${name} asks for a token, but not where there is one: realm ${quoted(text ?? '')}.`,
        401,
      );
    const isSafe =
      url.protocol === 'https:' ||
      (url.protocol === 'http:' && base.protocol === 'http:' && url.hostname === base.hostname);
    if (isSafe) return url;
    throw new HttpError(
      `${name} wants a token from ${quoted(`${url.protocol}//${url.host}`)}: that is not by TLS, and nothing is sent there.`,
      401,
    );
  }

  async #readToken(response: HttpResponse, realm: URL): Promise<{ value: string; expiresMs: number }> {
    const { name } = this.#endpoint;
    const { status } = response;
    if (status !== 200) {
      response.drop();
      const what = `${realm.host} gives no token for ${name} (${status}). Tried: ${this.#tried}.`;
      throw TransientError.from(response, new HttpError(what, status));
    }
    const answer = parseObject(
      await readWhole(response, maxTokenAnswerBytes, `The token of ${realm.host}`),
      `The token of ${realm.host}`,
    );
    const token = [answer.token, answer.access_token].find(
      (value) => typeof value === 'string' && /^[\x21-\x7e]+$/.test(value),
    );
    if (token === undefined) throw new HttpError(`What ${realm.host} answers has no token in it.`, status);
    const { expires_in: lifetime } = answer;
    const secs = typeof lifetime === 'number' && lifetime > 0 ? lifetime : defaultLifetimeSecs;
    return { value: `Bearer ${token as string}`, expiresMs: monotonicMs() + secs * 1000 - marginMs };
  }
}

function basicHeader({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** @throws ImageError when it is longer than a document may be. */
export async function readWhole(response: HttpResponse, maxBytes: number, what: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response.body()) {
    length += chunk.length;
    if (length > maxBytes) throw new ImageError(`${what} is longer than ${maxBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
