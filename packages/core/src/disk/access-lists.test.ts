import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withAccessLists } from './access-lists.js';
import type { Inode, TreeNode } from './file-tree.js';

function inode(kind: Inode['kind'], xattrs: Record<string, string> = {}): Inode {
  const attributes = { mode: 0o755, uid: 0, gid: 0, mtime: 0, xattrs: new Map(Object.entries(xattrs)) };
  return { kind, ...attributes, content: null, target: '', major: 0, minor: 0 };
}

const directory = (of: Inode, children: Record<string, TreeNode> = {}): TreeNode => ({
  inode: of,
  children: new Map(Object.entries(children)),
});
const file = (xattrs: Record<string, string> = {}): TreeNode => ({
  inode: inode('file', xattrs),
  children: null,
});

/** As the agent reads them. */
function read({ inode: { xattrs } }: TreeNode): [path: string, name: string, list: string][] {
  const found: [string, string, string][] = [];
  for (let n = 0; ; n++) {
    const bytes = Buffer.from(xattrs?.get(`trusted.overlay.msb.acl.${n}`) ?? '', 'latin1');
    if (bytes.length === 0) return found;
    expect(bytes.length).toBeLessThanOrEqual(65_536);
    for (let at = 0; at < bytes.length; ) {
      const name = `system.posix_acl_${bytes.readUInt8(at) === 0 ? 'access' : 'default'}`;
      const path = at + 5;
      const list = path + bytes.readUInt16LE(at + 1);
      const end = list + bytes.readUInt16LE(at + 3);
      expect(end).toBeLessThanOrEqual(bytes.length);
      found.push([bytes.toString('latin1', path, list), name, bytes.toString('latin1', list, end)]);
      at = end;
    }
  }
}

const list = (entries: number, fill = 'e') => `\x02\0\0\0${fill.repeat(8 * entries)}`;

describe('access control lists', () => {
  it('are carried by the root, each with its path', () => {
    const shared = file({ 'system.posix_acl_access': list(1, 's') });
    const root = directory(inode('directory', { 'user.x': 'y', 'system.posix_acl_default': list(3) }), {
      b: shared,
      a: directory(inode('directory', { 'system.posix_acl_access': list(2) }), { '\xe9': shared }),
    });
    const carried = withAccessLists(root);
    expect(read(carried)).toEqual([
      ['.', 'system.posix_acl_default', list(3)],
      ['a', 'system.posix_acl_access', list(2)],
      ['a/\xe9', 'system.posix_acl_access', list(1, 's')],
      ['b', 'system.posix_acl_access', list(1, 's')],
    ]);
    expect(carried.inode.xattrs?.get('user.x')).toBe('y');
    expect(carried.children).toBe(root.children);
  });

  it('leave one attribute, which is empty, where there are none, or none that the kernel would take', () => {
    for (const bad of ['', 'acl', '\x03\0\0\0', `${list(1)}x`, list(600)]) {
      const root = directory(inode('directory'), { x: file({ 'system.posix_acl_access': bad }) });
      expect(withAccessLists(root).inode.xattrs).toEqual(new Map([['trusted.overlay.msb.acl.0', '']]));
    }
    const symlink = inode('symlink', { 'system.posix_acl_access': list(1) });
    expect(
      read(withAccessLists(directory(inode('directory'), { x: { inode: symlink, children: null } }))),
    ).toEqual([]);
  });

  it('are all there, however many and long', () => {
    const some = fc.array(fc.tuple(fc.nat({ max: 500 }), fc.nat({ max: 250 })), { maxLength: 300 });
    fc.assert(
      fc.property(some, (files) => {
        const entries = files.map(
          ([length, name], n) =>
            [`${'n'.repeat(name)}${n}`, `\x02\0\0\0${`${n}`.padEnd(8 * length)}`] as const,
        );
        const fitting = entries.filter(([, value]) => value.length % 8 === 4);
        const children = entries.map(
          ([name, value]) => [name, file({ 'system.posix_acl_access': value })] as const,
        );
        const carried = read(withAccessLists(directory(inode('directory'), Object.fromEntries(children))));
        expect(new Map(carried.map(([path, , value]) => [path, value]))).toEqual(new Map(fitting));
      }),
      { numRuns: 30 },
    );
  });

  it('of more paths than the root can carry are refused', () => {
    const children = Array.from({ length: 1100 }, (_, n) => [
      `${n}`,
      file({ 'system.posix_acl_access': list(500) }),
    ]);
    const root = directory(inode('directory'), Object.fromEntries(children));
    expect(() => withAccessLists(root)).toThrow(/more access control lists than can be kept/);
  });
});
