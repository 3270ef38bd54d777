import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { readSquashfs } from '../disk/squashfs.test.support.js';
import { ImageError, InvalidConfigError } from '../errors.js';
import { digestOf, lines } from './convert-layers.test.support.js';
import { ImageStore } from './image-store.js';
import { directory, file, hardLink, symlink, tar } from './tar.test.support.js';

const root = mkdtempSync(join(tmpdir(), 'msb-unit-'));
afterAll(() => rmSync(root, { recursive: true }));

const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
const platform = { architecture, os: 'linux' };
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

let home: string;
let count = 0;
beforeEach(() => {
  home = join(root, `${++count}`);
  mkdirSync(home);
});
const store = () =>
  new ImageStore(
    { home, cache: join(home, 'cache'), runtime: join(home, 'run') },
    { layout: join(home, 'none'), reference: 'docker.io/library/none:latest' },
  );

/** Writes something to load. */
function write(name: string, bytes: Buffer): string {
  const path = join(home, name);
  writeFileSync(path, bytes);
  return path;
}

/** What has been loaded, as lines by name. */
async function load(path: string, reference?: string): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const image of await store().load(path, reference))
    found[image.reference] = lines(readSquashfs((await store().prepare(image.reference)).rootfs));
  expect(
    readdirSync(join(home, 'cache/images'), { recursive: true }).filter((one) => `${one}`.includes('.new-')),
  ).toEqual([]);
  return found;
}

const zstd = (bytes: Buffer) => execFileSync('zstd', ['-q', '-c'], { input: bytes });
const compressions: [name: string, compress: (bytes: Buffer) => Buffer][] = [
  ['as it is', (bytes) => bytes],
  ['with gzip', (bytes) => gzipSync(bytes)],
  ['with zstd', zstd],
];

/** The files of an OCI layout, by name; each image has one file, which is called as the image is. */
function layout(
  ...images: { name: string; content: string; annotations?: Record<string, string>; platform?: object }[]
): Map<string, Buffer> {
  const files = new Map<string, Buffer>([['oci-layout', json({ imageLayoutVersion: '1.0.0' })]]);
  const blob = (mediaType: string, bytes: Buffer) => {
    const digest = digestOf(bytes);
    files.set(`blobs/sha256/${digest.slice(7)}`, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const manifests = images.map(({ name, content, annotations, platform: own = platform }) => {
    const layer = tar(file(name, content));
    const config = blob(
      'application/vnd.oci.image.config.v1+json',
      json({ ...own, config: {}, rootfs: { type: 'layers', diff_ids: [digestOf(layer)] } }),
    );
    const layers = [blob('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(layer))];
    return {
      ...blob('application/vnd.oci.image.manifest.v1+json', json({ schemaVersion: 2, config, layers })),
      platform: own,
      annotations,
    };
  });
  files.set('index.json', json({ schemaVersion: 2, manifests }));
  return files;
}
const archived = (files: ReadonlyMap<string, Buffer>) =>
  tar(...[...files].map(([name, bytes]) => file(name, bytes)));
const ref = (name: string) => ({ 'org.opencontainers.image.ref.name': name });

/** As docker save wrote it before it wrote OCI layouts. */
function saved(): Buffer {
  const lower = tar(file('lower', 'x'));
  const upper = tar(file('upper', 'y'));
  const config = (layers: Buffer[]) =>
    json({
      ...platform,
      config: { Cmd: ['/bin/app'] },
      rootfs: { type: 'layers', diff_ids: layers.map(digestOf) },
    });
  return tar(
    directory('aaa'),
    file('aaa/layer.tar', lower),
    directory('bbb'),
    symlink('bbb/layer.tar', '../aaa/layer.tar'),
    file('ccc/layer.tar', gzipSync(upper)),
    hardLink('ddd/layer.tar', 'ccc/layer.tar'),
    file('one.json', config([lower])),
    file('two.json', config([lower, upper])),
    file(
      'manifest.json',
      json([
        { Config: 'one.json', RepoTags: ['app:1', 'localhost:5000/app:one'], Layers: ['aaa/layer.tar'] },
        { Config: 'two.json', RepoTags: ['app:2'], Layers: ['bbb/layer.tar', 'ddd/layer.tar'] },
        { Config: 'two.json', RepoTags: null, Layers: ['bbb/layer.tar', 'ccc/layer.tar'] },
      ]),
    ),
  );
}

describe('an OCI layout', { timeout: 60_000 }, () => {
  it.each(compressions)('in an archive, %s', async (_, compress) => {
    const path = write(
      'image.tar',
      compress(archived(layout({ name: 'f', content: 'x', annotations: ref('app:1') }))),
    );
    expect(await load(path)).toEqual({ 'docker.io/library/app:1': ['f "x"'] });
    expect(await load(path, 'other')).toEqual({ 'docker.io/library/other:latest': ['f "x"'] });
  });

  it('of several images, all or one of them', async () => {
    const files = layout(
      {
        name: 'a',
        content: '1',
        annotations: { 'io.containerd.image.name': 'docker.io/library/a:1', ...ref('1') },
      },
      { name: 'b', content: '2', annotations: ref('b:2') },
      { name: 'c', content: '3', annotations: ref('3.1') },
    );
    const path = write('images.tar', archived(files));
    expect(await load(path)).toEqual({
      'docker.io/library/a:1': ['a "1"'],
      'docker.io/library/b:2': ['b "2"'],
    });
    expect(await load(path, 'b:2')).toEqual({ 'docker.io/library/b:2': ['b "2"'] });
    expect(await load(path, 'c:3.1')).toEqual({ 'docker.io/library/c:3.1': ['c "3"'] });
    expect(await load(path, 'fresh')).toEqual({ 'docker.io/library/fresh:latest': ['a "1"'] });
    const dir = join(home, 'layout');
    for (const [name, bytes] of files) {
      mkdirSync(join(dir, name, '..'), { recursive: true });
      writeFileSync(join(dir, name), bytes);
    }
    expect(await load(dir, 'b:2')).toEqual({ 'docker.io/library/b:2': ['b "2"'] });
  });

  it('takes the variant for this machine, and says which there are', async () => {
    const other = { architecture: 'sparc', os: 'linux' };
    const both = layout({ name: 'f', content: 'sparc', platform: other }, { name: 'f', content: 'own' });
    expect(await load(write('both.tar', archived(both)), 'x')).toEqual({
      'docker.io/library/x:latest': ['f "own"'],
    });
    const one = write('one.tar', archived(layout({ name: 'f', content: 'sparc', platform: other })));
    await expect(load(one, 'x')).rejects.toThrow(/no variant for linux\/.* linux\/sparc/);
  });
});

describe('an archive of docker save', { timeout: 60_000 }, () => {
  it.each(compressions)('%s', async (_, compress) => {
    const path = write('saved.tar', compress(saved()));
    const one = ['lower "x"'];
    const two = ['lower "x"', 'upper "y"'];
    expect(await load(path)).toEqual({
      'docker.io/library/app:1': one,
      'localhost:5000/app:one': one,
      'docker.io/library/app:2': two,
    });
    expect(await load(path, 'app:2')).toEqual({ 'docker.io/library/app:2': two });
    expect((await store().prepare('app:2')).config.cmd).toEqual(['/bin/app']);
  });
});

describe('a root file system', { timeout: 60_000 }, () => {
  it.each(compressions)('in an archive, %s', async (_, compress) => {
    const path = write(
      'root.tar',
      compress(tar(directory('./'), file('./etc/passwd', 'root'), symlink('./s', 'etc'))),
    );
    expect(await load(path, 'mine')).toEqual({
      'docker.io/library/mine:latest': ['etc/', 'etc/passwd "root"', 's -> etc'],
    });
    await expect(load(path)).rejects.toThrow(InvalidConfigError);
  });

  it('in a directory, as it is on the disk', async () => {
    const dir = join(home, 'tree');
    const long = 'n'.repeat(150);
    mkdirSync(join(dir, 'etc'), { recursive: true });
    writeFileSync(join(dir, 'etc/passwd'), 'root', { mode: 0o640 });
    linkSync(join(dir, 'etc/passwd'), join(dir, 'again'));
    symlinkSync(`${'../'.repeat(40)}x`, join(dir, 'sym'));
    writeFileSync(Buffer.concat([Buffer.from(`${dir}/`), Buffer.from('caf\xe9\n', 'latin1')]), 'odd');
    mkdirSync(join(dir, long, long), { recursive: true });
    writeFileSync(join(dir, long, long, 'f'), Buffer.alloc(300_000, 'content '));
    execFileSync('mkfifo', ['-m', '600', join(dir, 'pipe')]);
    writeFileSync(join(dir, 'su'), 'x');
    chmodSync(join(dir, 'su'), 0o4755);
    utimesSync(join(dir, 'su'), 1_234_567_890.5, 1_234_567_890.5);
    lutimesSync(join(dir, 'sym'), 5, 5);
    const server = createServer().listen(join(dir, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const [image] = await store().load(dir, 'tree');
      const { rootfs } = await store().prepare('tree');
      const tree = readSquashfs(rootfs);
      expect([...tree.keys()].sort()).toEqual(
        [
          '',
          'again',
          'caf\xe9\n',
          'etc',
          'etc/passwd',
          long,
          `${long}/${long}`,
          `${long}/${long}/f`,
          'pipe',
          'su',
          'sym',
        ].sort(),
      );
      expect(tree.get('again')?.inode).toBe(tree.get('etc/passwd')?.inode);
      expect(tree.get('etc/passwd')).toMatchObject({
        mode: 0o640,
        uid: process.getuid?.(),
        gid: process.getgid?.(),
      });
      expect(tree.get('sym')).toMatchObject({ target: `${'../'.repeat(40)}x`, mtime: 5 });
      expect(tree.get('su')).toMatchObject({ mode: 0o4755, mtime: 1_234_567_890 });
      expect(tree.get('pipe')).toMatchObject({ kind: 'fifo', mode: 0o600 });
      expect(tree.get(`${long}/${long}/f`)?.content.equals(Buffer.alloc(300_000, 'content '))).toBe(true);
      // The same directory is the same image.
      expect((await store().load(dir, 'again'))[0]?.manifest.digest).toBe(image?.manifest.digest);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe('what is no image', { timeout: 60_000 }, () => {
  const entries =
    (manifest: unknown, ...more: Buffer[]) =>
    () =>
      tar(file('manifest.json', typeof manifest === 'string' ? manifest : json(manifest)), ...more);
  const config = file('c.json', json({ ...platform, rootfs: { diff_ids: ['sha256:x'] } }));
  const index = (value: unknown) => () =>
    tar(file('oci-layout', json({ imageLayoutVersion: '1.0.0' })), file('index.json', json(value)));
  it.each<[name: string, make: () => Buffer, message: RegExp]>([
    [
      'noise',
      () => Buffer.from(Array.from({ length: 3000 }, (_, n) => (n * 7919) & 0xff)),
      /is no archive of an image/,
    ],
    ['gzip that ends early', () => gzipSync(saved()).subarray(0, -100), /is no archive of an image/],
    ['gzip of noise', () => gzipSync(Buffer.alloc(3000, 'noise')), /is no archive of an image/],
    ['zstd that is damaged', () => zstd(saved()).fill(0, 20, 60), /is no archive of an image/],
    ['a manifest.json that is none', entries('{'), /manifest.json of .* is not JSON/],
    ['a manifest.json of something else', entries({}), /is no list of images/],
    ['a manifest.json with null', entries([null]), /without a configuration or without layers/],
    [
      'a manifest.json with numbers',
      entries([{ Config: 1, Layers: [2] }]),
      /without a configuration or without layers/,
    ],
    [
      'a configuration that is not there',
      entries([{ Config: 'c.json', Layers: [] }]),
      /has no file "c.json"/,
    ],
    ['a configuration on the host', entries([{ Config: '/etc/passwd', Layers: [] }]), /has no file/],
    [
      'a configuration further up on the host',
      entries([{ Config: '../../../../../../etc/passwd', Layers: [] }]),
      /has no file/,
    ],
    [
      'layers without digests',
      entries([{ Config: 'c.json', RepoTags: ['a:1'], Layers: ['l', 'm'] }], config),
      /names 1 layers, and manifest.json 2/,
    ],
    [
      'a layer that is not there',
      entries([{ Config: 'c.json', RepoTags: ['a:1'], Layers: ['l'] }], config),
      /has no file "l"/,
    ],
    [
      'a layer that is a link to itself',
      entries([{ Config: 'c.json', RepoTags: ['a:1'], Layers: ['l'] }], config, symlink('l', 'l')),
      /has no file "l"/,
    ],
    [
      'a layer that is a link to the host',
      entries([{ Config: 'c.json', RepoTags: ['a:1'], Layers: ['l'] }], config, symlink('l', '/etc/passwd')),
      /has no file "l"/,
    ],
    [
      'a layer that is not what its configuration says',
      entries(
        [{ Config: 'c.json', RepoTags: ['a:1'], Layers: ['l'] }],
        file('c.json', json({ ...platform, rootfs: { diff_ids: [`sha256:${'0'.repeat(64)}`] } })),
        file('l', tar(file('f'))),
      ),
      /0000/,
    ],
    [
      'a document of 5 MB',
      entries([{ Config: 'c.json', Layers: [] }], file('c.json', Buffer.alloc(5_000_000, ' '))),
      /documents end at/,
    ],
    [
      'another version of layouts',
      () => tar(file('oci-layout', json({ imageLayoutVersion: '9' })), file('index.json', '{}')),
      /version 1.0.0/,
    ],
    ['an index without manifests', index({}), /is no list of manifests/],
    ['an index of null', index({ manifests: [null] }), /.+/],
    [
      'an index with a digest that leads out',
      index({
        manifests: [
          { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: 'sha256:../../x', size: 2 },
        ],
      }),
      /is not a sha256 digest/,
    ],
    [
      'an index of what is not there',
      index({
        manifests: [
          {
            mediaType: 'application/vnd.oci.image.manifest.v1+json',
            digest: `sha256:${'0'.repeat(64)}`,
            size: 2,
          },
        ],
      }),
      /has no file/,
    ],
  ])('%s', async (_name, make, message) => {
    const failure = await load(write('image.tar', make()), 'x').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ImageError);
    expect((failure as Error).message).toMatch(message);
    expect(store().list()).toEqual([]);
  });

  it('a path to nothing, a pipe', async () => {
    await expect(load(join(home, 'nothing'), 'x')).rejects.toThrow(/There is no image at/);
    execFileSync('mkfifo', [join(home, 'pipe')]);
    await expect(load(join(home, 'pipe'), 'x')).rejects.toThrow(/neither a directory nor a file/);
  });

  it('leaves what it was made of as it was', async () => {
    const path = write('saved.tar', saved());
    const before = readFileSync(path);
    await load(path);
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});
