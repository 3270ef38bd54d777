import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { HttpError, ImageNotFoundError, InvalidConfigError } from '../../errors.js';
import type { PullProgress } from '../pull-progress.js';
import { Cache, impatient } from './pulling.test.support.js';
import {
  digestOf,
  indexType,
  makeImage,
  manifestType,
  sendRange,
  type TestImage,
  TestServer,
} from './registry.test.support.js';

vi.setConfig({ testTimeout: 30_000 }); // roots are made by programs, on machines that have other things to do

let image: TestImage;
let other: TestImage;
beforeAll(async () => {
  image = await makeImage({ sizes: [300_000, 1000, 2000, 3000, 4000, 5000, 6000] });
  other = await makeImage({ sizes: [500], seed: 'other' });
});

const blobs = '/v2/team/app/blobs/';
const layer = () => image.layers[0] ?? expect.fail();
const layerBytes = () => image.blobs.get(layer().digest) ?? expect.fail();
const reference = ({ host }: TestServer) => `${host}/team/app`;
const partOf = (cache: Cache) =>
  join(cache.root, 'cache/images/blobs/sha256', `${layer().digest.slice('sha256:'.length)}.part`);

describe('an image of a registry', () => {
  it('is pulled once, and found from then on', async () => {
    using cache = new Cache();
    await using registry = await TestServer.start();
    registry.serve(image);
    const pulled = await cache.pull(reference(registry));
    expect(pulled.manifest.digest).toBe(digestOf(image.manifest));
    const asked = registry.seen.length;
    expect(asked).toBe(1 + 1 + image.layers.length);
    expect(registry.seen.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
    await cache.pull(reference(registry));
    await cache.pull(reference(registry), { policy: 'never' });
    expect(registry.seen).toHaveLength(asked);
    const prepared = await cache.store.prepare(reference(registry));
    expect(existsSync(prepared.rootfs)).toBe(true);
    expect(cache.files().filter((file) => file.includes('.part') || file.includes('.new-'))).toEqual([]);
  });

  it('is chosen for this machine, by tag and by digest, from an index of any depth that makes sense', async () => {
    using cache = new Cache();
    await using registry = await TestServer.start();
    registry.serve(image, { tag: 'plain' });
    const entry = (architecture: string, variant?: string, digest = digestOf(architecture), size = 9) => ({
      mediaType: manifestType,
      digest,
      size,
      platform: { os: 'linux', architecture, variant },
    });
    const here = process.arch === 'x64' ? 'amd64' : process.arch;
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        manifests: [
          entry('unknown'),
          entry('riscv64'),
          entry(here, 'v9', digestOf('a later processor')),
          entry(here, undefined, digestOf(image.manifest), image.manifest.length),
        ],
      }),
    );
    registry.document(index, { tag: 'latest', type: indexType });
    const { manifest } = await cache.pull(reference(registry));
    expect(manifest.digest).toBe(digestOf(image.manifest));
    const named = await cache.pull(`${reference(registry)}@${digestOf(index)}`);
    expect(named.manifest.digest).toBe(manifest.digest);
    const direct = await cache.pull(`${reference(registry)}:ignored@${digestOf(image.manifest)}`);
    expect(direct.manifest.digest).toBe(manifest.digest);
  });

  it('is asked for again with "always", and only what is new comes', async () => {
    using cache = new Cache();
    await using registry = await TestServer.start();
    registry.serve(image);
    await cache.pull(reference(registry), { policy: 'always' });
    const before = registry.asked('/blobs/').length;
    await cache.pull(reference(registry), { policy: 'always' });
    expect(registry.asked('/blobs/')).toHaveLength(before);
    registry.serve(other);
    await cache.pull(reference(registry));
    expect((await cache.store.find(reference(registry))).manifest.digest).toBe(digestOf(image.manifest));
    const moved = await cache.pull(reference(registry), { policy: 'always' });
    expect(moved.manifest.digest).toBe(digestOf(other.manifest));
    expect(registry.asked('/blobs/')).toHaveLength(before + 2);
  });

  it('is not asked for with "never"', async () => {
    using cache = new Cache();
    await using registry = await TestServer.start();
    registry.serve(image);
    await expect(cache.pull(reference(registry), { policy: 'never' })).rejects.toThrow(ImageNotFoundError);
    expect(registry.seen).toEqual([]);
  });

  it('comes once, however many ask at once; and its blobs some at a time', async () => {
    using cache = new Cache();
    await using registry = await TestServer.start();
    registry.serve(image);
    let now = 0;
    let most = 0;
    registry.on(blobs, async (_, response) => {
      most = Math.max(most, ++now);
      response.on('close', () => now--);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return 'next';
    });
    const pulls = Array.from({ length: 8 }, () => cache.pull(reference(registry), { store: cache.open() }));
    expect(new Set((await Promise.all(pulls)).map(({ createdAt }) => createdAt)).size).toBe(1);
    expect(registry.asked('/manifests/')).toHaveLength(1);
    expect(registry.asked('/blobs/')).toHaveLength(1 + image.layers.length);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(4);
  });

  it('shares the blobs that two names have in common, also when both are pulled at once', async () => {
    using cache = new Cache();
    await using registry = await TestServer.start();
    registry.serve(image, { tag: 'one' }).serve(image, { tag: 'two' });
    await Promise.all(['one', 'two'].map((tag) => cache.pull(`${reference(registry)}:${tag}`)));
    expect(registry.asked('/blobs/')).toHaveLength(1 + image.layers.length);
  });

  it('says how far it is', async () => {
    using cache = new Cache();
    await using registry = await TestServer.start();
    registry.serve(image);
    const told: PullProgress[] = [];
    await cache.pull(reference(registry), { onProgress: (progress) => told.push(progress) });
    const name = `${reference(registry)}:latest`;
    const total = image.layers.reduce((sum, { size }) => sum + size, 0);
    expect(told[0]).toEqual({ kind: 'resolving', reference: name });
    expect(told[1]).toEqual({
      kind: 'resolved',
      reference: name,
      manifestDigest: digestOf(image.manifest),
      layerCount: image.layers.length,
      totalDownloadBytes: total,
    });
    const complete = told.filter(({ kind }) => kind === 'layerDownloadComplete');
    expect(complete.map((one) => 'layerIndex' in one && one.layerIndex).sort()).toEqual([
      0, 1, 2, 3, 4, 5, 6,
    ]);
    const steps = told.flatMap((one) =>
      one.kind === 'layerDownloadProgress' && one.layerIndex === 0 ? [one.downloadedBytes] : [],
    );
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(steps.at(-1)).toBe(layer().size);
    expect(told.slice(-3).map(({ kind }) => kind)).toEqual([
      'stitchMergingTrees',
      'stitchComplete',
      'complete',
    ]);
  });
});

describe('a download', () => {
  it('goes on where the connection broke', async () => {
    using cache = new Cache();
    await using registry = await TestServer.start();
    registry.serve(image);
    let breaks = 2;
    registry.on(`${blobs}${layer().digest}`, (request, response) => {
      if (breaks-- <= 0) return 'next';
      const from = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
      response.writeHead(from > 0 ? 206 : 200, {
        'content-length': layer().size - from,
        ...(from > 0 ? { 'content-range': `bytes ${from}-${layer().size - 1}/${layer().size}` } : {}),
      });
      return response.write(layerBytes().subarray(from, from + 70_000), () => request.socket.destroy());
    });
    await cache.pull(reference(registry));
    const ranges = registry.asked(layer().digest).map(({ range }) => range);
    expect(ranges).toHaveLength(3);
    expect(ranges[0]).toBeUndefined();
    const starts = ranges.slice(1).map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1]));
    expect(starts[0]).toBeGreaterThan(0);
    expect(starts[1]).toBeGreaterThan(starts[0] ?? 0);
  });

  it('goes on from what an earlier one left, also where the server sends all of it again', async () => {
    using cache = new Cache();
    await using registry = await TestServer.start();
    registry.serve(image);
    mkdirSync(join(cache.root, 'cache/images/blobs/sha256'), { recursive: true });
    writeFileSync(partOf(cache), layerBytes().subarray(0, 123_456));
    const begun: number[] = [];
    await cache.pull(reference(registry), {
      onProgress: (one) => {
        if (one.kind === 'layerDownloadProgress' && one.layerIndex === 0) begun.push(one.downloadedBytes);
      },
    });
    expect(registry.asked(layer().digest)[0]?.range).toBe('bytes=123456-');
    expect(begun[0]).toBeGreaterThan(123_456);
    expect(existsSync(partOf(cache))).toBe(false);

    using second = new Cache();
    mkdirSync(join(second.root, 'cache/images/blobs/sha256'), { recursive: true });
    writeFileSync(partOf(second), layerBytes().subarray(0, 99_999));
    registry.on(`${blobs}${layer().digest}`, (_, response) => response.end(layerBytes()));
    await second.pull(reference(registry));
    expect(registry.asked(layer().digest)).toHaveLength(2);
  });

  it('begins anew where what was left is wrong, or too much', async () => {
    for (const left of [
      Buffer.alloc(1000, 'x'),
      Buffer.alloc(layer().size, 'x'),
      Buffer.alloc(layer().size + 1),
    ]) {
      using cache = new Cache();
      await using registry = await TestServer.start();
      registry.serve(image);
      mkdirSync(join(cache.root, 'cache/images/blobs/sha256'), { recursive: true });
      writeFileSync(partOf(cache), left);
      await cache.pull(reference(registry));
      const [path] = cache.files().filter((file) => file.endsWith(layer().digest.slice(7)));
      expect(readFileSync(join(cache.root, 'cache/images', path ?? ''))).toEqual(layerBytes());
    }
  });

  it('ends when it is aborted, with what has come kept, and goes on later', async () => {
    using cache = new Cache();
    await using registry = await TestServer.start();
    registry.serve(image);
    let hold = true;
    registry.on(`${blobs}${layer().digest}`, (_, response) => {
      if (!hold) return 'next';
      response.writeHead(200, { 'content-length': layer().size });
      return response.write(layerBytes().subarray(0, 100_000));
    });
    const abort = new AbortController();
    const reason = new Error('enough');
    const pulled = cache.pull(reference(registry), {
      signal: abort.signal,
      patience: { ...impatient, stallMs: 30_000 },
      onProgress: (one) => {
        if (one.kind === 'layerDownloadProgress' && one.layerIndex === 0) abort.abort(reason);
      },
    });
    await expect(pulled).rejects.toBe(reason);
    expect(existsSync(partOf(cache))).toBe(true);
    hold = false;
    await cache.pull(reference(registry));
    expect(registry.asked(layer().digest).at(-1)?.range).toMatch(/^bytes=\d+-$/);
  });

  it('of others that fails leaves those who waited for it free to try', async () => {
    using cache = new Cache();
    await using registry = await TestServer.start();
    registry.serve(image);
    let first = true;
    registry.on(`${blobs}${layer().digest}`, (_, response) => {
      if (!first) return 'next';
      first = false;
      return response.end('wrong');
    });
    const results = await Promise.allSettled(
      Array.from({ length: 3 }, () => cache.pull(reference(registry), { store: cache.open() })),
    );
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  });

  it('follows a registry to where it keeps its blobs, and takes no credentials along', async () => {
    using cache = new Cache();
    await using registry = await TestServer.start();
    await using cdn = await TestServer.start();
    registry
      .serve(image)
      .on('/v2/', (request, response) =>
        request.headers.authorization === `Basic ${Buffer.from('bob:pw').toString('base64')}`
          ? 'next'
          : response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
      );
    registry.on(blobs, (request, response) =>
      request.headers.authorization
        ? response
            .writeHead(307, { location: `http://${cdn.host}/hop?${request.url?.slice(blobs.length)}` })
            .end()
        : 'next',
    );
    cdn.on('/hop', (request, response) =>
      response.writeHead(302, { location: `/got${request.url?.slice(4)}` }).end(),
    );
    cdn.on('/got', (request, response) =>
      sendRange(request, response, image.blobs.get(request.url?.split('?')[1] ?? '') ?? Buffer.alloc(0)),
    );
    await cache.pull(reference(registry), {
      config: { auth: { kind: 'basic', username: 'bob', password: 'pw' } },
    });
    expect(cdn.seen.length).toBe(2 * (1 + image.layers.length));
    expect(cdn.seen.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
  });

  it.each([
    [503, {}],
    [500, {}],
    [429, { 'retry-after': '0' }],
    [429, { 'retry-after': new Date(Date.now() - 5000).toUTCString() }],
  ])('comes after %s %j', async (status, headers) => {
    using cache = new Cache();
    await using registry = await TestServer.start();
    registry.serve(other);
    const refused = new Set<string>();
    registry.on('/v2/', ({ url = '' }, response) => {
      if (refused.has(url)) return 'next';
      refused.add(url);
      return response.writeHead(status, headers as Record<string, string>).end();
    });
    await cache.pull(reference(registry));
    expect(registry.seen).toHaveLength(6);
  });
});

describe('tokens', () => {
  /** A registry that wants a token, and a server that hands some out. */
  async function guarded(lifetime?: number) {
    const registry = await TestServer.start();
    const given: string[] = [];
    registry.serve(image).on('/v2/', (request, response) =>
      given.some((token) => request.headers.authorization === `Bearer ${token}`)
        ? 'next'
        : response
            .writeHead(401, {
              'www-authenticate': `Bearer realm="http://${registry.host}/token?a=b",service="test service",scope="repository:*:*"`,
            })
            .end(),
    );
    registry.on('/token', async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      bodies.push(body);
      given.push(`token-${given.length}`);
      response.end(
        JSON.stringify({ [given.length % 2 ? 'token' : 'access_token']: given.at(-1), expires_in: lifetime }),
      );
    });
    const bodies: string[] = [];
    return { registry, given, bodies };
  }

  it('are had without a name, for this repository and reading, and serve for all of it', async () => {
    using cache = new Cache();
    const { registry, given } = await guarded(3600);
    await using _ = registry;
    await cache.pull(reference(registry));
    expect(given).toHaveLength(1);
    const asked = registry.asked('/token');
    expect(asked[0]).toMatchObject({ method: 'GET', authorization: undefined });
    const { searchParams } = new URL(asked[0]?.url ?? '', 'http://x');
    expect(Object.fromEntries(searchParams)).toEqual({
      a: 'b',
      service: 'test service',
      scope: 'repository:team/app:pull',
    });
  });

  it('are had with a name and a password', async () => {
    using cache = new Cache();
    const { registry } = await guarded(3600);
    await using _ = registry;
    await cache.pull(reference(registry), {
      config: { auth: { kind: 'basic', username: 'bob', password: 'p:w' } },
    });
    const [asked] = registry.asked('/token');
    expect(asked?.authorization).toBe(`Basic ${Buffer.from('bob:p:w').toString('base64')}`);
    expect(new URL(asked?.url ?? '', 'http://x').searchParams.get('account')).toBe('bob');
    expect(registry.seen.filter(({ authorization }) => authorization?.startsWith('Basic'))).toHaveLength(1);
  });

  it('are had for an identity token', async () => {
    using cache = new Cache();
    const { registry, bodies } = await guarded(3600);
    await using _ = registry;
    mkdirSync(join(cache.root, 'docker'));
    const auths = { [registry.host]: { identitytoken: 'the identity' } };
    writeFileSync(join(cache.root, 'docker/config.json'), JSON.stringify({ auths }));
    await cache.pull(reference(registry));
    expect(registry.asked('/token')[0]).toMatchObject({ method: 'POST', authorization: undefined });
    expect(Object.fromEntries(new URLSearchParams(bodies[0]))).toMatchObject({
      grant_type: 'refresh_token',
      refresh_token: 'the identity',
      scope: 'repository:team/app:pull',
      service: 'test service',
    });
  });

  it('are had anew when they have expired, also on the way', async () => {
    using cache = new Cache();
    const { registry, given } = await guarded(1);
    await using _ = registry;
    await cache.pull(reference(registry), { patience: impatient });
    expect(given.length).toBeGreaterThan(1);
  });
});

describe('mirrors', () => {
  const mirrored = 'registry.invalid/team/app';
  const to = (...urls: string[]) => ({
    MSB_REGISTRY_MIRRORS: urls.map((url) => `registry.invalid=${url}`).join(','),
  });

  it('are asked in their order, and what one has not, the next may have', async () => {
    using cache = new Cache();
    await using empty = await TestServer.start();
    await using full = await TestServer.start();
    full.serve(image, { repository: 'cache/team/app' });
    const pulled = await cache.pull(mirrored, {
      env: to(`http://${empty.host}`, `http://${full.host}/cache/`),
    });
    expect(pulled.reference).toBe('registry.invalid/team/app:latest');
    expect(empty.seen.map(({ url }) => url)).toEqual(['/v2/team/app/manifests/latest']);
  });

  it('that fail for a blob are passed over', async () => {
    using cache = new Cache();
    await using broken = await TestServer.start();
    await using full = await TestServer.start();
    broken.serve(image).on(blobs, (_, response) => response.writeHead(500).end());
    full.serve(image);
    await cache.pull(mirrored, { env: to(`http://${broken.host}`, `http://${full.host}`) });
  });

  it('get no credentials that are for the registry', async () => {
    using cache = new Cache();
    await using mirror = await TestServer.start();
    mirror.on('/', (_, response) => response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end());
    mkdirSync(join(cache.root, 'docker'));
    const auth = Buffer.from('bob:pw').toString('base64');
    writeFileSync(
      join(cache.root, 'docker/config.json'),
      JSON.stringify({ auths: { 'registry.invalid': { auth } } }),
    );
    const pulled = cache.pull(mirrored, {
      env: to(`http://${mirror.host}`),
      config: { auth: { kind: 'basic', username: 'bob', password: 'pw' } },
    });
    await expect(pulled).rejects.toThrow(
      /registry\.invalid cannot be talked to.*Mirrors were of no use: .*401/,
    );
    expect(mirror.seen.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
  });

  it('are of one registry only, and malformed ones are an error that has no secret in it', async () => {
    using cache = new Cache();
    await using registry = await TestServer.start();
    registry.serve(other);
    await cache.pull(reference(registry), { env: to('http://127.0.0.1:1') });
    for (const value of ['https://x', 'a=ftp://x', 'a=https://bob:secret@x', 'a=b', 'a=https://x/?q']) {
      const error = await cache.pull('a/b/c:1', { env: { MSB_REGISTRY_MIRRORS: value } }).then(
        () => expect.fail(),
        (caught: Error) => caught,
      );
      expect(error).toBeInstanceOf(InvalidConfigError);
      expect(error.message).not.toContain('secret');
    }
  });
});

describe('a way to a registry', () => {
  it('is a proxy where the environment names one, and never for the loopback', async () => {
    using cache = new Cache();
    await using registry = await TestServer.start();
    registry.serve(other);
    registry.on('http://registry.invalid/', (request, response) => {
      const path = request.url?.slice('http://registry.invalid'.length) ?? '';
      const blob = other.blobs.get(path.slice(blobs.length));
      if (blob) sendRange(request, response, blob);
      else response.writeHead(200, { 'content-type': manifestType }).end(other.manifest);
    });
    const HTTP_PROXY = `http://${registry.host}`;
    const plain = { HTTP_PROXY, MSB_REGISTRY_INSECURE: 'registry.invalid' };
    await cache.pull('registry.invalid/team/app', { env: plain });
    expect(registry.asked('http://registry.invalid/')).toHaveLength(3);
    await cache.pull(reference(registry), { env: { HTTP_PROXY: 'http://127.0.0.1:1' } });
    const without = cache.pull('registry.invalid/team/other', { env: { ...plain, NO_PROXY: '.invalid' } });
    await expect(without).rejects.toThrow(/ENOTFOUND|EAI_AGAIN/);
    const wrong = cache.pull('registry.invalid/team/other', { env: { HTTP_PROXY: 'not an address' } });
    await expect(wrong).rejects.toThrow(InvalidConfigError);
  });

  it('is plain for a registry that somebody has called insecure, and TLS for all others', async () => {
    using cache = new Cache();
    await using registry = await TestServer.start();
    registry.serve(other);
    await cache.pull(reference(registry), { config: { insecure: true } });
    const tunnel = cache.pull('registry.invalid/x', { env: { HTTPS_PROXY: `http://${registry.host}` } });
    await expect(tunnel).rejects.toThrow(HttpError);
    expect(registry.seen.at(-1)).toMatchObject({ method: 'CONNECT', url: 'registry.invalid:443' });
  });
});

it('leaves no connection behind', async () => {
  using cache = new Cache();
  await using registry = await TestServer.start();
  registry.serve(image);
  await cache.pull(reference(registry));
  await expect(cache.pull(`${reference(registry)}:none`)).rejects.toThrow(ImageNotFoundError);
  await expect.poll(() => registry.connections).toBe(0);
});
