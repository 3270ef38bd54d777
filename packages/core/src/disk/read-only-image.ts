import { randomBytes } from 'node:crypto';
import { renameSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { blockSize, closeGaps, FileContents, writeAll } from './file-contents.js';
import type { Content, TreeNode } from './file-tree.js';
import type { MetadataBlocks } from './metadata-blocks.js';
import { layOut, type Tables } from './squashfs-tables.js';

const superblockSize = 96;
const magic = 0x73717368;
/** Nothing is compressed; no fragments; exportable, so that overlayfs can name a file of it whatever becomes of the path. */
const flags = 0x1 | 0x2 | 0x8 | 0x10 | 0x80 | 0x100;
const noXattrs = 0x200;
/** The format has to name one, even though nothing is compressed: gzip, which every kernel with squashfs has. */
const compression = 1;
const nowhere = 0xffff_ffff_ffff_ffffn;
const padding = 4096;

/**
 * Makes a read-only file system image: a squashfs without compression, since a guest under emulation pays dearly for decompressing and the
 * host's page cache holds the file anyway. Contents are written as they come, then the tree that they belong to. Needs no root on the
 * host. Same contents in the same order, same tree: same image.
 *
 * The file appears at `path` when it is whole; disposing of it before removes what there is.
 */
export class ReadOnlyImage implements AsyncDisposable {
  readonly #path: string;
  readonly #unfinished: string;
  readonly #file: FileHandle;
  readonly contents: FileContents;

  private constructor(path: string, unfinished: string, file: FileHandle) {
    this.#path = path;
    this.#unfinished = unfinished;
    this.#file = file;
    this.contents = new FileContents(file, superblockSize);
  }

  static async create(path: string): Promise<ReadOnlyImage> {
    const unfinished = `${path}.new-${randomBytes(6).toString('hex')}`;
    return new ReadOnlyImage(path, unfinished, await open(unfinished, 'wx+', 0o600));
  }

  /** Contents that no file of the tree has are left out. @throws ImageError */
  async finish(root: TreeNode): Promise<void> {
    await this.contents.flush();
    const end = await closeGaps(this.#file, superblockSize, contentsOf(root));
    await this.#writeTables(layOut(root), end);
    await this.#file.close();
    renameSync(this.#unfinished, this.#path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.contents.settle();
    await this.#file.close();
    rmSync(this.#unfinished, { force: true });
  }

  async #writeTables(tables: Tables, start: number): Promise<void> {
    let position = start;
    const write = async (bytes: Buffer) => {
      await writeAll(this.#file, bytes, position);
      position += bytes.length;
    };
    const writeBlocks = async (blocks: MetadataBlocks) => {
      const at = position;
      for (const block of blocks.finish()) await write(block);
      return at;
    };
    /** Blocks, and behind them where each begins. @returns where that is. */
    const writeIndexed = async (blocks: MetadataBlocks, head = Buffer.alloc(0)) => {
      const at = await writeBlocks(blocks);
      const index = position;
      await write(Buffer.concat([head, blocks.index(at)]));
      return index;
    };
    const inodes = await writeBlocks(tables.inodes);
    const directories = await writeBlocks(tables.directories);
    const exports = await writeIndexed(tables.exports);
    const owners = await writeIndexed(tables.owners);
    let xattrs = nowhere;
    if (tables.xattrCount > 0) {
      const head = Buffer.alloc(16);
      head.writeBigUInt64LE(BigInt(await writeBlocks(tables.xattrs)));
      head.writeUInt32LE(tables.xattrCount, 8);
      xattrs = BigInt(await writeIndexed(tables.xattrIds, head));
    }
    const used = position;
    await this.#file.truncate(Math.ceil(used / padding) * padding);

    const superblock = Buffer.alloc(superblockSize);
    superblock.writeUInt32LE(magic, 0);
    superblock.writeUInt32LE(tables.inodeCount, 4);
    superblock.writeUInt32LE(blockSize, 12);
    superblock.writeUInt16LE(compression, 20);
    superblock.writeUInt16LE(Math.log2(blockSize), 22);
    superblock.writeUInt16LE(flags | (tables.xattrCount > 0 ? 0 : noXattrs), 24);
    superblock.writeUInt16LE(tables.ownerCount, 26);
    superblock.writeUInt16LE(4, 28); // the format's version
    superblock.writeBigUInt64LE(tables.root, 32);
    superblock.writeBigUInt64LE(BigInt(used), 40);
    superblock.writeBigUInt64LE(BigInt(owners), 48);
    superblock.writeBigUInt64LE(xattrs, 56);
    superblock.writeBigUInt64LE(BigInt(inodes), 64);
    superblock.writeBigUInt64LE(BigInt(directories), 72);
    superblock.writeBigUInt64LE(nowhere, 80);
    superblock.writeBigUInt64LE(BigInt(exports), 88);
    await writeAll(this.#file, superblock, 0);
  }
}

function contentsOf(root: TreeNode): Content[] {
  const found = new Set<Content>();
  const directories = [root];
  for (let node = directories.pop(); node; node = directories.pop()) {
    for (const child of node.children?.values() ?? []) {
      if (child.inode.content) found.add(child.inode.content);
      if (child.inode.kind === 'directory') directories.push(child);
    }
  }
  return [...found];
}
