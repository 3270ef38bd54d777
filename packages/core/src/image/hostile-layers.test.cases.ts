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

/** Layers, lowest first, and what becomes of them: an error whose message fits, a tree, or (null) any tree. */
export type HostileCase = readonly [
  name: string,
  layers: () => readonly Buffer[],
  expected: RegExp | readonly string[] | null,
];

const one =
  (...entries: Buffer[]) =>
  () => [tar(...entries)];
const layers =
  (...stack: Buffer[][]) =>
  () =>
    stack.map((entries) => tar(...entries));
const leadsOut = /leads out of its root/;

const paths: readonly HostileCase[] = [
  ['a parent of the root', one(file('../evil', 'x')), leadsOut],
  ['a parent in between', one(file('a/../../evil', 'x')), leadsOut],
  ['a parent at the end', one(directory('a/..')), leadsOut],
  ['a parent alone', one(directory('..')), leadsOut],
  ['a parent in a PAX path', one(pax({ path: '../evil' }), file('fine', 'x')), leadsOut],
  ['a parent in a GNU long name', one(longName('../evil'), file('fine', 'x')), leadsOut],
  ['a parent in the prefix', one(file('evil', 'x', { prefix: '../..' })), leadsOut],
  ['a parent as a hard link', one(file('a'), hardLink('l', '../../etc/passwd')), leadsOut],
  ['a parent in a PAX link', one(pax({ linkpath: '../x' }), hardLink('l', 'a')), leadsOut],
  ['a parent in a GNU long link', one(longLink('../x'), hardLink('l', 'a')), leadsOut],
  ['an absolute path', one(file('/etc/passwd', 'x')), ['etc/', 'etc/passwd "x"']],
  ['many slashes', one(file('///etc//./passwd', 'x')), ['etc/', 'etc/passwd "x"']],
  [
    'a whiteout of the parent',
    layers([file('d/e/f')], [file('d/e/.wh...')]),
    /stands for nothing that could be/,
  ],
  ['a whiteout of itself', layers([file('d/e/f')], [file('d/e/.wh..')]), /stands for nothing that could be/],
  ['a whiteout of no name', layers([file('d/e/f')], [file('d/e/.wh.')]), /stands for nothing that could be/],
  ['a whiteout behind a parent', layers([file('d')], [file('../.wh.d')]), leadsOut],
  ['a name with a NUL', one(pax({ path: 'a\0b' }), file('a')), /PAX record is malformed/],
  ['no name', one(file('', 'x')), /its root is described as something else/],
  ['the root as a file', one(file('.', 'x')), /its root is described as something else/],
  ['the root as a symlink', one(symlink('./', '/etc')), /its root is described as something else/],
  ['the root as a hard link', one(file('a'), hardLink('/', 'a')), /hard link|something else/],
  ['a name of 256 bytes', one(longName('n'.repeat(256)), file('a')), /longer than 255 bytes/],
  ['a path of 4096 bytes', one(longName(`${'n/'.repeat(2047)}nn`), file('a')), /longer than 4095 bytes/],
  ['a path of 4095 bytes', one(longName(`${'n/'.repeat(2047)}n`), file('a')), null],
  ['names that are no UTF-8', one(file('caf\xe9\n', 'x')), ['caf\xe9\n "x"']],
];

const links: readonly HostileCase[] = [
  [
    'a file through a symlink to the host',
    layers([symlink('out', '/../../../../tmp')], [file('out/evil', 'x')]),
    ['out -> /../../../../tmp', 'tmp/', 'tmp/evil "x"'],
  ],
  [
    'a file through a relative symlink that climbs',
    one(directory('a'), symlink('a/out', '../../../..'), file('a/out/evil', 'x')),
    ['a/', 'a/out -> ../../../..', 'evil "x"'],
  ],
  [
    'a file through symlinks that lead back and forth',
    one(
      directory('a'),
      directory('b'),
      symlink('a/b', '../b'),
      symlink('b/a', '../a'),
      file('a/b/a/b/f', 'x'),
    ),
    ['a/', 'a/b -> ../b', 'b/', 'b/a -> ../a', 'b/f "x"'],
  ],
  [
    'a file through a loop of symlinks',
    one(symlink('a', 'b'), symlink('b', 'a'), file('a/x')),
    /255 symlinks/,
  ],
  ['a file through a symlink to itself', one(symlink('a', 'a'), file('a/x')), /255 symlinks/],
  [
    'a bomb of symlinks',
    one(
      symlink('l0', '.'),
      ...Array.from({ length: 20 }, (_, n) => symlink(`l${n + 1}`, `l${n}/l${n}/l${n}`)),
      file('l20/x'),
    ),
    /255 symlinks/,
  ],
  [
    'a hard link through a symlink to the host',
    one(symlink('out', '/etc'), hardLink('l', 'out/passwd')),
    /no file of it/,
  ],
  ['a hard link to what is not there', one(hardLink('l', 'nowhere')), /"l" is a hard link to "nowhere"/],
  ['a hard link to itself', one(file('a', 'x'), hardLink('a', 'a')), /no file of it/],
  ['hard links to each other', one(hardLink('a', 'b'), hardLink('b', 'a')), /no file of it/],
  ['a hard link to a directory', one(directory('d'), hardLink('l', 'd')), /no file of it/],
  ['a hard link to the root', one(hardLink('l', '/')), /no file of it/],
  ['a hard link to nothing', one(hardLink('l', '')), /no file of it/],
  [
    'a hard link over the directory that it leads to',
    one(file('d/f', 'x'), hardLink('d', 'd/f')),
    /no file of it/,
  ],
  ['a hard link below a file', one(file('f', 'x'), hardLink('f/l', 'f')), /is no directory/],
  [
    'a hard link to a symlink',
    one(symlink('s', '/etc/passwd'), hardLink('l', 's')),
    ['l -> /etc/passwd', 'link s = l'],
  ],
  ['a symlink to nothing', one(symlink('s', '')), /symlink to nothing/],
  [
    'a symlink of 4096 bytes',
    one(longLink('x'.repeat(4096)), symlink('s', '')),
    /symlink to nothing that could be/,
  ],
  ['a file in a file', layers([file('f', 'x')], [file('f/g', 'y')]), /"f" is no directory/],
  ['a file in a device', one(entry('f', { type: '3' }), file('f/g', 'y')), /"f" is no directory/],
  [
    'a directory over a symlink',
    layers([directory('d'), symlink('s', 'd')], [directory('s'), file('s/f', 'x')]),
    ['d/', 's/', 's/f "x"'],
  ],
  [
    'a thousand names for one file',
    one(file('f0', 'x'), ...Array.from({ length: 1000 }, (_, n) => hardLink(`f${n + 1}`, `f${n}`))),
    null,
  ],
];

const numbers: readonly HostileCase[] = [
  ['a size that is no number', one(entry('f', { size: '0000000001z\0' })), /a size is no number/],
  ['a negative size', one(entry('f', { size: base256(-1) })), /a size is negative/],
  [
    'a size beyond all bounds',
    one(entry('f', { size: `\x80${'\xff'.repeat(11)}` })),
    /a size is beyond all bounds/,
  ],
  [
    'a size of eight exbibytes',
    one(entry('f', { size: base256(2n ** 53n - 1n) })),
    /more than 1099511627776 bytes/,
  ],
  ['a size that is longer than the layer', one(entry('f', { size: 5000 })), /ends too early/],
  ['a PAX size that lies', one(pax({ size: '5000' }), file('f', 'x')), /ends too early/],
  ['a PAX size that is no number', one(pax({ size: '-1' }), file('f', 'x')), /PAX record size is no number/],
  [
    'a PAX size that is huge',
    one(pax({ size: '9'.repeat(30) }), file('f', 'x')),
    /PAX record size is no number/,
  ],
  ['a directory with a size', one(directory('d', { size: 5000 }), file('d/f', 'x')), ['d/', 'd/f "x"']],
  [
    'a hard link with a size',
    one(file('a', 'x'), hardLink('l', 'a', { size: 5000 })),
    ['a "x"', 'link l = a'],
  ],
  ['an owner beyond all bounds', one(pax({ uid: String(2 ** 32) }), file('f')), /owner beyond all bounds/],
  [
    'an owner that the kernel takes for none',
    one(pax({ gid: String(2 ** 32 - 1) }), file('f')),
    /owner beyond all bounds/,
  ],
  ['a negative owner', one(entry('f', { patch: { 108: base256(-2, 8) } })), /a uid is negative/],
  ['a device that no kernel has', one(entry('f', { type: '3', major: 4096 })), /device 4096:0/],
  ['a time that is none', one(pax({ mtime: 'noon' }), file('f')), /mtime is no time/],
  ['a time before 1970', one(pax({ mtime: '-5.5' }), file('f', 'x')), ['f "x"']],
  ['a checksum that does not fit', one(entry('f', { checksum: '0000000\0' })), /should be a header is none/],
];

const headers: readonly HostileCase[] = [
  ['no tar', () => [Buffer.alloc(2048, 'tar?')], /is no number|is none/],
  ['half a header', () => [file('f', 'x').subarray(0, 300)], /ends too early/],
  ['half a content', () => [file('f', 'x'.repeat(2000)).subarray(0, 1200)], /ends too early/],
  ['no end mark', () => [file('f', 'x')], ['f "x"']],
  ['nothing', () => [Buffer.alloc(0)], []],
  [
    'one end mark and more',
    () => [Buffer.concat([Buffer.alloc(512), file('f', 'x')])],
    /between its two end marks/,
  ],
  ['something behind the end', () => [Buffer.concat([tar(file('f', 'x')), tar(file('evil'))])], ['f "x"']],
  ['an unknown type', one(entry('f', { type: 'Z' })), /type "Z", which is not understood/],
  ['a multi-volume archive', one(entry('f', { type: 'M' })), /type "M"/],
  [
    'a PAX header of 2 MiB',
    one(pax({ comment: 'x'.repeat(2 ** 21) }), file('f')),
    /bytes of names and attributes/,
  ],
  [
    'a PAX header that says it is huge',
    one(entry('p', { type: 'x', size: base256(2 ** 40) })),
    /bytes of names and attributes/,
  ],
  [
    'a long name that says it is huge',
    one(entry('p', { type: 'L', size: base256(2 ** 40) })),
    /bytes of names and attributes/,
  ],
  [
    'PAX headers without end',
    one(...Array.from({ length: 40 }, () => pax({ comment: 'x' }))),
    /more than 16 headers/,
  ],
  [
    'a PAX record that is longer than its header',
    one(pax('99 path=a\n'), file('f')),
    /PAX record is malformed/,
  ],
  ['a PAX record without a length', one(pax(' path=a\n'), file('f')), /PAX record is malformed/],
  ['a PAX record of length 0', one(pax('0 path=a\n'), file('f')), /PAX record is malformed/],
  ['a PAX record without an end', one(pax('10 path=abc'), file('f')), /PAX record is malformed/],
  ['a PAX record without a value', one(pax('7 path\n'), file('f')), /PAX record is malformed/],
  [
    'a PAX record whose length is half a number',
    one(pax('1e1 path=a\n'), file('f')),
    /PAX record is malformed/,
  ],
  ['two paths in one header', one(pax(record('path', 'a') + record('path', 'b')), file('f', 'x')), ['b "x"']],
  ['a PAX header and no entry', one(pax({ path: 'a' })), []],
  ['a global comment', one(pax({ comment: 'of git' }, 'g'), file('f', 'x')), ['f "x"']],
  ['a global path', one(pax({ path: 'evil' }, 'g'), file('f', 'x')), /sets "path" for all of its entries/],
  ['a global size', one(pax({ size: '0' }, 'g'), file('f', 'x')), /sets "size" for all/],
  [
    'a global extended attribute',
    one(pax({ 'SCHILY.xattr.security.capability': 'x' }, 'g'), file('f')),
    /for all of its entries/,
  ],
  [
    'an extended attribute of 70 kB',
    one(pax({ 'SCHILY.xattr.user.a': 'x'.repeat(70_000) }), file('f')),
    /no file can have/,
  ],
  [
    'an extended attribute with a long name',
    one(pax({ [`SCHILY.xattr.user.${'a'.repeat(255)}`]: 'x' }), file('f')),
    /no file can have/,
  ],
  [
    'extended attributes of no name space that is known',
    one(pax({ 'SCHILY.xattr.evil.a': 'x', 'SCHILY.xattr.user.': 'y' }), file('f', 'x')),
    ['f "x"'],
  ],
  ['the same file twice', one(file('f', 'old'), file('f', 'new')), ['f "new"']],
  [
    'a directory, a file and a directory of one name',
    one(file('d/a', 'x'), file('d', 'y'), file('e/x'), directory('d')),
    ['d/', 'e/', 'e/x ""'],
  ],
];

const sparseOf = (map: string, size: number, data: string) =>
  one(pax({ 'GNU.sparse.size': String(size), 'GNU.sparse.map': map }), file('f', data));
const sparse: readonly HostileCase[] = [
  ['sparse pieces over each other', sparseOf('0,4,2,4', 10, 'abcdefgh'), /map of a sparse file is malformed/],
  ['sparse pieces in disorder', sparseOf('6,2,0,2', 10, 'abcd'), /map of a sparse file is malformed/],
  ['a sparse piece beyond the end', sparseOf('8,4', 10, 'abcd'), /map of a sparse file is malformed/],
  [
    'a sparse piece of which more is stored',
    sparseOf('0,2', 10, 'abcd'),
    /2 bytes by its map and 4 that are stored/,
  ],
  [
    'a sparse piece of which less is stored',
    sparseOf('0,8', 10, 'abcd'),
    /8 bytes by its map and 4 that are stored/,
  ],
  ['half a sparse piece', sparseOf('0,2,4', 10, 'ab'), /map of a sparse file is malformed/],
  ['a sparse map of words', sparseOf('0,a', 10, ''), /no number/],
  ['a sparse file of eight exbibytes', sparseOf('0,1', 2 ** 53 - 1, 'a'), /more than 1099511627776 bytes/],
  ['a sparse file without a size', one(pax({ 'GNU.sparse.map': '0,1' }), file('f', 'a')), /has no size/],
  [
    'a sparse map that says it is huge',
    one(
      pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '9' }),
      file('f', `${'9'.repeat(15)}\n`.padEnd(512, '\0')),
    ),
    /malformed|no number/,
  ],
  [
    'a sparse map without end',
    one(
      pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '9' }),
      file('f', `99999999\n${'0\n'.repeat(3_000_000)}`),
    ),
    /malformed|no number|pieces/,
  ],
  [
    'a sparse format of the future',
    one(pax({ 'GNU.sparse.major': '2', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '9' }), file('f')),
    /format that is not understood/,
  ],
  [
    'a sparse name that leads out',
    one(
      pax({
        'GNU.sparse.major': '1',
        'GNU.sparse.minor': '0',
        'GNU.sparse.realsize': '0',
        'GNU.sparse.name': '../evil',
      }),
      file('f', '0\n'.padEnd(512, '\0')),
    ),
    leadsOut,
  ],
  [
    'GNU sparse blocks without end',
    () => [
      Buffer.concat([
        entry('f', { type: 'S', magic: 'ustar  \0', patch: { 482: '\x01' } }),
        Buffer.alloc(512 * 6000, `${'1\0'.padEnd(12, '\0').repeat(42)}\x01`.padEnd(512, '\0'), 'latin1'),
      ]),
    ],
    /more than 100000 pieces/,
  ],
];

export const hostileCases = [...paths, ...links, ...numbers, ...headers, ...sparse];
