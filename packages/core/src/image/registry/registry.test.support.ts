import { execFileSync } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

export const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
export const manifestType = 'application/vnd.oci.image.manifest.v1+json';
export const indexType = 'application/vnd.oci.image.index.v1+json';

export const digestOf = (bytes: string | Buffer) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface TestImage {
  /** By digest: config, layers. */
  readonly blobs: Map<string, Buffer>;
  readonly manifest: Buffer;
  readonly config: Blob;
  readonly layers: readonly Blob[];
}

/** An image whose layers each have one file of so many random bytes. */
export async function makeImage({
  sizes = [1000],
  forArchitecture = architecture,
  diffIds,
  seed = 'x',
}: {
  sizes?: readonly number[];
  forArchitecture?: string;
  diffIds?: readonly string[];
  seed?: string;
} = {}): Promise<TestImage> {
  const blobs = new Map<string, Buffer>();
  const blob = (bytes: Buffer, mediaType: string): Blob => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const tars = await Promise.all(sizes.map((size, index) => tarOf(`${seed}-${index}`, size)));
  const layers = tars.map((tar) =>
    blob(gzipSync(tar, { level: 1 }), 'application/vnd.oci.image.layer.v1.tar+gzip'),
  );
  const rootfs = { type: 'layers', diff_ids: diffIds ?? tars.map(digestOf) };
  const config = blob(
    Buffer.from(JSON.stringify({ architecture: forArchitecture, os: 'linux', rootfs })),
    'application/vnd.oci.image.config.v1+json',
  );
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config, layers }));
  return { blobs, manifest, config, layers };
}

async function tarOf(name: string, size: number): Promise<Buffer> {
  // Bytes that do not compress, and are the same each time.
  const key = createHash('sha256').update(name).digest();
  const content = createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
  const stream = pack();
  stream.entry({ name, mtime: new Date(0) }, content);
  stream.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export interface Seen {
  readonly url: string;
  readonly method: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A server on the loopback that notes what it is asked; what no handler takes is 404. */
export class TestServer implements AsyncDisposable {
  readonly seen: Seen[] = [];
  /** By the beginning of a path; the latest that fits has it. A handler that returns `next` leaves it to the one before. */
  readonly #handlers: { readonly path: string; readonly handler: Handler }[] = [];
  readonly #sockets = new Set<import('node:net').Socket>();
  readonly #server: import('node:http').Server;
  #sentBefore = 0;

  private constructor(tls?: { key: Buffer; cert: Buffer }) {
    const listener: RequestListener = (request, response) => this.#answer(request, response);
    this.#server = tls ? createSecureServer(tls, listener) : createServer(listener);
    this.#server.on('connect', (request: IncomingMessage, socket: import('node:stream').Duplex) => {
      this.seen.push({
        url: request.url ?? '',
        method: 'CONNECT',
        authorization: undefined,
        range: undefined,
      });
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sentBefore += socket.bytesWritten;
        this.#sockets.delete(socket);
      });
    });
  }

  static async start(tls?: { key: Buffer; cert: Buffer }): Promise<TestServer> {
    const server = new TestServer(tls);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** How many are open. */
  get connections(): number {
    return this.#sockets.size;
  }
  /** All that the kernel has taken from it. */
  get bytesSent(): number {
    return [...this.#sockets].reduce(
      (sum, socket) => sum + socket.bytesWritten - socket.writableLength,
      this.#sentBefore,
    );
  }

  on(path: string, handler: Handler): this {
    this.#handlers.unshift({ path, handler });
    return this;
  }

  /** Lets an image be had as `REPOSITORY:tag`. */
  serve(image: TestImage, { repository = 'team/app', tag = 'latest', type = manifestType } = {}): this {
    this.document(image.manifest, { repository, tag, type });
    for (const [digest, bytes] of image.blobs) {
      this.on(`/v2/${repository}/blobs/${digest}`, (request, response) =>
        sendRange(request, response, bytes),
      );
    }
    return this;
  }

  /** A manifest or index, by its digest, and by a tag where there is one. */
  document(
    bytes: Buffer,
    {
      repository = 'team/app',
      tag,
      type = manifestType,
    }: { repository?: string; tag?: string; type?: string },
  ): this {
    const handler: Handler = (_, response) => {
      response.writeHead(200, { 'content-type': type, 'content-length': bytes.length });
      response.end(bytes);
    };
    if (tag !== undefined) this.on(`/v2/${repository}/manifests/${tag}`, handler);
    return this.on(`/v2/${repository}/manifests/${digestOf(bytes)}`, handler);
  }

  asked(part: string): Seen[] {
    return this.seen.filter(({ url }) => url.includes(part));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '', method = '' } = request;
    const { authorization, range } = request.headers;
    this.seen.push({ url, method, authorization, range });
    response.on('error', () => {});
    for (const { path, handler } of this.#handlers) {
      if (url.startsWith(path) && (await handler(request, response)) !== 'next') return;
    }
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end('{"errors": [{"code": "NAME_UNKNOWN", "message": "no such \\u001b[31mthing"}]}');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

export function sendRange(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const rest = bytes.subarray(from);
  response.writeHead(from > 0 ? 206 : 200, {
    'content-length': rest.length,
    ...(from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}),
  });
  response.end(rest);
}

/** A certificate of an authority of its own, for 127.0.0.1 and localhost. */
export function makeCertificate(directory: string): { key: Buffer; cert: Buffer; ca: Buffer } {
  mkdirSync(directory, { recursive: true });
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...curve,
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
    '-days',
    '2',
    '-subj',
    '/CN=tests',
  );
  openssl(
    'req',
    ...curve,
    '-keyout',
    'server.key',
    '-out',
    'server.csr',
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=DNS:localhost,IP:127.0.0.1',
  );
  openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'ca.crt',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '2',
    '-copy_extensions',
    'copy',
    '-out',
    'server.crt',
  );
  const file = (name: string) => readFileSync(join(directory, name));
  return { key: file('server.key'), cert: file('server.crt'), ca: file('ca.crt') };
}
