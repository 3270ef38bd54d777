import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ImageInUseError, ImageNotFoundError } from '../errors.js';
import { native } from '../host/native.js';
import type { SandboxRecord } from '../store/record.js';
import type { PreparedImage } from './image-store.js';
import { Cache } from './registry/pulling.test.support.js';
import { makeImage, type TestImage, TestServer } from './registry/registry.test.support.js';

vi.setConfig({ testTimeout: 30_000 });

let one: TestImage;
let two: TestImage;
beforeAll(async () => {
  one = await makeImage({ sizes: [1000, 2000], seed: 'one' });
  two = await makeImage({ sizes: [3000], seed: 'two' });
});

let cache: Cache;
let registry: TestServer;
beforeEach(async () => {
  cache = new Cache();
  registry = await TestServer.start();
  registry.serve(one, { tag: 'one' }).serve(two, { tag: 'two' });
});
afterEach(async () => {
  cache[Symbol.dispose]();
  await registry[Symbol.asyncDispose]();
});

const name = (tag: string) => `${registry.host}/team/app:${tag}`;
const pull = (tag: string, options: Parameters<Cache['pull']>[1] = {}) => cache.pull(name(tag), options);
const references = () => cache.store.list().map(({ reference }) => reference);

/** A sandbox, as far as a store of images can tell. */
function record(home: string, image: PreparedImage): string {
  const directory = join(home, 'sandboxes', 'x');
  mkdirSync(directory, { recursive: true });
  const config = {
    name: 'keeper',
    image: image.reference,
    hostname: 'x',
    shell: 'x',
    cpus: 1,
    memoryMib: 1,
    rootDiskMib: 1,
    env: {},
    labels: {},
    ephemeral: false,
    workdir: null,
  };
  const { reference, digest, rootfs } = image;
  const value: SandboxRecord = {
    version: 1,
    id: 'x',
    createdAt: 'x',
    config,
    image: { reference, digest, rootfs },
  };
  writeFileSync(join(directory, 'record.json'), JSON.stringify(value));
  return directory;
}

/** What another process would know of an image without asking for it, and so without holding it. */
async function described(tag: string): Promise<PreparedImage> {
  const image = await cache.store.find(name(tag));
  const [rootfs = ''] = readdirSync(join(cache.root, 'cache/images/rootfs'))
    .filter((file) => file.endsWith('.squashfs'))
    .map((file) => join(cache.root, 'cache/images/rootfs', file));
  return {
    reference: image.reference,
    digest: image.manifest.digest,
    rootfs,
    config: cache.store.describe(image).config,
  };
}

describe('a store of images', () => {
  it('is empty after a prune, if nobody needs anything', async () => {
    await pull('one');
    await pull('two');
    const part = join(cache.root, 'cache/images/blobs/sha256', `${'0'.repeat(64)}.part`);
    writeFileSync(part, 'x'.repeat(100));
    const blobs = one.blobs.size + two.blobs.size + 2;
    const report = await cache.store.prune();
    expect(report).toMatchObject({
      imageRefsRemoved: 2,
      manifestsRemoved: 2,
      layersRemoved: blobs,
      rootsRemoved: 2,
    });
    expect(report.bytesReclaimed).toBeGreaterThan(6000);
    expect(cache.files()).toEqual([]);
    expect(readdirSync(join(cache.root, 'cache/images/locks'))).toEqual([]);
    expect(await cache.store.prune()).toMatchObject({ imageRefsRemoved: 0, bytesReclaimed: 0 });
    await pull('one');
  });

  it.each([
    ['its home', 'home'],
    ['a run of tests', 'home/runs/0123abcd'],
    ['another home', 'other'],
  ])('keeps what a sandbox of %s needs, until that is gone', async (_, place) => {
    await pull('one');
    const home = join(cache.root, place);
    const directory = record(home, await described('one'));
    if (place === 'other') {
      // The home has used this cache once: then it is known.
      mkdirSync(join(cache.root, 'cache/images/homes'), { recursive: true });
      writeFileSync(join(cache.root, 'cache/images/homes/0123456789abcdef'), home);
    }
    await pull('two');
    expect(await cache.store.prune()).toMatchObject({ imageRefsRemoved: 1, rootsRemoved: 1 });
    expect(references()).toEqual([name('one')]);
    await expect(cache.store.remove(name('one'))).rejects.toThrow(ImageInUseError);
    await expect(cache.store.remove(name('one'))).rejects.toThrow(/needed by the sandbox "keeper"/);
    const { rootfs } = await described('one');
    await cache.store.remove(name('one'), { force: true });
    expect(references()).toEqual([]);
    expect(cache.files().filter((file) => !file.startsWith('homes/'))).toEqual([
      rootfs.slice(rootfs.indexOf('rootfs/')),
    ]);
    rmSync(directory, { recursive: true });
    await cache.store.prune();
    expect(existsSync(rootfs)).toBe(false);
  });

  it('keeps what a process that lives has asked for', async () => {
    await pull('one');
    const { rootfs } = await described('one');
    const index = new URL('../../../../native/index.js', import.meta.url).href;
    const script = `import { lockFile } from ${JSON.stringify(index)}; await lockFile(${JSON.stringify(`${rootfs}.use`)}, 1000, true); console.log('held'); setInterval(() => {}, 1000);`;
    const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(child.stdout ?? expect.fail(), 'data');
      expect(await cache.store.prune()).toMatchObject({ imageRefsRemoved: 0, rootsRemoved: 0 });
      await cache.store.remove(name('one')); // no sandbox was made of it; its root stays
      expect(existsSync(rootfs)).toBe(true);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    expect(await cache.store.prune()).toMatchObject({ rootsRemoved: 1 });
    expect(existsSync(rootfs)).toBe(false);
  });

  it('holds what it has made ready, as long as this process lives', async () => {
    await pull('one');
    const { rootfs } = await cache.store.prepare(name('one'));
    expect(native.tryLockFile(`${rootfs}.use`)).toBeNull();
    expect(await cache.store.prune()).toMatchObject({ imageRefsRemoved: 0 });
    expect(existsSync(rootfs)).toBe(true);
  });

  it('keeps what images have in common', async () => {
    registry.serve(one, { tag: 'same' });
    await pull('one');
    await pull('same');
    await cache.store.remove(name('one'));
    expect(references()).toEqual([name('same')]);
    const asked = registry.seen.length;
    await pull('same');
    cache.store.describe(await cache.store.find(name('same')));
    expect(registry.seen).toHaveLength(asked);
    expect(cache.files()).toHaveLength(one.blobs.size + 1 + 1 + 1); // manifest, root, name
  });

  it('forgets images that were made of others, when they have gone', async () => {
    await pull('one');
    await pull('two');
    const kept = await cache.store.build(name('one'), { settings: { workdir: '/kept' } }, 'local/kept:1');
    const unnamed = { derivation: { settings: { workdir: '/unnamed' } } };
    await cache.store.prepare(name('one'), unnamed);
    const notes = () =>
      readdirSync(join(cache.root, 'cache/images/derived')).filter((file) => file.endsWith('.json'));
    expect(notes()).toHaveLength(2);
    await cache.store.remove(name('two'));
    expect(notes()).toHaveLength(1);
    cache.store.describe(kept);
    await cache.store.prepare(name('one'), unnamed);
    expect(notes()).toHaveLength(2);
  });

  it('lets go of what a name stood for when it stands for something else', async () => {
    await pull('one');
    registry.serve(two, { tag: 'one' });
    await pull('one', { policy: 'always' });
    expect(cache.files()).toHaveLength(two.blobs.size + 3);
  });

  it('waits for a pull that is under way', async () => {
    let begun = () => {};
    const asked = new Promise<void>((resolve) => (begun = resolve));
    let go = () => {};
    const gate = new Promise<void>((resolve) => (go = resolve));
    registry.on('/v2/team/app/blobs/', async () => {
      begun();
      await gate;
      return 'next';
    });
    const pulling = pull('one', {
      patience: { stallMs: 20_000, retries: 0, backoffMs: 1, longestWaitMs: 1 },
    });
    await asked;
    const pruning = cache.open().prune();
    go();
    await pulling;
    // Whichever the prune found, nothing is broken: the image is whole or gone.
    await pruning;
    expect(references()).toEqual([]);
    expect(cache.files()).toEqual([]);
  });

  it('does not know what it has not', async () => {
    await expect(cache.store.remove(name('none'))).rejects.toThrow(ImageNotFoundError);
  });
});
