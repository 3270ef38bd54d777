import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { HttpError, ImageError, ImageNotFoundError } from '../../errors.js';
import {
  chooseVariant,
  type Descriptor,
  indexTypes,
  manifestTypes,
  maxDocumentBytes,
  maxIndexDepth,
  nestedTooDeep,
  parseObject,
  quoted,
} from '../layout.js';
import type { ImageReference } from '../reference.js';
import type { ImageSource } from '../source.js';
import { readWhole } from './authorizer.js';
import { documentType } from './document-type.js';
import { Http, type HttpResponse } from './http.js';
import { type Patience, RegistryClient, usualPatience } from './registry-client.js';
import { endpointsOf, type RegistryConfig } from './settings.js';

/** A document of a registry, checked against its digest. */
interface Document {
  readonly descriptor: Descriptor;
  readonly content: Record<string, unknown>;
}

/** An image in a registry, or in a mirror of it. */
export class RegistrySource implements ImageSource {
  readonly name: string;
  readonly #reference: ImageReference;
  readonly #http: Http;
  /** In the order in which they are asked. Those before the one that has had the manifest go. */
  #clients: RegistryClient[];
  readonly #documents = new Map<string, Buffer>();

  /** @throws InvalidConfigError for variables of the environment that are malformed. */
  constructor(
    reference: ImageReference,
    config: RegistryConfig = {},
    { env = process.env, patience = usualPatience }: { env?: NodeJS.ProcessEnv; patience?: Patience } = {},
  ) {
    this.name = reference.registry;
    this.#reference = reference;
    const endpoints = endpointsOf(reference, config, env);
    this.#http = new Http({ caCerts: config.caCerts ?? [], stallMs: patience.stallMs, env });
    this.#clients = endpoints.map((endpoint) => new RegistryClient(this.#http, endpoint, patience, env));
  }

  /** @throws ImageNotFoundError, HttpError, ImageError, TimeoutError, InvalidConfigError; the signal's reason. */
  async manifest(architecture: string, given?: AbortSignal): Promise<Descriptor> {
    const signal = given ?? new AbortController().signal;
    const failures: string[] = [];
    for (const [place, client] of this.#clients.entries()) {
      try {
        const descriptor = await this.#resolve(client, architecture, signal);
        this.#clients = this.#clients.slice(place);
        return descriptor;
      } catch (error) {
        signal.throwIfAborted();
        if (place === this.#clients.length - 1) {
          if (failures.length > 0)
            (error as Error).message += ` Mirrors were of no use: ${failures.join(' ')}`;
          throw error;
        }
        failures.push((error as Error).message);
      }
    }
    throw new ImageError(`There is nowhere to look for ${this.name}.`); // there is always the registry itself
  }

  async open(blob: Descriptor, offset: number, signal: AbortSignal): Promise<Readable> {
    const document = this.#documents.get(blob.digest);
    if (document) return Readable.from([document.subarray(offset)], { objectMode: false });
    const out = new PassThrough({ highWaterMark: 1024 * 1024 });
    const gone = new AbortController();
    out.once('close', () => gone.abort());
    this.#pump(blob, offset, out, AbortSignal.any([signal, gone.signal])).then(
      () => out.end(),
      (error: unknown) => out.destroy(signal.aborted ? (signal.reason as Error) : (error as Error)),
    );
    return out;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]();
  }

  async #resolve(client: RegistryClient, architecture: string, signal: AbortSignal): Promise<Descriptor> {
    const { registry, repository, tag, digest } = this.#reference;
    const what = `${registry}/${repository}${digest === null ? `:${tag}` : `@${digest}`}`;
    let document = await this.#fetchDocument(client, what, { by: digest ?? `${tag}`, digest }, signal);
    for (let depth = 0; depth < maxIndexDepth; depth++) {
      if (manifestTypes.includes(document.descriptor.mediaType)) return document.descriptor;
      const chosen = chooseVariant(document.content, architecture, `The image ${what}`);
      document = await this.#fetchDocument(client, what, { by: chosen.digest, ...chosen }, signal);
      if (document.descriptor.mediaType !== chosen.mediaType)
        throw new ImageError(
          `${what} lists ${chosen.digest} as ${chosen.mediaType}, and it is ${document.descriptor.mediaType}.`,
        );
    }
    if (manifestTypes.includes(document.descriptor.mediaType)) return document.descriptor;
    throw nestedTooDeep(`The image ${what}`);
  }

  #fetchDocument(
    client: RegistryClient,
    what: string,
    wanted: { readonly by: string; readonly digest: string | null; readonly size?: number },
    signal: AbortSignal,
  ): Promise<Document> {
    const headers = { accept: [...manifestTypes, ...indexTypes].join(', ') };
    const missing = (why: string) =>
      new ImageNotFoundError(
        `${client.name} has no image ${what} (404${why}). Is its name right, and its tag?`,
      );
    return client.retrying(signal, async () => {
      const response = await client.get(`manifests/${wanted.by}`, { headers, signal, missing });
      const bytes = await whole(client, response, what);
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
      const claimed = [wanted.digest, response.header('docker-content-digest')].find((one) =>
        one?.startsWith('sha256:'),
      );
      if (claimed && claimed !== digest)
        throw new ImageError(
          `${client.name} sends something else for ${what}: its digest is ${digest}, not ${quoted(claimed)}.`,
        );
      if (wanted.size !== undefined && wanted.size !== bytes.length)
        throw new ImageError(
          `${client.name} sends ${bytes.length} bytes for ${digest} of ${what}; its index says ${wanted.size}.`,
        );
      const content = parseObject(bytes, `The manifest of ${what}`);
      const mediaType = documentType(response.header('content-type'), content, what);
      this.#documents.set(digest, bytes);
      return { descriptor: { mediaType, digest, size: bytes.length }, content };
    });
  }

  /** Writes a blob to `out`. What breaks goes on where it broke; where one endpoint has failed, at the next. */
  async #pump(blob: Descriptor, offset: number, out: PassThrough, signal: AbortSignal): Promise<void> {
    let position = offset;
    const write = async (chunk: Buffer) => {
      position += chunk.length;
      if (!out.write(chunk)) await once(out, 'drain', { signal });
    };
    for (const [place, client] of this.#clients.entries()) {
      try {
        return await client.retrying(signal, () => this.#send(client, blob, position, write, signal));
      } catch (error) {
        signal.throwIfAborted();
        if (place === this.#clients.length - 1) throw error;
      }
    }
  }

  async #send(
    client: RegistryClient,
    blob: Descriptor,
    from: number,
    write: (chunk: Buffer) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const missing = (why: string) =>
      new HttpError(`${client.name} lacks blob ${blob.digest} of an image that it has (404${why}).`, 404);
    const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
    const response = await client.get(`blobs/${blob.digest}`, { headers, signal, missing });
    try {
      let skip = unwanted(
        response,
        from,
        `${client.name}, asked for blob ${blob.digest} from byte ${from} on,`,
      );
      for await (const chunk of response.body()) {
        signal.throwIfAborted();
        const rest = chunk.subarray(skip);
        skip -= chunk.length - rest.length;
        if (rest.length > 0) await write(rest);
      }
    } catch (error) {
      signal.throwIfAborted();
      throw client.broken(error);
    } finally {
      response.drop();
    }
  }
}

async function whole(client: RegistryClient, response: HttpResponse, what: string): Promise<Buffer> {
  try {
    return await readWhole(response, maxDocumentBytes, `The manifest of ${what}`);
  } catch (error) {
    throw client.broken(error);
  } finally {
    response.drop();
  }
}

/** How many bytes of an answer come before those that were asked for: all, where a server sends the whole blob. */
function unwanted(response: HttpResponse, from: number, what: string): number {
  if (response.status === 200) return from;
  const start = /^bytes (\d+)-/.exec(response.header('content-range') ?? '')?.[1];
  if (start === undefined || Number(start) !== from)
    throw new ImageError(
      `${what} sends another part: ${quoted(response.header('content-range') ?? 'it does not say which')}.`,
    );
  return 0;
}
