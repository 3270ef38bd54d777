import { ImageError } from '../errors.js';
import { blockSize } from './file-contents.js';
import type { ByteText, Inode, Kind, TreeNode } from './file-tree.js';
import { MetadataBlocks } from './metadata-blocks.js';

const none = 0xffffffff;
const uncompressedBlock = 1 << 24;
/** Beyond it a directory has the long form of an inode, with an index of its listing. */
const shortListing = 65_535 - 3;
const maxOwners = 65_535;
const entriesPerHeader = 256;

const types: Readonly<Record<Kind, number>> = {
  directory: 1,
  file: 2,
  symlink: 3,
  block: 4,
  character: 5,
  fifo: 6,
};
/** The long forms, with room for extended attributes and more. */
const long = 7;

/** In `name` up to and with the dot; squashfs knows no others. */
const xattrPrefixes = ['user.', 'trusted.', 'security.'];

/** Everything of a squashfs but its contents and its superblock. */
export interface Tables {
  readonly inodes: MetadataBlocks;
  readonly directories: MetadataBlocks;
  readonly exports: MetadataBlocks;
  readonly owners: MetadataBlocks;
  readonly ownerCount: number;
  readonly xattrs: MetadataBlocks;
  readonly xattrIds: MetadataBlocks;
  readonly xattrCount: number;
  readonly inodeCount: number;
  readonly root: bigint;
}

/**
 * Lays a tree out. Paths that share an inode are hard links. Extended attributes of other name spaces than `user`, `trusted` and
 * `security` are left out, since the format has no place for them.
 *
 * @throws ImageError where the tree has more of something than the format can count.
 */
export function layOut(root: TreeNode): Tables {
  return new Layout(root).tables();
}

interface Numbered {
  readonly number: number;
  links: number;
  /** Where its inode is in the inode table; negative until it is written. */
  position: number;
}

class Layout {
  readonly #inodes = new MetadataBlocks();
  readonly #directories = new MetadataBlocks();
  readonly #owners = new Map<number, number>();
  readonly #xattrs = new XattrTable();
  readonly #numbered = new Map<Inode, Numbered>();
  readonly #root: TreeNode;

  constructor(root: TreeNode) {
    this.#root = root;
  }

  tables(): Tables {
    this.#number(this.#root);
    const count = this.#numbered.size;
    const position = this.#writeDirectory(this.#root, count + 1);
    const exports = new MetadataBlocks();
    for (const { position: at } of this.#numbered.values()) exports.append(u64(reference(at)));
    const owners = new MetadataBlocks();
    for (const owner of this.#owners.keys()) owners.append(u32(owner));
    return {
      inodes: this.#inodes,
      directories: this.#directories,
      exports,
      owners,
      ownerCount: this.#owners.size,
      xattrs: this.#xattrs.pairs,
      xattrIds: this.#xattrs.ids,
      xattrCount: this.#xattrs.count,
      inodeCount: count,
      root: reference(position),
    };
  }

  /** Gives numbers, parents first: a directory's inode names its parent's. */
  #number(node: TreeNode): void {
    const known = this.#numbered.get(node.inode);
    if (known) known.links++;
    else this.#numbered.set(node.inode, { number: this.#numbered.size + 1, links: 1, position: -1 });
    for (const [, child] of inOrder(node)) this.#number(child);
  }

  #numberOf(inode: Inode): Numbered {
    return this.#numbered.get(inode) as Numbered;
  }

  /** Writes the inodes of what is in a directory, then its listing, then its own. */
  #writeDirectory(node: TreeNode, parent: number): number {
    const own = this.#numberOf(node.inode);
    let subdirectories = 0;
    const children = inOrder(node);
    for (const [, child] of children) {
      const numbered = this.#numberOf(child.inode);
      if (child.inode.kind === 'directory') {
        subdirectories++;
        this.#writeDirectory(child, own.number);
      } else if (numbered.position < 0) this.#writeOther(child.inode, numbered);
    }
    const { start, size, index } = this.#writeListing(children);
    const xattr = this.#xattrs.idOf(node.inode);
    const links = 2 + subdirectories;
    own.position = this.#inodes.length;
    const block = MetadataBlocks.blockOf(start);
    const offset = MetadataBlocks.offsetOf(start);
    if (size <= shortListing && xattr === none) {
      this.#inodes.append(this.#head(node.inode, types.directory, own.number));
      this.#inodes.append(fields([4, block], [4, links], [2, size + 3], [2, offset], [4, parent]));
    } else {
      this.#inodes.append(this.#head(node.inode, types.directory + long, own.number));
      this.#inodes.append(
        fields(
          [4, links],
          [4, size + 3],
          [4, block],
          [4, parent],
          [2, index.length],
          [2, offset],
          [4, xattr],
        ),
      );
      for (const entry of index) this.#inodes.append(entry);
    }
    return own.position;
  }

  #writeListing(children: readonly [ByteText, TreeNode][]): {
    start: number;
    size: number;
    index: Buffer[];
  } {
    const start = this.#directories.length;
    const index: Buffer[] = [];
    let indexed = MetadataBlocks.blockOf(start);
    for (let first = 0; first < children.length; ) {
      const lead = this.#numberOf((children[first] as [ByteText, TreeNode])[1].inode);
      const block = MetadataBlocks.blockOf(lead.position);
      const entries: Buffer[] = [];
      const begin = this.#directories.length;
      let length = 12;
      let next = first;
      for (; next < children.length && next - first < entriesPerHeader; next++) {
        const [name, { inode }] = children[next] as [ByteText, TreeNode];
        const { number, position } = this.#numberOf(inode);
        const delta = number - lead.number;
        if (MetadataBlocks.blockOf(position) !== block || delta > 32_767 || delta < -32_768) break;
        // An index leads to a block of the listing, so one that begins has to begin with a header.
        if (next > first && MetadataBlocks.blockOf(begin + length) !== MetadataBlocks.blockOf(begin)) break;
        const entry = Buffer.alloc(8 + name.length);
        entry.writeUInt16LE(MetadataBlocks.offsetOf(position), 0);
        entry.writeInt16LE(delta, 2);
        entry.writeUInt16LE(types[inode.kind], 4);
        entry.writeUInt16LE(name.length - 1, 6);
        entry.write(name, 8, 'latin1');
        entries.push(entry);
        length += entry.length;
      }
      if (MetadataBlocks.blockOf(begin) !== indexed) {
        const [name] = children[first] as [ByteText, TreeNode];
        indexed = MetadataBlocks.blockOf(begin);
        index.push(
          Buffer.concat([
            fields([4, begin - start], [4, indexed], [4, name.length - 1]),
            Buffer.from(name, 'latin1'),
          ]),
        );
      }
      this.#directories.append(fields([4, next - first - 1], [4, block], [4, lead.number]));
      for (const entry of entries) this.#directories.append(entry);
      first = next;
    }
    return { start, size: this.#directories.length - start, index };
  }

  #writeOther(inode: Inode, numbered: Numbered): void {
    numbered.position = this.#inodes.length;
    const { links, number } = numbered;
    const xattr = this.#xattrs.idOf(inode);
    const extended = xattr === none ? [] : [fields([4, xattr])];
    const head = (isLong: boolean) => this.#head(inode, types[inode.kind] + (isLong ? long : 0), number);
    if (inode.kind === 'file') {
      this.#writeFile(inode, links, xattr, head);
    } else if (inode.kind === 'symlink') {
      const target = Buffer.from(inode.target, 'latin1');
      const parts = [head(extended.length > 0), fields([4, links], [4, target.length]), target, ...extended];
      this.#inodes.append(Buffer.concat(parts));
    } else if (inode.kind === 'fifo') {
      this.#inodes.append(Buffer.concat([head(extended.length > 0), fields([4, links]), ...extended]));
    } else {
      const device = fields([4, links], [4, deviceNumber(inode)]);
      this.#inodes.append(Buffer.concat([head(extended.length > 0), device, ...extended]));
    }
  }

  #writeFile(inode: Inode, links: number, xattr: number, head: (isLong: boolean) => Buffer): void {
    const content = inode.content ?? { start: 0, size: 0, stored: 0, holes: null };
    const { size, stored, holes } = content;
    const start = stored === 0 ? 0 : content.start;
    if (links === 1 && xattr === none && !holes && size < none && start < none) {
      this.#inodes.append(head(false));
      this.#inodes.append(fields([4, start], [4, none], [4, 0], [4, size]));
    } else {
      this.#inodes.append(head(true));
      this.#inodes.append(
        fields([8, start], [8, size], [8, size - stored], [4, links], [4, none], [4, 0], [4, xattr]),
      );
    }
    for (const blocks of blockList(size, holes ?? [])) this.#inodes.append(blocks);
  }

  #head(inode: Inode, type: number, number: number): Buffer {
    const { mode, uid, gid, mtime } = inode;
    return fields(
      [2, type],
      [2, mode],
      [2, this.#owner(uid)],
      [2, this.#owner(gid)],
      [4, mtime],
      [4, number],
    );
  }

  #owner(id: number): number {
    let index = this.#owners.get(id);
    if (index === undefined) {
      index = this.#owners.size;
      if (index >= maxOwners) throw new ImageError(`The image has files of more than ${maxOwners} owners.`);
      this.#owners.set(id, index);
    }
    return index;
  }
}

/** Sets of extended attributes, each written once. */
class XattrTable {
  readonly pairs = new MetadataBlocks();
  readonly ids = new MetadataBlocks();
  readonly #known = new Map<string, number>();

  get count(): number {
    return this.#known.size;
  }

  idOf({ xattrs }: Inode): number {
    const kept = [...(xattrs ?? [])]
      .filter(([name]) => xattrPrefixes.some((prefix) => name.startsWith(prefix) && name !== prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    if (kept.length === 0) return none;
    const key = JSON.stringify(kept);
    let id = this.#known.get(key);
    if (id === undefined) {
      id = this.#known.size;
      this.#known.set(key, id);
      const start = this.pairs.length;
      let size = 0;
      for (const [name, value] of kept) {
        const type = xattrPrefixes.findIndex((prefix) => name.startsWith(prefix));
        const rest = name.slice(xattrPrefixes[type]?.length);
        this.pairs.append(fields([2, type], [2, rest.length]));
        this.pairs.append(Buffer.from(rest, 'latin1'));
        this.pairs.append(u32(value.length));
        this.pairs.append(Buffer.from(value, 'latin1'));
        size += name.length + 1 + value.length + 1; // as listxattr counts them; readers allocate by it
      }
      this.ids.append(Buffer.concat([u64(reference(start)), u32(kept.length), u32(size)]));
    }
    return id;
  }
}

/** The sizes of a file's blocks, in pieces: a huge sparse file has millions. */
function* blockList(
  size: number,
  holes: readonly { readonly block: number; readonly count: number }[],
): Generator<Buffer> {
  const blocks = Math.ceil(size / blockSize);
  const piece = 8192;
  let hole = 0;
  for (let first = 0; first < blocks; first += piece) {
    const count = Math.min(piece, blocks - first);
    const list = Buffer.alloc(count * 4);
    for (let at = 0; at < count; at++) {
      const block = first + at;
      while (hole < holes.length && block >= (holes[hole]?.block ?? 0) + (holes[hole]?.count ?? 0)) hole++;
      const next = holes[hole];
      if (next && block >= next.block) continue;
      list.writeUInt32LE(Math.min(blockSize, size - block * blockSize) | uncompressedBlock, at * 4);
    }
    yield list;
  }
}

/** As the kernel packs it: 12 bits of major number and 20 of minor. */
function deviceNumber({ major, minor }: Inode): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** Sorted by bytes, as the format wants it. */
function inOrder(node: TreeNode): [ByteText, TreeNode][] {
  if (!node.children) return [];
  return [...node.children].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** How directories and tables point into metadata blocks. */
function reference(position: number): bigint {
  return (BigInt(MetadataBlocks.blockOf(position)) << 16n) | BigInt(MetadataBlocks.offsetOf(position));
}

function fields(...list: readonly [width: 2 | 4 | 8, value: number][]): Buffer {
  const bytes = Buffer.alloc(list.reduce((sum, [width]) => sum + width, 0));
  let at = 0;
  for (const [width, value] of list) {
    if (width === 2) bytes.writeUInt16LE(value, at);
    else if (width === 4) bytes.writeUInt32LE(value, at);
    else bytes.writeBigUInt64LE(BigInt(value), at);
    at += width;
  }
  return bytes;
}

function u32(value: number): Buffer {
  return fields([4, value]);
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
