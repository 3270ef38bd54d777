import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
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
} from '#core/image/tar.test.support.js';

/** A file capability: cap_net_raw, permitted and effective. */
const capability = '\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0';
const deep = Array.from({ length: 8 }, (_, n) => `${n}`.repeat(50)).join('/');

const tags = { owner: 1, user: 2, group: 4, mask: 16, others: 32 } as const;

/** An access control list as the kernel has it, of `[tag, permissions, id]`. */
function accessList(
  ...entries: readonly [tag: keyof typeof tags, permissions: number, id?: number][]
): string {
  const list = Buffer.alloc(4 + 8 * entries.length);
  list.writeUInt32LE(2);
  for (const [n, [tag, permissions, id = 0xffff_ffff]] of entries.entries()) {
    list.writeUInt16LE(tags[tag], 4 + 8 * n);
    list.writeUInt16LE(permissions, 6 + 8 * n);
    list.writeUInt32LE(id, 8 + 8 * n);
  }
  return list.toString('latin1');
}

/** Of mode 750. */
const forUser7 = accessList(['owner', 7], ['user', 5, 7], ['group', 0], ['mask', 5], ['others', 0]);
const forAll = accessList(['owner', 7], ['group', 5], ['others', 5]);

/** Everything that a lower layer has in an image, and that later layers do something to. */
const first = tar(
  directory('./', { mode: 0o755, mtime: 1_500_000_000 }),
  directory('etc', { mtime: 1_400_000_000 }),
  file('etc/passwd', 'root:x:0:0::/:/bin/sh\n'),
  file('etc/removed', 'gone'),
  file('etc/replaced', 'old'),
  directory('opaque'),
  file('opaque/old', 'old'),
  directory('opaque/sub'),
  file('opaque/sub/old', 'old'),
  directory('becomes-file'),
  file('becomes-file/x', 'x'),
  file('becomes-directory', 'x'),
  directory('becomes-symlink'),
  file('becomes-symlink/x', 'x'),
  symlink('link-becomes-directory', 'etc'),
  directory('usr'),
  directory('usr/lib', { mode: 0o711, uid: 12, gid: 34 }),
  symlink('lib', 'usr/lib'),
  file('usr/lib/a', 'a'),
  file('shared', 'shared', { mode: 0o640, uid: 1234 }),
  hardLink('shared-too', 'shared'),
  file('split', 'before'),
  directory('whole'),
  file('whole/x', 'x'),
  directory('partly'),
  file('partly/old', 'x'),
  directory('partly/deeper'),
  file('partly/deeper/old', 'x'),
  pax({ 'SCHILY.xattr.system.posix_acl_access': forUser7 }),
  file('listed', 'x', { mode: 0o750 }),
  pax({ 'SCHILY.xattr.system.posix_acl_access': forUser7 }),
  file('no-longer-listed', 'x', { mode: 0o750 }),
);

/** Kinds, attributes, names. */
const second = tar(
  entry('dev/null', { type: '3', major: 1, minor: 3, mode: 0o666 }),
  entry('dev/disk', { type: '4', major: 259, minor: 70_000, mode: 0o660, gid: 6 }),
  entry('pipe', { type: '6', mode: 0o600 }),
  file('su', '#!', { mode: 0o4755 }),
  file('sg', '#!', { mode: 0o2755, gid: 42 }),
  directory('tmp', { mode: 0o1777 }),
  pax({ 'SCHILY.xattr.security.capability': capability }),
  file('ping', 'x', { mode: 0o755 }),
  pax({
    'SCHILY.xattr.user.comment': '\0bytes=\n\xff',
    'SCHILY.xattr.user.empty': '',
    'SCHILY.xattr.trusted.t': 't',
  }),
  file('commented', 'x'),
  pax({ 'SCHILY.xattr.user.of': 'a directory' }),
  directory('commented.d'),
  pax({ uid: '3000000', gid: '4000000', mtime: '1234567890.123456789' }),
  file('ids', 'x'),
  entry('ids-too', { patch: { 108: base256(3_000_001, 8), 136: base256(2 ** 32 - 5) } }),
  symlink('absolute', '/etc/passwd', { uid: 77 }),
  symlink('dangling', 'no/where'),
  symlink('loop', 'loop'),
  symlink('up', '../../../etc'),
  file('new\nline', 'x'),
  file('latin1-\xe9', 'x'),
  file('utf8-\xc3\xa9-\xe2\x82\xac', 'x'),
  file('n'.repeat(100), 'x'),
  longName('g'.repeat(255)),
  file('g', 'gnu'),
  longName(`${deep}/file`),
  file('deep', 'x'),
  longLink(`${deep}/file`),
  symlink('to-deep', ''),
  longLink(`${deep}/file`),
  hardLink('deep-too', ''),
  pax({ path: `pax/${'p'.repeat(255)}` }),
  file('p', 'pax'),
  file('in-a-prefix', 'x', { prefix: 'pre/fix' }),
  file('empty'),
  file('zeros', Buffer.alloc(700_000)),
  file('noise', Buffer.from(Array.from({ length: 400_000 }, (_, n) => (n * n * 7919 + (n >> 3)) & 0xff))),
  pax({
    'GNU.sparse.size': '600000',
    'GNU.sparse.numblocks': '2',
    'GNU.sparse.map': '300000,4,599998,2',
    'GNU.sparse.name': 'sparse-0.1',
  }),
  file('x', 'abcdef'),
  pax(
    record('GNU.sparse.size', '600000') +
      record('GNU.sparse.numblocks', '2') +
      record('GNU.sparse.offset', '5') +
      record('GNU.sparse.numbytes', '4') +
      record('GNU.sparse.offset', '599998') +
      record('GNU.sparse.numbytes', '2'),
  ),
  file('sparse-0.0', 'abcdef'),
  directory('many'),
  ...Array.from({ length: 1000 }, (_, n) => file(`many/${(n * 7919) % 10_007}`, `${n}`, { uid: n % 300 })),
);

/** What layers do to those below. */
const third = tar(
  file('etc/.wh.removed'),
  file('etc/replaced', 'new', { mode: 0o600 }),
  file('opaque/sub/new', 'new'),
  file('opaque/.wh..wh..opq'),
  file('opaque/new', 'new'),
  file('becomes-file', 'file'),
  file('becomes-file/.wh.x'),
  directory('becomes-directory'),
  file('becomes-directory/x', 'x'),
  symlink('becomes-symlink', 'etc'),
  directory('link-becomes-directory'),
  file('link-becomes-directory/x', 'x'),
  file('lib/b', 'by the symlink'),
  file('lib/.wh.a'),
  hardLink('shared-by-the-next-layer', 'shared'),
  hardLink('through-a-symlink', 'up/passwd'),
  hardLink('link-to-a-symlink', 'lib'),
  hardLink('split-too', 'split'),
  file('split', 'after'),
  file('.wh.whole'),
  file('partly/deeper/new', 'x'),
  file('.wh.partly'),
  file('.wh.never-was'),
  file('no/parent/.wh.x'),
  directory('usr', { mode: 0o700, uid: 5 }),
  pax({ 'SCHILY.xattr.user.of': 'another' }),
  directory('commented.d'),
  file('same', 'one'),
  file('same', 'two'),
  file('no-longer-listed', 'y', { mode: 0o750 }),
  pax({
    'SCHILY.xattr.system.posix_acl_access': forUser7,
    'SCHILY.xattr.system.posix_acl_default': forAll,
    'SCHILY.xattr.user.of': 'one with lists',
  }),
  directory('listed.d', { mode: 0o750, mtime: 1_300_000_000 }),
  pax({ 'SCHILY.xattr.system.posix_acl_access': forUser7 }),
  entry('listed.d/pipe', { type: '6', mode: 0o750 }),
);

/** As GNU tar writes what is on this machine's disk; `dir` is an empty directory. */
function byGnuTar(dir: string, format: readonly string[]): Buffer {
  const root = join(dir, 'root');
  const name = format.join('').replace(/\W/g, '');
  mkdirSync(join(root, name), { recursive: true });
  const sparse = openSync(join(root, name, 'sparse'), 'w');
  for (const at of [0, 1_000_000, 7_000_000, 15_999_990]) writeSync(sparse, 'not zeros', at);
  closeSync(sparse);
  const pieces = openSync(join(root, name, 'pieces'), 'w');
  for (let n = 0; n < 100; n++) writeSync(pieces, `${n}`, n * 70_000);
  closeSync(pieces);
  writeFileSync(join(root, name, 'm'.repeat(format.includes('--format=ustar') ? 90 : 200)), 'a name');
  writeFileSync(join(root, name, 'capable'), 'x', { mode: 0o755 });
  execFileSync('setfattr', ['-n', 'user.note', '-v', 'written by setfattr', join(root, name, 'capable')]);
  execFileSync('ln', [join(root, name, 'capable'), join(root, name, 'capable-too')]);
  const out = join(dir, `${name}.tar`);
  execFileSync('tar', [...format, '--mtime=@1600000000', '-cf', out, '-C', root, '.']);
  execFileSync('rm', ['-r', root]);
  return execFileSync('cat', [out], { maxBuffer: 2 ** 28 });
}

/** The layers of an image that has everything that an image can have, lowest first. `dir` is an empty directory to work in. */
export function tortureLayers(dir: string): Buffer[] {
  const xattrs = ['--xattrs', '--xattrs-include=*'];
  return [
    first,
    second,
    third,
    byGnuTar(dir, ['--format=gnu']),
    byGnuTar(dir, ['--format=posix', '--sparse', ...xattrs]),
    byGnuTar(dir, ['--format=posix', '--sparse', '--sparse-version=0.0', ...xattrs]),
    byGnuTar(dir, ['--format=posix', '--sparse', '--sparse-version=0.1', ...xattrs]),
    byGnuTar(dir, ['--format=ustar']),
  ];
}
