import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { findExecutable } from '../host/executables.js';
import { runTool } from '../host/run-tool.js';
import { convertLayers } from './convert-layers.js';
import { digestOf, lines, tarType, Workbench } from './convert-layers.test.support.js';
import {
  base256,
  directory,
  entry,
  file,
  hardLink,
  longLink,
  longName,
  pax,
  record,
  symlink,
  tar,
} from './tar.test.support.js';

const root = mkdtempSync(join(tmpdir(), 'msb-unit-'));
afterAll(() => rmSync(root, { recursive: true }));
const workbench = new Workbench(root);

const gzipType = `${tarType}+gzip`;
const zstdType = `${tarType}+zstd`;

describe('a layer', { timeout: 60_000 }, () => {
  it('keeps kinds, modes, owners, times, devices and extended attributes', async () => {
    const capability = '\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0';
    const tree = await workbench.tree([
      tar(
        directory('./', { mode: 0o751, uid: 3, mtime: 5 }),
        directory('etc/', { mode: 0o1777, uid: 1, gid: 2 }),
        file('etc/su', 'su', { mode: 0o4755, gid: 7, mtime: 1_234_567_890 }),
        pax({ uid: '4000000000', gid: '70000', mtime: '1234567890.987654321' }),
        file('etc/big-ids'),
        entry('old', { patch: { 108: base256(3_000_000, 8), 136: base256(2 ** 31) } }),
        entry('null', { type: '3', major: 1, minor: 3, mode: 0o666 }),
        entry('disk', { type: '4', major: 259, minor: 70_000, mode: 0o660 }),
        entry('pipe', { type: '6', mode: 0o600 }),
        pax({ 'SCHILY.xattr.security.capability': capability, 'SCHILY.xattr.user.comment': '\0=\n\xff' }),
        file('ping', 'x'),
        pax({ 'SCHILY.xattr.trusted.t': 'x', 'SCHILY.xattr.system.posix_acl_access': 'acl' }),
        directory('marked'),
        pax({ 'SCHILY.xattr.security.s': 'of a symlink' }),
        symlink('sym', '../etc/su', { uid: 5 }),
      ),
    ]);
    expect(tree.get('')).toMatchObject({ mode: 0o751, uid: 3, mtime: 5, links: 4 });
    expect(tree.get('etc')).toMatchObject({ kind: 'directory', mode: 0o1777, uid: 1, gid: 2 });
    expect(tree.get('etc/su')).toMatchObject({ mode: 0o4755, gid: 7, mtime: 1_234_567_890 });
    expect(tree.get('etc/big-ids')).toMatchObject({ uid: 4_000_000_000, gid: 70_000, mtime: 1_234_567_890 });
    expect(tree.get('old')).toMatchObject({ uid: 3_000_000, mtime: 2 ** 31 });
    expect(tree.get('null')).toMatchObject({ kind: 'character', device: '1:3', mode: 0o666 });
    expect(tree.get('disk')).toMatchObject({ kind: 'block', device: '259:70000', mode: 0o660 });
    expect(tree.get('pipe')).toMatchObject({ kind: 'fifo', mode: 0o600 });
    expect(tree.get('ping')?.xattrs).toEqual({
      'security.capability': capability,
      'user.comment': '\0=\n\xff',
    });
    expect(tree.get('marked')?.xattrs).toEqual({ 'trusted.t': 'x' });
    expect(tree.get('sym')).toMatchObject({
      target: '../etc/su',
      uid: 5,
      mode: 0o777,
      xattrs: { 'security.s': 'of a symlink' },
    });
  });

  it('has the root carry access control lists, and takes nothing that an overlay keeps for itself', async () => {
    const list = '\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff';
    const tree = await workbench.tree([
      tar(
        pax({
          'SCHILY.xattr.user.of': 'the root',
          'SCHILY.xattr.trusted.overlay.msb.acl.0': 'forged',
          'SCHILY.xattr.trusted.overlay.opaque': 'y',
        }),
        directory('./'),
        pax({ 'SCHILY.xattr.system.posix_acl_access': list }),
        file('listed', 'x'),
        hardLink('also-listed', 'listed'),
      ),
    ]);
    expect(tree.get('listed')?.xattrs).toEqual({});
    expect(tree.get('')?.xattrs).toEqual({
      'user.of': 'the root',
      'trusted.overlay.msb.acl.0': `\0\x0b\0\x0c\0also-listed${list}\0\x06\0\x0c\0listed${list}`,
    });
  });

  it('keeps names as bytes, however they are written down', async () => {
    const odd = 'latin1 \xe9, newline \n, UTF-8 \xc3\xa9, tab \t, quote "';
    const long = `long/${'n'.repeat(200)}/${'m'.repeat(200)}`;
    const tree = await workbench.tree([
      tar(
        file(odd, 'odd'),
        longName(long),
        file('short', 'gnu'),
        pax({ path: `pax/${long}` }),
        file('short', 'pax'),
        file('name', 'ustar', { prefix: 'in/a/prefix' }),
        file('gnu', 'x', { magic: 'ustar  \0', prefix: '07000000000' }),
        longLink(`pax/${long}`),
        hardLink('link', 'x'),
        pax({ linkpath: odd }),
        symlink('symlink', 'x'),
        entry('v7/', { type: '\0', magic: '' }),
        file('v7/f', 'v7', { type: '\0', magic: '' }),
      ),
    ]);
    const content = (path: string) => tree.get(path)?.content.toString();
    expect(content(odd)).toBe('odd');
    expect(content(long)).toBe('gnu');
    expect(content(`pax/${long}`)).toBe('pax');
    expect(content('in/a/prefix/name')).toBe('ustar');
    expect(content('gnu')).toBe('x');
    expect(tree.get('link')?.inode).toBe(tree.get(`pax/${long}`)?.inode);
    expect(tree.get('link')?.links).toBe(2);
    expect(tree.get('symlink')?.target).toBe(odd);
    expect(tree.get('v7')?.kind).toBe('directory');
    expect(content('v7/f')).toBe('v7');
  });

  it('keeps sparse files, of all formats that there are', async () => {
    const size = '600000';
    const expected = Buffer.alloc(600_000);
    expected.write('abcd', 300_000);
    expected.write('ef', 599_998);
    const map = '300000,4,599998,2';
    const tree = await workbench.tree([
      tar(
        pax(
          record('GNU.sparse.size', size) +
            record('GNU.sparse.offset', '300000') +
            record('GNU.sparse.numbytes', '4') +
            record('GNU.sparse.offset', '599998') +
            record('GNU.sparse.numbytes', '2'),
        ),
        file('pax-0.0', 'abcdef'),
        pax({ 'GNU.sparse.size': size, 'GNU.sparse.map': map, 'GNU.sparse.name': 'pax-0.1' }),
        file('GNUSparseFile.0/x', 'abcdef'),
        pax({
          'GNU.sparse.major': '1',
          'GNU.sparse.minor': '0',
          'GNU.sparse.realsize': size,
          'GNU.sparse.name': 'pax-1.0',
        }),
        file('GNUSparseFile.0/x', `${'2\n300000\n4\n599998\n2\n'.padEnd(512, '\0')}abcdef`),
        entry('gnu', {
          type: 'S',
          magic: 'ustar  \0',
          data: 'abcdef',
          patch: { 386: '1111740', 398: '4', 410: '2223676', 422: '2', 483: '2223700' },
        }),
        file('after', 'x'),
      ),
    ]);
    for (const name of ['pax-0.0', 'pax-0.1', 'pax-1.0', 'gnu'])
      expect(tree.get(name)?.content.equals(expected), name).toBe(true);
    expect(tree.get('after')?.content.toString()).toBe('x');
    expect([...tree.keys()].filter((path) => path.includes('GNU'))).toEqual([]);
  });

  it('costs no room for zeros, nor for what a later layer replaces', async () => {
    const zeros = Buffer.alloc(3_000_000);
    const noise = Buffer.alloc(1_000_000, 'noise, of a length that fits no block ');
    const small = await workbench.tree([
      tar(
        file('zeros', zeros),
        file('gone', noise),
        file('keep', noise.subarray(0, 200_000)),
        file('replaced', noise),
      ),
      tar(
        file('.wh.gone'),
        file('replaced', 'new'),
        hardLink('again', 'keep'),
        file('end', noise.subarray(7, 300_007)),
      ),
    ]);
    expect(small.get('zeros')?.content.equals(zeros)).toBe(true);
    expect(small.get('keep')?.content.equals(noise.subarray(0, 200_000))).toBe(true);
    expect(small.get('end')?.content.equals(noise.subarray(7, 300_007))).toBe(true);
    expect(small.get('replaced')?.content.toString()).toBe('new');
    const { length } = readFileSync(join(workbench.output, 'image.squashfs'));
    expect(length).toBeLessThan(520_000);
  });

  it('holds directories of thousands, hundreds of layers and thousands of owners', async () => {
    const many = Array.from({ length: 3000 }, (_, n) => file(`d/name-${n * 7919}`, `${n}`, { uid: n }));
    const layers = Array.from({ length: 200 }, (_, n) =>
      tar(file(`layer-${n}`, `${n}`), file(`.wh.layer-${n - 2}`)),
    );
    const tree = await workbench.tree([tar(...many), ...layers]);
    expect(tree.size).toBe(3000 + 2 + 2);
    for (let n = 0; n < 3000; n += 97)
      expect(tree.get(`d/name-${n * 7919}`)).toMatchObject({ uid: n, content: Buffer.from(`${n}`) });
  });

  it('gives the same image for the same layers', async () => {
    const layers = [
      tar(file('a', 'x'), directory('d'), file('d/b', 'y')),
      tar(file('d/c', 'z'), file('.wh.a')),
    ];
    await workbench.tree(layers);
    const first = readFileSync(join(workbench.output, 'image.squashfs'));
    await workbench.tree(layers);
    expect(readFileSync(join(workbench.output, 'image.squashfs')).equals(first)).toBe(true);
  });
});

describe('the compression of a layer', { timeout: 60_000 }, () => {
  const layer = tar(file('a', 'x'.repeat(5000)), file('b', 'y'));
  const convert = async (blob: Buffer, type: string) =>
    lines(await workbench.convert([workbench.store(blob, type)], [digestOf(layer)]));
  const content = [`a "${'x'.repeat(5000)}"`, 'b "y"'];
  const zstd = async (...parts: Buffer[]) => {
    const frames: Buffer[] = [];
    for (const part of parts) {
      const path = join(root, 'frame');
      writeFileSync(path, part);
      await runTool('zstd', ['-q', '-f', path], { timeoutMs: 10_000, debianPackage: 'zstd' });
      frames.push(readFileSync(`${path}.zst`));
    }
    return Buffer.concat(frames);
  };

  it.each([tarType, 'application/vnd.docker.image.rootfs.diff.tar'])('may be none: %s', async (type) => {
    expect(await convert(layer, type)).toEqual(content);
  });

  it.each([gzipType, 'application/vnd.docker.image.rootfs.diff.tar.gzip'])(
    'may be gzip: %s',
    async (type) => {
      expect(await convert(gzipSync(layer), type)).toEqual(content);
      const [head, tail] = [layer.subarray(0, 700), layer.subarray(700)];
      expect(await convert(Buffer.concat([gzipSync(head), gzipSync(tail), gzipSync('')]), type)).toEqual(
        content,
      );
    },
  );

  it('may be zstd, in frames, some of them to be skipped', async () => {
    expect(findExecutable('zstd')).toBeDefined();
    expect(await convert(await zstd(layer), zstdType)).toEqual(content);
    const skippable = Buffer.from('\x50\x2a\x4d\x18\x04\0\0\0skip', 'latin1');
    const frames = [
      await zstd(layer.subarray(0, 700)),
      skippable,
      await zstd(layer.subarray(700)),
      skippable,
    ];
    expect(await convert(Buffer.concat(frames), zstdType)).toEqual(content);
  });

  it.each([
    ['gzip that ends early', () => gzipSync(layer).subarray(0, -20), gzipType],
    [
      'gzip with something behind it',
      () => Buffer.concat([gzipSync(layer), Buffer.from('garbage')]),
      gzipType,
    ],
    ['gzip that is damaged', () => gzipSync(layer).fill(0xff, 30, 60), gzipType],
    ['gzip that is none', () => layer, gzipType],
    ['zstd that ends early', async () => (await zstd(layer)).subarray(0, -8), zstdType],
    [
      'zstd with something behind it',
      async () => Buffer.concat([await zstd(layer), Buffer.from('garbage')]),
      zstdType,
    ],
    ['zstd that is damaged', async () => (await zstd(layer)).fill(0xff, 12), zstdType],
    ['zstd that is none', () => layer, zstdType],
    // A frame whose header asks for a window of two gigabytes.
    ['zstd that wants much memory', () => Buffer.from('28b52ffd00a8010000', 'hex'), zstdType],
  ])('is refused: %s', async (_name, make, type) => {
    await expect(convert(await make(), type)).rejects.toThrow(/^Layer sha256:.* is damaged: /);
  });

  it('is none that we know', async () => {
    await expect(convert(layer, 'text/plain')).rejects.toThrow(/text\/plain are not understood/);
    await expect(convert(layer, 'toString')).rejects.toThrow(/toString are not understood/);
    for (const type of [
      'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
      'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    ])
      await expect(convert(layer, type)).rejects.toThrow(/may not be passed on/);
  });
});

describe('a layer that is not what its image says', { timeout: 60_000 }, () => {
  const bytes = tar(file('a', 'x'));
  const convert = (...args: Parameters<Workbench['convert']>) => workbench.convert(...args);

  it('is refused', async () => {
    const stored = workbench.store(bytes);
    rmSync(join(workbench.output, 'image.squashfs'), { force: true });
    await expect(convert([stored], [`sha256:${'0'.repeat(64)}`])).rejects.toThrow(
      /unpacks to sha256:.*its image says/,
    );
    await expect(convert([{ ...stored, size: 7 }], [digestOf(bytes)])).rejects.toThrow(/manifest says 7/);
    await expect(convert([], [digestOf(bytes)])).rejects.toThrow(/0 layers but 1 diff ids/);
    const absent = { ...stored, digest: `sha256:${'1'.repeat(64)}` };
    await expect(convert([absent], [digestOf(bytes)])).rejects.toThrow(/is missing/);
    expect(readdirSync(workbench.output)).toEqual([]);
  });

  it('is given up when nobody wants it any more', async () => {
    const given = new AbortController();
    given.abort(new Error('enough'));
    const path = join(workbench.output, 'image.squashfs');
    await expect(
      convertLayers(workbench.blobs, [workbench.store(bytes)], [digestOf(bytes)], path, {
        signal: given.signal,
      }),
    ).rejects.toThrow('enough');
    expect(readdirSync(workbench.output)).toEqual([]);
  });

  it("leaves the host's own errors what they are", async () => {
    const nowhere = join(root, 'no/where.squashfs');
    await expect(
      convertLayers(workbench.blobs, [workbench.store(bytes)], [digestOf(bytes)], nowhere),
    ).rejects.toThrow(/ENOENT/);
  });
});
