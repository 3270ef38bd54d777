import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { HttpError, ImageError, ImageNotFoundError, IoError, TimeoutError } from '../../errors.js';
import { parseReference } from '../reference.js';
import { Cache, impatient } from './pulling.test.support.js';
import {
  digestOf,
  indexType,
  makeCertificate,
  makeImage,
  manifestType,
  type TestImage,
  TestServer,
} from './registry.test.support.js';
import { RegistrySource } from './registry-source.js';
import type { RegistryConfig } from './settings.js';

vi.setConfig({ testTimeout: 30_000 });

const secret = 'hunter2-secret';
const bob = { kind: 'basic', username: 'bob', password: secret } as const;

let image: TestImage;
beforeAll(async () => {
  image = await makeImage({ sizes: [300_000] });
});

const scratch = mkdtempSync(join(tmpdir(), 'msb-unit-'));
afterAll(() => rmSync(scratch, { recursive: true }));

interface Case {
  readonly registry: TestServer;
  /** Another server, to which nothing secret may go. */
  readonly elsewhere: TestServer;
  readonly image: TestImage;
}

interface Row {
  readonly title: string;
  behave(given: Case): void | Promise<void>;
  readonly error: abstract new (...args: never[]) => Error;
  readonly message: RegExp;
  readonly config?: RegistryConfig;
  /** What of a blob may be left for the next attempt. */
  readonly keepsPart?: boolean;
  /** Whether credentials may have gone to the registry. */
  readonly authorizes?: boolean;
  check?(given: Case): void;
}

const manifests = '/v2/team/app/manifests/';
const blobs = '/v2/team/app/blobs/';
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const challenge = (value: string) => ({ 'www-authenticate': value });
const layer = () => image.layers[0] ?? expect.fail();
const layerBytes = () => image.blobs.get(layer().digest) ?? expect.fail();
const refuses =
  (status: number, headers: Record<string, string> = {}) =>
  ({ registry }: Case) =>
    void registry.on('/v2/', (_, response) => response.writeHead(status, headers).end());
const tagged =
  (bytes: () => Buffer, type = manifestType) =>
  ({ registry }: Case) =>
    void registry.document(bytes(), { tag: 'latest', type });
const bearer = (realm: (given: Case) => string) => (given: Case) =>
  void given.registry.on('/v2/', (request, response) =>
    request.headers.authorization?.startsWith('Bearer')
      ? 'next'
      : response
          .writeHead(
            401,
            challenge(`Bearer realm="${realm(given)}",service="s",scope="repository:other/one:push"`),
          )
          .end(),
  );
const tokens = (answer: (response: import('node:http').ServerResponse) => void) => (given: Case) => {
  bearer(({ registry }) => `http://${registry.host}/token`)(given);
  given.registry.on('/token', (_, response) => answer(response));
};
const endless = (response: import('node:http').ServerResponse, type: string) => {
  response.writeHead(200, { 'content-type': type });
  const more = () => {
    while (response.write(Buffer.alloc(64 * 1024, ' ')));
  };
  response.on('drain', more);
  more();
};
const sentAtMost =
  (mib: number) =>
  ({ registry }: Case) =>
    expect(registry.bytesSent).toBeLessThan(mib * 1024 ** 2);

const rows: Row[] = [
  {
    title: 'has no such image',
    behave: ({ registry }) => void registry.on(manifests, (_, response) => response.writeHead(404).end()),
    error: ImageNotFoundError,
    message: /has no image 127\.0\.0\.1:\d+\/team\/app:latest \(404\)/,
  },
  {
    title: 'says why, in colours',
    behave: ({ registry }) =>
      void registry.on(manifests, (_, response) => {
        response
          .writeHead(404)
          .end('{"errors": [{"code": "NAME_UNKNOWN", "message": "no such \\u001b[31mthing"}]}');
      }),
    error: ImageNotFoundError,
    message: /"NAME_UNKNOWN: no such \\u001b\[31mthing"/,
  },
  {
    title: 'refuses without a word',
    behave: refuses(401),
    error: HttpError,
    message: /\(401\)\. Tried: no credentials/,
  },
  {
    title: 'wants a name and a password that nobody has given',
    behave: refuses(401, challenge('Basic realm="x"')),
    error: HttpError,
    message: /401.*Tried: no credentials: there is no .*docker\/config\.json/,
  },
  {
    title: 'does not take those that were given',
    behave: refuses(401, challenge('Basic realm="x"')),
    config: { auth: bob },
    authorizes: true,
    error: HttpError,
    message: /401.*Tried: the user "bob" given to \.registry\(\)/,
    check: ({ registry }) =>
      expect(registry.seen.map(({ authorization }) => authorization !== undefined)).toEqual([false, true]),
  },
  {
    title: 'wants them, but is to be asked by nobody',
    behave: refuses(401, challenge('Basic realm="x"')),
    config: { auth: { kind: 'anonymous' } },
    error: HttpError,
    message: /Tried: no credentials, as \.registry\(\) says/,
  },
  { title: 'forbids it', behave: refuses(403), error: HttpError, message: /\(403\)/ },
  {
    title: 'is down, and stays so',
    behave: refuses(503),
    error: HttpError,
    message: /answers 503/,
    check: ({ registry }) => expect(registry.seen).toHaveLength(1 + impatient.retries),
  },
  {
    title: 'wants to be left alone for an hour',
    behave: refuses(429, { 'retry-after': '3600' }),
    error: HttpError,
    message: /429.*left alone: Retry-After "3600"/,
    check: ({ registry }) => expect(registry.seen).toHaveLength(1),
  },
  {
    title: 'answers what has no meaning here',
    behave: refuses(418),
    error: HttpError,
    message: /answers 418/,
    check: ({ registry }) => expect(registry.seen).toHaveLength(1),
  },
  {
    title: 'hangs up on every request',
    behave: ({ registry }) => void registry.on(manifests, (request) => request.socket.destroy()),
    error: HttpError,
    message: /cannot be talked to: .*\((UND_ERR_SOCKET|ECONNRESET)\)/,
    check: ({ registry }) => expect(registry.seen).toHaveLength(1 + impatient.retries),
  },
  {
    title: 'never answers',
    behave: ({ registry }) => void registry.on(manifests, () => {}),
    error: TimeoutError,
    message: /has stalled/,
  },
  {
    title: 'has a manifest that is no JSON',
    behave: tagged(() => Buffer.from('<html>')),
    error: ImageError,
    message: /is not JSON/,
  },
  {
    title: 'has a manifest that is a list',
    behave: tagged(() => json([])),
    error: ImageError,
    message: /is not a JSON object/,
  },
  {
    title: 'has a manifest without layers',
    behave: tagged(() => json({ config: image.config })),
    error: ImageError,
    message: /layers is not a JSON array/,
  },
  {
    title: 'has a manifest without an end',
    behave: ({ registry }) => void registry.on(manifests, (_, response) => endless(response, manifestType)),
    error: ImageError,
    message: /is longer than 4194304 bytes/,
    check: sentAtMost(12),
  },
  {
    title: 'says that the manifest has another digest',
    behave: ({ registry }) =>
      void registry.on(manifests, (_, response) =>
        response
          .writeHead(200, { 'content-type': manifestType, 'docker-content-digest': digestOf('other') })
          .end(image.manifest),
      ),
    error: ImageError,
    message: /something else for .*its digest is sha256:[0-9a-f]{64}, not "sha256:/,
  },
  {
    title: 'has schema 1',
    behave: tagged(
      () => json({ schemaVersion: 1, fsLayers: [] }),
      'application/vnd.docker.distribution.manifest.v1+prettyjws',
    ),
    error: ImageError,
    message: /schema 1/,
  },
  {
    title: 'has a manifest of a type that nobody knows',
    behave: tagged(() => json({ schemaVersion: 2 }), 'text/x-poem'),
    error: ImageError,
    message: /type "text\/x-poem"/,
  },
  {
    title: 'has a manifest that is an index too',
    behave: tagged(() => json({ ...JSON.parse(image.manifest.toString()), manifests: [] })),
    error: ImageError,
    message: /ambiguous: it has both/,
  },
  {
    title: 'sends a manifest as an index',
    behave: tagged(() => image.manifest, indexType),
    error: ImageError,
    message: /ambiguous: sent as/,
  },
  {
    title: 'calls a manifest an index',
    behave: tagged(() => json({ mediaType: indexType, layers: [], config: {} }), 'application/json'),
    error: ImageError,
    message: /is not what it says it is/,
  },
  {
    title: 'has it for others only',
    behave: tagged(
      () =>
        json({
          manifests: ['riscv64', 's390x\u001b[31m', 'unknown'].map((name) => ({
            mediaType: manifestType,
            digest: digestOf(name),
            size: 9,
            platform: { architecture: name, os: name === 'unknown' ? name : 'linux' },
          })),
        }),
      indexType,
    ),
    error: ImageError,
    message: /no variant for linux\/\w+\. There is linux\/riscv64, linux\/s390x\?\?31m\.$/,
  },
  {
    title: 'has an index in an index in an index',
    behave: ({ registry }) => {
      let inner = image.manifest;
      let type = manifestType;
      for (let depth = 0; depth < 6; depth++) {
        registry.document(inner, { type });
        inner = json({ manifests: [{ mediaType: type, digest: digestOf(inner), size: inner.length }] });
        type = indexType;
      }
      registry.document(inner, { tag: 'latest', type });
    },
    error: ImageError,
    message: /nests indexes more than 4 deep/,
  },
  {
    title: 'has an index that leads to itself',
    behave: ({ registry }) => {
      const digest = digestOf('itself');
      const index = json({ manifests: [{ mediaType: indexType, digest, size: 9 }] });
      for (const by of ['latest', digest])
        registry.on(`${manifests}${by}`, (_, response) =>
          response.writeHead(200, { 'content-type': indexType }).end(index),
        );
    },
    error: ImageError,
    message: /sends something else/,
  },
  {
    title: 'lists a manifest with another size',
    behave: tagged(
      () => json({ manifests: [{ mediaType: manifestType, digest: digestOf(image.manifest), size: 1 }] }),
      indexType,
    ),
    error: ImageError,
    message: /its index says 1/,
  },
  {
    title: 'lists what is no digest',
    behave: tagged(() =>
      json({ layers: [], config: { mediaType: 'x', size: 1, digest: 'sha256:../../../../etc/passwd' } }),
    ),
    error: ImageError,
    message: /is not a sha256 digest/,
  },
  {
    title: 'has a size below nothing',
    behave: tagged(() => json({ layers: [{ ...layer(), size: -1 }], config: image.config })),
    error: ImageError,
    message: /is no size/,
  },
  {
    title: 'has a configuration as large as a disk',
    behave: tagged(() => json({ layers: [], config: { ...image.config, size: 2 ** 40 } })),
    error: ImageError,
    message: /documents end at 4194304/,
  },
  {
    title: 'has a layer that is larger than the disk',
    behave: tagged(() => json({ layers: [{ ...layer(), size: 2 ** 52 }], config: image.config })),
    error: IoError,
    message: /4503599627370496 bytes to download/,
    check: ({ registry }) => expect(registry.asked(layer().digest)).toEqual([]),
  },
  {
    title: 'has one for another processor, and says so only within',
    behave: async ({ registry }) => void registry.serve(await makeImage({ forArchitecture: 'sparc' })),
    error: ImageError,
    message: /no variant for linux\/\w+\. There is linux\/sparc/,
    check: ({ registry }) => expect(registry.asked('/blobs/')).toHaveLength(1),
  },
  {
    title: 'has a layer without an end',
    behave: ({ registry }) =>
      void registry.on(`${blobs}${layer().digest}`, (_, response) => endless(response, 'x')),
    error: ImageError,
    message: /sends more for blob sha256:\w+ than its \d+ bytes/,
    check: sentAtMost(12),
  },
  {
    title: 'has a layer that is too short',
    behave: ({ registry }) =>
      void registry.on(`${blobs}${layer().digest}`, (_, response) => response.end(layerBytes().subarray(1))),
    error: ImageError,
    message: /sends \d+ bytes for blob sha256:\w+ instead of/,
  },
  {
    title: 'has another layer of the same length',
    behave: ({ registry }) =>
      void registry.on(`${blobs}${layer().digest}`, (_, response) =>
        response.end(Buffer.alloc(layer().size)),
      ),
    error: ImageError,
    message: /something else for blob/,
  },
  {
    title: 'compresses what it was not asked to compress',
    behave: ({ registry }) =>
      void registry.on(`${blobs}${layer().digest}`, (_, response) =>
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(layerBytes())),
      ),
    error: ImageError,
    message: /blob/,
  },
  {
    title: 'lacks a layer',
    behave: ({ registry }) =>
      void registry.on(`${blobs}${layer().digest}`, (_, response) => response.writeHead(404).end()),
    error: HttpError,
    message: /lacks blob/,
  },
  {
    title: 'has a layer that is no layer of its image',
    behave: async ({ registry }) => void registry.serve(await makeImage({ diffIds: [digestOf('other')] })),
    error: ImageError,
    message: /unpacks to/,
  },
  {
    title: 'stalls in the middle of a layer',
    behave: ({ registry }) =>
      void registry.on(`${blobs}${layer().digest}`, (_, response) => {
        response.writeHead(200, { 'content-length': layer().size });
        response.write(layerBytes().subarray(0, 100_000));
      }),
    error: TimeoutError,
    message: /has stalled/,
    keepsPart: true,
  },
  {
    title: 'sends a layer byte by byte',
    behave: ({ registry }) =>
      void registry.on(`${blobs}${layer().digest}`, (_, response) => {
        let at = 0;
        const drip = setInterval(() => response.write(layerBytes().subarray(at, ++at)), 20);
        response.on('close', () => clearInterval(drip));
      }),
    error: TimeoutError,
    message: /next to nothing/,
    keepsPart: true,
  },
  {
    title: 'breaks off in each layer, at the same place',
    behave: ({ registry }) =>
      void registry.on(`${blobs}${layer().digest}`, (request, response) => {
        if (request.headers.range) return request.socket.destroy();
        response.writeHead(200, { 'content-length': layer().size });
        return response.write(layerBytes().subarray(0, 100_000), () => request.socket.destroy());
      }),
    error: HttpError,
    message: /cannot be talked to/,
    keepsPart: true,
  },
  {
    title: 'goes on at another place than asked',
    behave: ({ registry }) =>
      void registry.on(`${blobs}${layer().digest}`, (request, response) => {
        if (request.headers.range)
          return response.writeHead(206, { 'content-range': 'bytes 7-9/10' }).end(layerBytes().subarray(7));
        response.writeHead(200, { 'content-length': layer().size });
        return response.write(layerBytes().subarray(0, 100_000), () => request.socket.destroy());
      }),
    error: ImageError,
    message: /sends another part: "bytes 7-9\/10"/,
  },
  {
    title: 'redirects in a circle',
    behave: ({ registry }) =>
      void registry.on(blobs, (request, response) =>
        response.writeHead(307, { location: request.url }).end(),
      ),
    error: HttpError,
    message: /in a circle/,
  },
  {
    title: 'redirects on and on',
    behave: ({ registry }) => {
      let hop = 0;
      registry.on(blobs, (_, response) => response.writeHead(302, { location: `${blobs}${++hop}` }).end());
    },
    error: HttpError,
    message: /further than 5 times/,
    check: ({ registry }) => expect(registry.seen.length).toBeLessThan(10),
  },
  ...['file:///etc/passwd', 'ftp://x/', 'http://name:word@x/', 'http://[', ''].map((location) => ({
    title: `redirects to ${JSON.stringify(location)}`,
    behave: ({ registry }: Case) =>
      void registry.on(blobs, (_, response) =>
        response.writeHead(307, location === '' ? {} : { location }).end(),
      ),
    error: HttpError,
    message: /redirects (to no address|to an address with credentials|from http:.* which is no TLS)/,
  })),
  {
    title: 'sends those who have a password to somebody else, who wants it too',
    behave: ({ registry, elsewhere }) => {
      registry.on('/v2/', (request, response) =>
        request.headers.authorization ? 'next' : response.writeHead(401, challenge('Basic realm="x"')).end(),
      );
      registry.on(blobs, (request, response) =>
        request.headers.authorization
          ? response.writeHead(307, { location: `http://${elsewhere.host}/x` }).end()
          : 'next',
      );
      elsewhere.on('/', (_, response) => response.writeHead(401, challenge('Basic realm="x"')).end());
    },
    config: { auth: bob },
    authorizes: true,
    error: HttpError,
    message: /refuses to hand out/,
    check: ({ elsewhere }) => expect(elsewhere.seen).toHaveLength(1),
  },
  {
    title: 'wants a token from nowhere',
    behave: bearer(() => 'nowhere'),
    error: HttpError,
    message: /realm "nowhere"/,
  },
  {
    title: 'wants a token from another host, not by TLS',
    behave: bearer(({ elsewhere }) => `http://localhost:${elsewhere.port}/token`),
    config: { auth: bob },
    error: HttpError,
    message: /that is not by TLS/,
    check: ({ elsewhere }) => expect(elsewhere.seen).toEqual([]),
  },
  {
    title: 'wants a token from an address with credentials',
    behave: bearer(({ elsewhere }) => `http://a:b@${elsewhere.host}/token`),
    error: HttpError,
    message: /asks for a token, but not where/,
  },
  {
    title: 'gives no token',
    behave: tokens((response) => response.writeHead(401).end()),
    config: { auth: bob },
    authorizes: true,
    error: HttpError,
    message: /gives no token for .* \(401\)\. Tried: the user "bob"/,
  },
  {
    title: 'gives an empty answer for a token',
    behave: tokens((response) => response.end('{}')),
    error: HttpError,
    message: /has no token in it/,
  },
  {
    title: 'gives a token that is none',
    behave: tokens((response) => response.end('{"token": "a\\r\\nx: y"}')),
    error: HttpError,
    message: /has no token in it/,
  },
  {
    title: 'gives a token that is no JSON',
    behave: tokens((response) => response.end('token')),
    error: ImageError,
    message: /is not JSON/,
  },
  {
    title: 'gives a token without an end',
    behave: tokens((response) => endless(response, 'application/json')),
    error: ImageError,
    message: /longer than 1048576/,
    check: sentAtMost(8),
  },
  {
    title: 'redirects those who want a token to somebody else',
    behave: (given) =>
      tokens((response) => response.writeHead(307, { location: `http://${given.elsewhere.host}/` }).end())(
        given,
      ),
    config: { auth: bob },
    authorizes: true,
    error: HttpError,
    message: /gives no token for .* \(307\)/,
    check: ({ elsewhere }) => expect(elsewhere.seen).toEqual([]),
  },
  {
    title: 'does not take the token that it gave',
    behave: (given) => {
      given.registry.on('/v2/', (_, response) =>
        response.writeHead(401, challenge(`Bearer realm="http://${given.registry.host}/token"`)).end(),
      );
      given.registry.on('/token', (_, response) => response.end('{"token": "abc"}'));
    },
    authorizes: true,
    error: HttpError,
    message: /\(401\)/,
    check: ({ registry }) => expect(registry.asked('/token')).toHaveLength(1),
  },
  {
    title: 'has headers without an end',
    behave: ({ registry }) =>
      void registry.on(manifests, (_, response) => response.writeHead(200, { x: 'y'.repeat(100_000) }).end()),
    error: HttpError,
    message: /HEADERS_OVERFLOW/,
  },
];

describe('a registry that', () => {
  it.each(rows)('$title', async ({ behave, error, message, config, keepsPart, authorizes, check }) => {
    using cache = new Cache();
    await using registry = await TestServer.start();
    await using elsewhere = await TestServer.start();
    const given = { registry: registry.serve(image), elsewhere, image };
    await behave(given);
    const thrown = await cache.pull(`${registry.host}/team/app`, { config: config ?? {} }).then(
      () => expect.fail('it was pulled'),
      (caught: Error) => caught,
    );
    expect(thrown).toBeInstanceOf(error);
    expect(thrown.message).toMatch(message);
    // No name, no root, nothing half-made: what is there is whole, and what its name says.
    expect(cache.store.list()).toEqual([]);
    const left = cache.files();
    for (const file of left) expect(file).toMatch(/^blobs\/sha256\/[0-9a-f]{64}(\.part)?$/);
    expect(left.filter((file) => file.endsWith('.part'))).toHaveLength(keepsPart ? 1 : 0);
    // What is secret goes to the registry, when it asks, and to nobody else, and into no message.
    const authorizations = registry.seen.filter(({ authorization }) => authorization !== undefined);
    if (!authorizes) expect(authorizations).toEqual([]);
    expect(elsewhere.seen.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
    for (let at: unknown = thrown; at instanceof Error; at = at.cause) {
      expect(`${at.message} ${at.stack} ${JSON.stringify(at)}`).not.toContain(secret);
      expect(at.message).not.toContain(Buffer.from(`bob:${secret}`).toString('base64'));
    }
    check?.(given);
  });

  it('is not there', async () => {
    using cache = new Cache();
    const server = await TestServer.start();
    const { host } = server;
    await server[Symbol.asyncDispose]();
    await expect(cache.pull(`${host}/team/app`)).rejects.toThrow(/cannot be talked to: .*ECONNREFUSED/);
    await expect(cache.pull('no-such-host.invalid/team/app')).rejects.toThrow(HttpError);
  });

  it('is no web server at all', async () => {
    using cache = new Cache();
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end('220 mail.example ESMTP\r\n');
      sockets.push(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const pulled = cache.pull(`127.0.0.1:${port}/team/app`);
    await expect(pulled).rejects.toThrow(HttpError);
    await expect(pulled).rejects.toThrow(/cannot be talked to/);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it('has a certificate that nobody vouches for, or is plain where it should not be', async () => {
    using cache = new Cache();
    const { key, cert, ca } = makeCertificate(join(scratch, 'tls'));
    await using registry = await TestServer.start({ key, cert });
    await using elsewhere = await TestServer.start();
    registry.serve(image);
    const reference = `${registry.host}/team/app`;
    await expect(cache.pull(reference)).rejects.toThrow(/It is not trusted: give its authority/);
    expect(registry.seen).toEqual([]);
    const config = { caCerts: [ca], auth: bob };
    // By TLS nobody is led away from it, for a blob or a token.
    let undo = false;
    registry.on(blobs, (_, response) =>
      undo ? 'next' : response.writeHead(307, { location: `http://${elsewhere.host}/x` }).end(),
    );
    await expect(cache.pull(reference, { config })).rejects.toThrow(/which is no TLS/);
    registry.on('/v2/', (_, response) =>
      undo
        ? 'next'
        : response.writeHead(401, challenge(`Bearer realm="http://${registry.host}/token"`)).end(),
    );
    await expect(cache.pull(reference, { config })).rejects.toThrow(/that is not by TLS/);
    expect(elsewhere.seen).toEqual([]);
    undo = true;
    await cache.pull(reference, { config });
  });

  it('sends a blob faster than it is taken has to wait', async () => {
    await using registry = await TestServer.start();
    registry.on('/v2/', (_, response) => endless(response, 'x'));
    await using source = new RegistrySource(
      parseReference(`${registry.host}/team/app`),
      {},
      { env: {}, patience: impatient },
    );
    const stream = await source.open(layer(), 0, new AbortController().signal);
    await once(stream, 'readable');
    let before = -1;
    // What is on the way is in buffers of this process and of the kernel, all of them bounded: at some point nothing moves.
    await expect
      .poll(
        () => {
          const moved = registry.bytesSent - before;
          before = registry.bytesSent;
          return moved;
        },
        { interval: 200, timeout: 10_000 },
      )
      .toBe(0);
    expect(registry.bytesSent).toBeLessThan(24 * 1024 ** 2);
    stream.destroy();
    await expect.poll(() => registry.connections).toBe(0);
  });
});
