import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { PatchFailedError } from '../errors.js';
import type { Patch } from '../store/record.js';
import type { Derivation } from './derived-image.js';
import { type Entry, TestImages } from './derived-image.test.support.js';
import { type Descriptor, readConfig, readManifest } from './layout.js';

const root = mkdtempSync(join(tmpdir(), 'msb-unit-'));
afterAll(() => rmSync(root, { recursive: true }));

let store: TestImages;
let at: string;
let count = 0;
beforeEach(() => {
  at = join(root, `${++count}`);
  store = new TestImages(at);
});

const imageOf = (entries: readonly Entry[], config?: object) => store.of(entries, config);
const derive = (image: Descriptor, derivation: Derivation) => store.images.derive(image, derivation);
const contentsOf = (image: Descriptor) => store.contentsOf(image);

const base: readonly Entry[] = [
  { name: 'etc/', type: 'directory', mode: 0o750 },
  { name: 'etc/passwd', content: 'root\n', mode: 0o640, uid: 7 },
  { name: 'etc/mtab', type: 'symlink', linkname: '../proc/mounts' },
  { name: 'bin', type: 'symlink', linkname: 'usr/bin' },
  { name: 'usr/bin/', type: 'directory' },
  { name: 'usr/bin/sh', content: 'shell', mode: 0o755 },
  { name: 'usr/bin/ash', type: 'link', linkname: 'usr/bin/sh' },
  { name: 'run', type: 'symlink', linkname: '/var/run' },
  { name: 'round', type: 'symlink', linkname: 'round' },
  { name: 'dev/null', type: 'character-device', devmajor: 1, devminor: 3 },
];

const patched = async (...patches: Patch[]) => contentsOf(await derive(await imageOf(base), { patches }));

describe('patches of an image', () => {
  it('make, replace, extend and remove, through the image’s own links', async () => {
    writeFileSync(join(at, 'host'), 'from the host', { mode: 0o700 });
    expect(
      await patched(
        { kind: 'text', path: '/bin/hello', content: 'hello', mode: 0o755 },
        { kind: 'file', path: '/run/deep/bytes', contentBase64: 'AAEC' },
        { kind: 'append', path: '/etc/passwd', content: 'guest\n' },
        { kind: 'append', path: '/bin/sh', content: '!' },
        { kind: 'text', path: '/etc/mtab', content: 'mine', replace: true },
        { kind: 'copyFile', src: join(at, 'host'), dst: '/h' },
        { kind: 'append', path: '/h', content: ', and more' },
        { kind: 'symlink', target: '/no/where', link: '/l' },
        { kind: 'mkdir', path: '/etc', mode: 0o700 },
        { kind: 'mkdir', path: '/usr/bin' },
        { kind: 'remove', path: '/dev' },
        { kind: 'remove', path: '/dev/null' },
        { kind: 'remove', path: '/etc/passwd/none' },
      ),
    ).toEqual({
      etc: 'd700',
      'etc/passwd': 'f640 7 "root\\nguest\\n"',
      'etc/mtab': 'f644 0 "mine"',
      bin: '-> usr/bin',
      usr: 'd755',
      'usr/bin': 'd755',
      'usr/bin/sh': 'f755 0 "shell!"',
      'usr/bin/ash': 'f755 0 "shell"',
      'usr/bin/hello': 'f755 0 "hello"',
      run: '-> /var/run',
      round: '-> round',
      var: 'd755',
      'var/run': 'd755',
      'var/run/deep': 'd755',
      'var/run/deep/bytes': 'f644 0 "\\u0000\\u0001\\u0002"',
      h: 'f700 0 "from the host, and more"',
      l: '-> /no/where',
    });
  });

  it('make another kind of a path, once that is removed', async () => {
    const found = await patched(
      { kind: 'remove', path: '/usr' },
      { kind: 'text', path: '/usr', content: 'a file' },
      { kind: 'remove', path: '/bin' },
      { kind: 'mkdir', path: '/bin' },
      { kind: 'remove', path: '/etc' },
      { kind: 'text', path: '/etc/mtab', content: 'anew' },
    );
    expect(found).toMatchObject({
      usr: 'f644 0 "a file"',
      bin: 'd755',
      etc: 'd755',
      'etc/mtab': 'f644 0 "anew"',
    });
    expect(Object.keys(found).sort()).toEqual([
      'bin',
      'dev',
      'dev/null',
      'etc',
      'etc/mtab',
      'round',
      'run',
      'usr',
    ]);
  });

  it('copy directories into what is there', async () => {
    mkdirSync(join(at, 'src/bin/sub'), { recursive: true });
    mkdirSync(join(at, 'src/etc'), { mode: 0o711 });
    writeFileSync(join(at, 'src/bin/new'), 'new', { mode: 0o755 });
    writeFileSync(join(at, 'src/etc/passwd'), 'mine', { mode: 0o600 });
    const src = join(at, 'src');
    const found = await patched(
      { kind: 'copyDir', src, dst: '/', replace: true },
      { kind: 'copyDir', src, dst: '/a/b' },
    );
    expect(found).toMatchObject({
      bin: '-> usr/bin',
      'usr/bin/new': 'f755 0 "new"',
      'usr/bin/sub': 'd755',
      etc: 'd750',
      'etc/passwd': 'f600 0 "mine"',
      a: 'd755',
      'a/b/etc': 'd711',
      'a/b/etc/passwd': 'f600 0 "mine"',
    });
    await expect(patched({ kind: 'copyDir', src, dst: '/' })).rejects.toThrow(
      /there is \/etc\/passwd already/,
    );
    writeFileSync(join(at, 'src/usr'), 'a file where a directory is');
    await expect(patched({ kind: 'copyDir', src, dst: '/', replace: true })).rejects.toThrow(
      /\/usr is a directory already/,
    );
    await expect(patched({ kind: 'copyDir', src, dst: '/etc/passwd', replace: true })).rejects.toThrow(
      /"passwd", on the way to it, is no directory/,
    );
    await expect(patched({ kind: 'copyDir', src: join(at, 'src/usr'), dst: '/x' })).rejects.toThrow(
      /src\/usr is no directory/,
    );
  });

  it.each<[Patch, RegExp]>([
    [
      { kind: 'text', path: '/etc/passwd', content: '' },
      /there is \/etc\/passwd already\. Say replace: true/,
    ],
    [
      { kind: 'text', path: '/etc', content: '', replace: true },
      /\/etc is a directory already\. Remove it first/,
    ],
    [{ kind: 'text', path: '/etc/passwd/x', content: '' }, /"passwd", on the way to it, is no directory/],
    [{ kind: 'text', path: '/round/x', content: '' }, /more than 40 links/],
    [{ kind: 'symlink', target: 'x', link: '/bin' }, /there is \/bin already/],
    [{ kind: 'mkdir', path: '/etc/passwd' }, /is no directory/],
    [{ kind: 'append', path: '/none', content: '' }, /no such file in the image\. Make it with text/],
    [{ kind: 'append', path: '/etc', content: '' }, /what is there is no file/],
    [{ kind: 'append', path: '/dev/null', content: '' }, /what is there is no file/],
    [{ kind: 'append', path: '/round', content: '' }, /more than 40 links/],
    [{ kind: 'copyFile', src: '/no/such', dst: '/x' }, /there is no \/no\/such on this host/],
    [{ kind: 'copyFile', src: '/', dst: '/x' }, /\/ is a directory, and only files/],
  ])('are refused by name: %j', async (patch, message) => {
    const failing = patched({ kind: 'mkdir', path: '/first' }, patch);
    await expect(failing).rejects.toThrow(message);
    await expect(failing).rejects.toThrow(PatchFailedError);
    await expect(failing).rejects.toMatchObject({ number: 2, kind: patch.kind });
    expect(readdirSync(join(at, 'blobs/sha256')).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});

describe('a derived image', () => {
  const patches: Patch[] = [{ kind: 'text', path: '/x', content: 'x' }];

  it('is the same whenever it is made, and found again', async () => {
    const image = await imageOf(base);
    const first = await derive(image, { patches });
    const { layers } = readManifest(store.blobs, first);
    const made = statSync(store.blobs.path(layers[1]?.digest ?? '')).ino;
    expect(await derive(image, { patches })).toEqual(first);
    expect(statSync(store.blobs.path(layers[1]?.digest ?? '')).ino).toBe(made);
    rmSync(join(at, 'derived'), { recursive: true });
    expect((await derive(image, { patches })).digest).toBe(first.digest);
  });

  it('is made once, however many ask at once', async () => {
    const image = await imageOf(base);
    const asked = Array.from({ length: 8 }, () => new TestImages(at).images.derive(image, { patches }));
    expect(new Set((await Promise.all(asked)).map(({ digest }) => digest)).size).toBe(1);
    expect(readdirSync(join(at, 'derived')).filter((name) => name.endsWith('.json'))).toHaveLength(1);
  });

  it('is another when anything of it is', async () => {
    const image = await imageOf(base);
    const src = join(at, 'src');
    writeFileSync(src, 'one');
    const digestWith = async (patch: Patch) => (await derive(image, { patches: [patch] })).digest;
    const copied: Patch = { kind: 'copyFile', src, dst: '/x' };
    const digests = [await digestWith(copied), await digestWith({ ...copied, mode: 0o600 })];
    writeFileSync(src, 'two');
    digests.push(await digestWith(copied), await digestWith({ kind: 'text', path: '/x', content: 'x' }));
    expect(new Set(digests).size).toBe(4);
    expect(
      await digestWith({ kind: 'text', path: '/x', content: 'two', mode: statSync(src).mode & 0o777 }),
    ).toBe(digests[2]);
  });

  it('is made again when a part of it is gone or damaged', async () => {
    const image = await imageOf(base);
    const first = await derive(image, { patches });
    rmSync(store.blobs.path(readManifest(store.blobs, first).layers[1]?.digest ?? ''));
    expect(await derive(image, { patches })).toEqual(first);
    expect(await contentsOf(first)).toMatchObject({ x: 'f644 0 "x"' });
    writeFileSync(store.blobs.path(first.digest), 'damaged');
    expect(await derive(image, { patches })).toEqual(first);
    for (const name of readdirSync(join(at, 'derived')).filter((note) => note.endsWith('.json')))
      for (const damage of ['', 'null', '{}']) {
        writeFileSync(join(at, 'derived', name), damage);
        expect(await derive(image, { patches })).toEqual(first);
      }
  });

  it('is its base where nothing comes of it', async () => {
    const image = await imageOf(base);
    expect(await derive(image, { patches: [{ kind: 'remove', path: '/none' }] })).toEqual(image);
    expect(await derive(image, {})).toEqual(image);
  });

  it('has the configuration of its base, but for what is changed', async () => {
    const config = {
      Env: ['PATH=/bin', 'A=1'],
      Cmd: ['serve'],
      Entrypoint: ['/app'],
      Labels: { a: '1' },
      Foo: 'kept',
    };
    const image = await imageOf(base, config);
    const configOf = async (settings: object) => {
      const { config: found } = readManifest(store.blobs, await derive(image, { patches, settings }));
      return { read: readConfig(store.blobs, found), raw: store.blobs.readDocument(found).config };
    };
    const changed = await configOf({
      env: { A: '2', B: '=' },
      entrypoint: ['/other'],
      labels: { b: '2' },
      stopSignal: 'SIGINT',
      workdir: '/w',
      user: '1:2',
    });
    expect(changed.raw).toMatchObject({ Foo: 'kept' });
    expect(changed.read).toMatchObject({
      env: ['PATH=/bin', 'A=2', 'B=='],
      entrypoint: ['/other'],
      cmd: null,
      labels: { a: '1', b: '2' },
      stopSignal: 'SIGINT',
      workingDir: '/w',
      user: '1:2',
    });
    expect(changed.read.diffIds).toHaveLength(2);
    expect((await configOf({ cmd: [] })).read).toMatchObject({ entrypoint: ['/app'], cmd: [] });
  });

  it('keeps extended attributes of what it appends to', async () => {
    const pax = { 'SCHILY.xattr.user.note': 'kept' };
    const image = await imageOf([{ name: 'f', content: 'a', pax }]);
    const made = await derive(image, { patches: [{ kind: 'append', path: '/f', content: 'b' }] });
    const { layers } = readManifest(store.blobs, made);
    expect(readFileSync(store.blobs.path(layers[1]?.digest ?? ''), 'latin1')).toContain(
      'SCHILY.xattr.user.note=kept',
    );
  });
});
