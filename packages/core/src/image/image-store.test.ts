import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { ImageNotFoundError, MissingDependencyError } from '../errors.js';
import { ImageStore } from './image-store.js';

const root = mkdtempSync(join(tmpdir(), 'msb-unit-'));
afterAll(() => rmSync(root, { recursive: true }));

const reference = 'docker.io/library/msb-base:latest';
const architecture = process.arch === 'x64' ? 'amd64' : process.arch;

let home: string;
let base: { layout: string; reference: string };
let count = 0;
beforeEach(() => {
  home = join(root, `${++count}`);
  base = { layout: join(home, 'base'), reference };
});

/** A store as another process would see the same cache. */
const open = () => new ImageStore({ home, cache: join(home, 'cache'), runtime: join(home, 'run') }, base);

const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** What the images below say of their command. */
const settings = {
  User: 'app',
  Entrypoint: ['/bin/app'],
  Cmd: ['--serve'],
  Env: null,
  WorkingDir: '',
  Labels: { of: 'tests' },
  StopSignal: 'SIGUSR1',
};

/** Writes an OCI layout with one layer that has one file. @returns its manifest's digest. */
async function write(layout: string, content: string, forArchitecture = architecture): Promise<string> {
  rmSync(layout, { recursive: true, force: true });
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  const blob = (bytes: Buffer, mediaType: string) => {
    const digest = digestOf(bytes);
    writeFileSync(join(layout, 'blobs/sha256', digest.slice(7)), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const stream = pack();
  stream.entry({ name: 'etc/content' }, content);
  stream.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const tar = Buffer.concat(chunks);
  const json = (value: object) => Buffer.from(JSON.stringify(value));
  const platform = { architecture: forArchitecture, os: 'linux' };
  const rootfs = { type: 'layers', diff_ids: [digestOf(tar)] };
  const config = blob(
    json({ ...platform, rootfs, config: settings }),
    'application/vnd.oci.image.config.v1+json',
  );
  const layers = [blob(gzipSync(tar), 'application/vnd.oci.image.layer.v1.tar+gzip')];
  const manifest = blob(
    json({ schemaVersion: 2, config, layers }),
    'application/vnd.oci.image.manifest.v1+json',
  );
  writeFileSync(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ manifests: [{ ...manifest, platform }] }));
  return manifest.digest;
}

describe('ImageStore', () => {
  it('says what an image consists of, and what it is for', async () => {
    await write(base.layout, 'as it was');
    const store = open();
    const { config, configDigest, layers } = store.describe(await store.find(reference));
    expect(configDigest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(layers).toMatchObject([
      { mediaType: expect.stringContaining('tar+gzip'), size: expect.any(Number) },
    ]);
    expect((await store.prepare(reference)).config).toEqual(config);
    expect(config).toMatchObject({
      architecture,
      os: 'linux',
      diffIds: [expect.any(String)],
      labels: { of: 'tests' },
      stopSignal: 'SIGUSR1',
      user: 'app',
      entrypoint: ['/bin/app'],
      cmd: ['--serve'],
      env: [],
      workingDir: null,
    });
  });

  it('finds the base image in an empty cache, by every spelling of its name', async () => {
    const digest = await write(base.layout, 'one');
    expect(open().list()).toEqual([]);
    const prepared = await open().prepare('msb-base');
    expect(prepared).toMatchObject({ reference, digest });
    expect(statSync(prepared.rootfs).size).toBeGreaterThan(0);
    expect(await open().find(reference)).toMatchObject({ reference, manifest: { digest } });
    expect(open().list()).toMatchObject([{ reference, manifest: { digest } }]);
  });

  it('loads it once, however many ask at once', async () => {
    const digest = await write(base.layout, 'one');
    const found = await Promise.all(Array.from({ length: 12 }, () => open().find(reference)));
    // The time is of the loading: the same for all is one loading.
    expect(new Set(found.map(({ createdAt }) => createdAt)).size).toBe(1);
    expect(new Set(found.map(({ manifest }) => manifest.digest))).toEqual(new Set([digest]));
    const prepared = await Promise.all(Array.from({ length: 12 }, () => open().prepare(reference)));
    expect(new Set(prepared.map(({ rootfs }) => rootfs)).size).toBe(1);
    const files = readdirSync(join(home, 'cache/images'), { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => name.includes('.new-'))).toEqual([]);
  });

  it('follows the package when that brings another build', async () => {
    await write(base.layout, 'one');
    const first = await open().prepare(reference);
    const digest = await write(base.layout, 'two');
    const second = await open().prepare(reference);
    expect(second.digest).toBe(digest);
    expect(second.rootfs).not.toBe(first.rootfs);
    expect(await open().find(reference)).toMatchObject({ manifest: { digest } });
    expect(open().list()).toHaveLength(1);
  });

  it("lets an image that somebody loaded under its name take its place, whatever the package's", async () => {
    await write(base.layout, 'one');
    const own = await write(join(home, 'own'), 'own');
    await open().load(join(home, 'own'), 'msb-base');
    expect((await open().prepare(reference)).digest).toBe(own);
    await write(base.layout, 'two');
    expect((await open().prepare(reference)).digest).toBe(own);
    rmSync(base.layout, { recursive: true });
    expect((await open().prepare(reference)).digest).toBe(own);
  });

  it('lets it do so while others ask for the base image for the first time', async () => {
    await write(base.layout, 'one');
    const own = await write(join(home, 'own'), 'own');
    await Promise.all([
      ...Array.from({ length: 4 }, () => open().find(reference)),
      open().load(join(home, 'own'), reference),
      ...Array.from({ length: 4 }, () => open().find(reference)),
    ]);
    expect((await open().find(reference)).manifest.digest).toBe(own);
  });

  it('tells what to do where the package has none, or one for another machine', async () => {
    await expect(open().find(reference)).rejects.toThrow(MissingDependencyError);
    await expect(open().prepare(reference)).rejects.toThrow(/@msbtest\/guest .*oci-layout.*npm start/);
    await write(base.layout, 'one', 'sparc');
    await expect(open().find(reference)).rejects.toThrow(`no variant for linux/${architecture}`);
  });

  it('knows no other image until it is loaded', async () => {
    await write(base.layout, 'one');
    await expect(open().find('other')).rejects.toThrow(ImageNotFoundError);
    const digest = await write(join(home, 'other'), 'other');
    await open().load(join(home, 'other'), 'other');
    expect((await open().prepare('other')).digest).toBe(digest);
  });
});
