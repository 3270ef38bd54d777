import { describe, expect, it } from 'vitest';
import type { TreeNode } from '../disk/file-tree.js';
import { ImageError } from '../errors.js';
import { conversionLimits } from './convert-layers.js';
import { LayerTree } from './layer-tree.js';
import type { TarEntry } from './tar-reader.js';

const blank = {
  linkTarget: '',
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: 1,
  major: 0,
  minor: 0,
  size: 0,
  xattrs: null,
};
const file = (name: string, uid = 0): TarEntry => ({ ...blank, name, kind: 'file', uid });
const directory = (name: string, uid = 0): TarEntry => ({
  ...blank,
  name,
  kind: 'directory',
  mode: 0o700,
  uid,
});
const symlink = (name: string, linkTarget: string): TarEntry => ({
  ...blank,
  name,
  kind: 'symlink',
  linkTarget,
});
const link = (name: string, linkTarget: string): TarEntry => ({ ...blank, name, kind: 'link', linkTarget });

function tree(...layers: TarEntry[][]): TreeNode {
  const result = new LayerTree(conversionLimits);
  for (const entries of layers) {
    result.beginLayer();
    for (const entry of entries) result.add(entry);
  }
  return result.root;
}

function paths(node: TreeNode, prefix = ''): string[] {
  return [...(node.children ?? [])].flatMap(([name, child]) =>
    child.inode.kind === 'directory'
      ? [`${prefix}${name}/`, ...paths(child, `${prefix}${name}/`)]
      : [`${prefix}${name}`],
  );
}
const sorted = (...layers: TarEntry[][]) => paths(tree(...layers)).sort();

function at(node: TreeNode, path: string): TreeNode {
  const found = path.split('/').reduce<TreeNode | undefined>((one, name) => one?.children?.get(name), node);
  if (!found) throw new Error(`no ${path}`);
  return found;
}

describe('LayerTree', () => {
  it('lets upper layers replace, hide and extend lower ones', () => {
    const t = [
      [directory('etc'), file('etc/a', 1), file('etc/b'), file('keep')],
      [file('etc/a', 2), file('etc/.wh.b'), file('new/deep/c')],
    ];
    expect(sorted(...t)).toEqual(['etc/', 'etc/a', 'keep', 'new/', 'new/deep/', 'new/deep/c']);
    expect(at(tree(...t), 'etc/a').inode.uid).toBe(2);
    expect(at(tree(...t), 'new/deep').inode).toMatchObject({ mode: 0o755, uid: 0, mtime: 0 });
  });

  it('whites out only what lower layers had, in any order', () => {
    expect(sorted([file('d/old')], [file('d/new'), file('d/.wh..wh..opq')])).toEqual(['d/', 'd/new']);
    expect(sorted([file('d/old')], [file('d/.wh..wh..opq'), file('d/new')])).toEqual(['d/', 'd/new']);
    expect(sorted([file('d/x')], [file('d/x', 1), file('d/.wh.x')])).toEqual(['d/', 'd/x']);
    expect(sorted([file('d/x'), file('d/e/y')], [file('d/e/z'), file('.wh.d')])).toEqual([
      'd/',
      'd/e/',
      'd/e/z',
    ]);
    expect(sorted([directory('d'), file('d/x')], [directory('d'), file('.wh.d')])).toEqual(['d/']);
    expect(sorted([file('x')], [file('.wh..wh..opq')])).toEqual([]);
  });

  it('takes whiteouts of what is not there, and makes nothing for them', () => {
    expect(sorted([file('a')], [file('no/where/.wh.x'), file('no/.wh..wh..opq'), file('.wh.b')])).toEqual([
      'a',
    ]);
    expect(sorted([file('a')], [file('.wh..wh.plnk')])).toEqual(['a']);
  });

  it('takes whiteouts below what has become a file, whichever comes first', () => {
    expect(sorted([file('d/x')], [file('d'), file('d/.wh.x')])).toEqual(['d']);
    expect(sorted([file('d/x')], [file('d/.wh.x'), file('d')])).toEqual(['d']);
  });

  it('replaces a directory by a file and a file by a directory', () => {
    expect(sorted([file('a/b/c')], [file('a/b')])).toEqual(['a/', 'a/b']);
    expect(sorted([file('a')], [directory('a'), file('a/b')])).toEqual(['a/', 'a/b']);
    expect(() => tree([file('a')], [file('a/b')])).toThrow('"a" is no directory');
  });

  it("describes a directory anew and keeps what is in it; the last description counts, a child's entry changes none", () => {
    const t = tree([directory('d', 1), file('d/a')], [directory('d', 2), file('d/b')], [file('d/c')]);
    expect(paths(t).sort()).toEqual(['d/', 'd/a', 'd/b', 'd/c']);
    expect(at(t, 'd').inode.uid).toBe(2);
  });

  it('describes the root', () => {
    const t = tree([directory('./', 7), file('a')], [file('./b')]);
    expect(t.inode).toMatchObject({ uid: 7, mode: 0o700 });
    expect(paths(t).sort()).toEqual(['a', 'b']);
  });

  it('keeps the file behind a hard link when its first name goes or gets another', () => {
    expect(sorted([file('a', 1)], [link('b', 'a'), file('.wh.a')])).toEqual(['b']);
    const t = tree([file('a', 1)], [link('b', 'a'), file('a', 2)]);
    expect(at(t, 'b').inode.uid).toBe(1);
    expect(at(t, 'a').inode.uid).toBe(2);
    const linked = tree([file('d/a')], [link('b', '/d/a'), link('c', './b')]);
    expect(at(linked, 'c').inode).toBe(at(linked, 'd/a').inode);
  });

  it('follows symlinks on the way to an entry as the image itself would, and keeps those at its end', () => {
    const merged = [directory('usr'), directory('usr/lib'), symlink('lib', 'usr/lib')];
    expect(sorted(merged, [file('lib/x')])).toEqual(['lib', 'usr/', 'usr/lib/', 'usr/lib/x']);
    expect(sorted(merged, [file('usr/lib/x')], [file('lib/.wh.x')])).toEqual(['lib', 'usr/', 'usr/lib/']);
    expect(sorted(merged, [file('lib')])).toEqual(['lib', 'usr/', 'usr/lib/']);
    expect(sorted(merged, [directory('lib'), file('lib/x')])).toEqual(['lib/', 'lib/x', 'usr/', 'usr/lib/']);
    expect(sorted([symlink('s', 'no/where')], [file('s/x')])).toEqual([
      'no/',
      'no/where/',
      'no/where/x',
      's',
    ]);
    expect(sorted([symlink('s', '../../up')], [file('s/x')])).toEqual(['s', 'up/', 'up/x']);
    expect(sorted([file('d/x'), symlink('s', 'd')], [link('l', 's/x')])).toEqual(['d/', 'd/x', 'l', 's']);
  });

  it('does not white out, through a symlink, what its own layer put there by the other path', () => {
    expect(sorted([directory('d'), symlink('s', 'd'), file('d/x')], [file('d/x'), file('s/.wh.x')])).toEqual([
      'd/',
      'd/x',
      's',
    ]);
  });

  it('takes "." as the root and spells paths one way', () => {
    expect(sorted([directory('.'), file('./a//b'), file('/c')])).toEqual(['a/', 'a/b', 'c']);
  });

  it('refuses what a file cannot be', () => {
    for (const entry of [
      { ...file('a'), uid: 2 ** 32 },
      { ...file('a'), gid: 0xffffffff },
      { ...file('a'), major: 4096 },
    ])
      expect(() => tree([entry])).toThrow(ImageError);
    const old = tree([
      { ...file('a'), mtime: -5, mode: 0o104755 },
      { ...file('b'), mtime: 2 ** 40 },
    ]);
    expect(at(old, 'a').inode).toMatchObject({ mtime: 0, mode: 0o4755 });
    expect(at(old, 'b').inode.mtime).toBe(2 ** 32 - 1);
  });
});
