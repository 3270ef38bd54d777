import { describe, expect, it } from 'vitest';
import { ImageError } from '../errors.js';
import { type LayerEntry, LayerTree } from './layer-tree.js';

function tree(...layers: LayerEntry[][]): LayerTree {
  const result = new LayerTree();
  layers.forEach((entries, layer) => {
    entries.forEach((entry, index) => {
      result.add(entry, { layer, index });
    });
  });
  return result;
}
const file = (name: string): LayerEntry => ({ name, type: 'file' });
const directory = (name: string): LayerEntry => ({ name, type: 'directory' });
const paths = (t: LayerTree) => [...t.files().values()].flat().sort();

describe('LayerTree', () => {
  it('lets upper layers replace, hide and extend lower ones', () => {
    const t = tree(
      [directory('etc'), file('etc/a'), file('etc/b'), file('keep')],
      [file('etc/a'), file('etc/.wh.b'), file('new/deep/c')],
    );
    expect(paths(t)).toEqual(['etc/a', 'keep', 'new/deep/c']);
    expect(t.files().get('1:0')).toEqual(['etc/a']);
    expect(t.directories()).toContainEqual({ path: 'new/deep', origin: null });
  });

  it('whites out only what lower layers had', () => {
    expect(paths(tree([file('d/old')], [file('d/new'), file('d/.wh..wh..opq')]))).toEqual(['d/new']);
    expect(paths(tree([file('d/x')], [file('d/x'), file('d/.wh.x')]))).toEqual(['d/x']);
  });

  it('replaces a directory by a file and a file by a directory', () => {
    expect(paths(tree([file('a/b/c')], [file('a/b')]))).toEqual(['a/b']);
    expect(paths(tree([file('a')], [file('a/b')]))).toEqual(['a/b']);
  });

  it('keeps a hard link whose first name has gone', () => {
    const t = tree([file('a')], [{ name: 'b', type: 'link', linkname: 'a' }], [file('.wh.a')]);
    expect(t.files()).toEqual(new Map([['0:0', ['b']]]));
  });

  it('takes "." as the root and spells paths one way', () => {
    expect(paths(tree([directory('.'), file('./a//b'), file('/c')]))).toEqual(['a/b', 'c']);
  });

  it.each(['../x', 'a/../../x', '/..', 'a\0b', 'x'.repeat(5000)])('refuses the name %j', (name) => {
    expect(() => tree([file(name)])).toThrow(ImageError);
  });

  it('refuses whiteouts of nothing and links that lead nowhere', () => {
    expect(() => tree([file('.wh.')])).toThrow(ImageError);
    expect(() => tree([file('.wh...')])).toThrow(ImageError);
    expect(() => tree([{ name: 'l', type: 'link', linkname: 'nowhere' }])).toThrow(
      'is a hard link to nowhere',
    );
  });
});
