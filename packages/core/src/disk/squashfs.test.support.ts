import { readFileSync } from 'node:fs';

/** One path of an image, as a test sees it. */
export interface Found {
  readonly kind: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly inode: number;
  readonly links: number;
  readonly content: Buffer;
  readonly target: string;
  readonly device: string;
  readonly xattrs: Readonly<Record<string, string>>;
}

const kinds = ['', 'directory', 'file', 'symlink', 'block', 'character', 'fifo'];
const prefixes = ['user.', 'trusted.', 'security.'];

/** Reads a squashfs of which nothing is compressed, and checks what can be checked on the way. Paths are bytes as text; '' is the root. */
export function readSquashfs(path: string): Map<string, Found> {
  const image = readFileSync(path);
  const u64 = (at: number) => Number(image.readBigInt64LE(at));
  if (image.readUInt32LE(0) !== 0x73717368) throw new Error('no squashfs');
  const blockSize = image.readUInt32LE(12);
  const [inodeStart, directoryStart, ownerStart, xattrStart] = [u64(64), u64(72), u64(48), u64(56)];

  /** `length` bytes of metadata, from a reference on. */
  const metadata = (table: number, block: number, offset: number, length: number): Buffer => {
    const parts: Buffer[] = [];
    let at = table + block;
    let skip = offset;
    for (let left = length; left > 0; ) {
      const header = image.readUInt16LE(at);
      if ((header & 0x8000) === 0) throw new Error('a metadata block is compressed');
      const size = header & 0x7fff;
      if (size === 0 || size > 8192 || skip > size) throw new Error('a metadata block is wrong');
      const part = image.subarray(at + 2 + skip, at + 2 + Math.min(size, skip + left));
      parts.push(part);
      left -= part.length;
      at += 2 + size;
      skip = 0;
    }
    return Buffer.concat(parts);
  };
  const owner = (index: number) =>
    metadata(u64(ownerStart + Math.floor(index / 2048) * 8), 0, (index % 2048) * 4, 4).readUInt32LE();
  const xattrsOf = (id: number): Record<string, string> => {
    const found: Record<string, string> = {};
    if (id === 0xffffffff) return found;
    const entry = metadata(u64(xattrStart + 16 + Math.floor(id / 512) * 8), 0, (id % 512) * 16, 16);
    const reference = Number(entry.readBigUInt64LE());
    let at = reference % 65536;
    const take = (length: number) => {
      const bytes = metadata(u64(xattrStart), Math.floor(reference / 65536), 0, at + length).subarray(at);
      at += length;
      return bytes;
    };
    for (let index = 0; index < entry.readUInt32LE(8); index++) {
      const head = take(4);
      const name = take(head.readUInt16LE(2)).toString('latin1');
      const value = take(take(4).readUInt32LE());
      found[`${prefixes[head.readUInt16LE()]}${name}`] = value.toString('latin1');
    }
    return found;
  };

  const found = new Map<string, Found>();
  const visit = (path: string, block: number, offset: number, listed: number | null): number => {
    const read = (from: number, length: number) =>
      metadata(inodeStart, block, offset, from + length).subarray(from);
    const head = read(0, 16);
    const type = head.readUInt16LE();
    const isLong = type > 7;
    const kind = kinds[isLong ? type - 7 : type] ?? '?';
    if (listed !== null && kind !== kinds[listed]) throw new Error(`${path} is listed as another kind`);
    let links = 1;
    let content = Buffer.alloc(0);
    let target = '';
    let device = '';
    let xattr = 0xffffffff;
    let listing: Buffer | null = null;
    if (kind === 'directory') {
      const rest = read(16, isLong ? 24 : 16);
      links = rest.readUInt32LE(isLong ? 0 : 4);
      const size = (isLong ? rest.readUInt32LE(4) : rest.readUInt16LE(8)) - 3;
      const at = rest.readUInt32LE(isLong ? 8 : 0);
      listing = metadata(directoryStart, at, rest.readUInt16LE(isLong ? 18 : 10), size);
      if (isLong) xattr = rest.readUInt32LE(20);
    } else if (kind === 'file') {
      const rest = read(16, isLong ? 40 : 16);
      const start = isLong ? Number(rest.readBigUInt64LE()) : rest.readUInt32LE();
      const size = isLong ? Number(rest.readBigUInt64LE(8)) : rest.readUInt32LE(12);
      if (isLong) {
        links = rest.readUInt32LE(24);
        xattr = rest.readUInt32LE(36);
      }
      const count = Math.ceil(size / blockSize);
      const list = read(16 + rest.length, count * 4);
      let from = start;
      const blocks: Buffer[] = [];
      for (let index = 0; index < count; index++) {
        const length = Math.min(blockSize, size - index * blockSize);
        const stored = list.readUInt32LE(index * 4);
        if (stored === 0) blocks.push(Buffer.alloc(length));
        else if (stored !== (length | (1 << 24))) throw new Error(`${path} has a block of a wrong size`);
        else {
          blocks.push(image.subarray(from, from + length));
          from += length;
        }
      }
      if (from > inodeStart) throw new Error(`${path} reaches into the tables`);
      content = Buffer.concat(blocks);
    } else {
      links = read(16, 4).readUInt32LE();
      let length = 20;
      if (kind === 'symlink') {
        const size = read(20, 4).readUInt32LE();
        target = read(24, size).toString('latin1');
        length = 24 + size;
      } else if (kind !== 'fifo') {
        const number = read(20, 4).readUInt32LE();
        device = `${(number >> 8) & 0xfff}:${(number & 0xff) | ((number >>> 12) & 0xfff00)}`;
        length = 24;
      }
      if (isLong) xattr = read(length, 4).readUInt32LE();
    }
    found.set(path, {
      kind,
      mode: head.readUInt16LE(2),
      uid: owner(head.readUInt16LE(4)),
      gid: owner(head.readUInt16LE(6)),
      mtime: head.readUInt32LE(8),
      inode: head.readUInt32LE(12),
      links,
      content,
      target,
      device,
      xattrs: xattrsOf(xattr),
    });
    let last = '';
    for (let at = 0; listing && at < listing.length; ) {
      const count = listing.readUInt32LE(at) + 1;
      const start = listing.readUInt32LE(at + 4);
      const base = listing.readUInt32LE(at + 8);
      at += 12;
      for (let index = 0; index < count; index++) {
        const length = listing.readUInt16LE(at + 6) + 1;
        const name = listing.toString('latin1', at + 8, at + 8 + length);
        if (last !== '' && name <= last) throw new Error(`${path} is not sorted`);
        last = name;
        const child = path === '' ? name : `${path}/${name}`;
        const number = visit(child, start, listing.readUInt16LE(at), listing.readUInt16LE(at + 4));
        if (number !== base + listing.readInt16LE(at + 2)) throw new Error(`${child} has another number`);
        at += 8 + length;
      }
    }
    return head.readUInt32LE(12);
  };
  const root = u64(32);
  visit('', Math.floor(root / 65536), root % 65536, null);
  const numbers = new Set([...found.values()].map(({ inode }) => inode));
  if (numbers.size !== image.readUInt32LE(4)) throw new Error('the superblock counts other inodes');
  return found;
}
