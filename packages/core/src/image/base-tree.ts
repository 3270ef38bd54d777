import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Inode, TreeNode as RootNode } from '../disk/file-tree.js';
import { ImageError } from '../errors.js';
import { ByteStream } from './byte-stream.js';
import { conversionLimits } from './convert-layers.js';
import { decompress, layerCompression } from './decompress.js';
import { type BaseFile, type Directory, emptyDirectory, type TreeNode } from './editable-tree.js';
import { LayerTree } from './layer-tree.js';
import type { BlobDirectory, Descriptor } from './layout.js';
import { type TarEntry, TarReader } from './tar-reader.js';

/** The tree that an image's layers add up to, without the contents. @throws ImageError where a layer is damaged. */
export async function readBaseTree(
  blobs: BlobDirectory,
  layers: readonly Descriptor[],
  diffIds: readonly string[],
): Promise<Directory> {
  const tree = new LayerTree(conversionLimits);
  const files = new Map<Inode, BaseFile>();
  for (const [layer, descriptor] of layers.entries()) {
    tree.beginLayer();
    let index = 0;
    const diffId = await readLayer(blobs, descriptor, (entry) => {
      const inode = tree.add(entry);
      if (inode?.kind === 'file') files.set(inode, { layer, index, size: entry.size });
      index++;
    });
    if (diffId !== diffIds[layer])
      throw new ImageError(
        `Layer ${descriptor.digest} unpacks to ${diffId}; its image says ${diffIds[layer]}.`,
      );
  }
  return new Copy(files).directory(tree.root);
}

/** The contents of files of that tree. */
export async function readBaseFiles(
  blobs: BlobDirectory,
  layers: readonly Descriptor[],
  wanted: ReadonlySet<BaseFile>,
): Promise<ReadonlyMap<BaseFile, Buffer>> {
  const found = new Map<BaseFile, Buffer>();
  for (const [layer, descriptor] of layers.entries()) {
    const here = new Map(
      [...wanted].filter((file) => file.layer === layer).map((file) => [file.index, file]),
    );
    if (here.size === 0) continue;
    let index = 0;
    await readLayer(blobs, descriptor, async (_, archive) => {
      const file = here.get(index++);
      if (!file) return;
      const pieces: Buffer[] = [];
      for (let piece = await archive.read(); piece !== null; piece = await archive.read())
        pieces.push(typeof piece === 'number' ? Buffer.alloc(piece) : Buffer.from(piece));
      found.set(file, Buffer.concat(pieces));
    });
  }
  return found;
}

type Visitor = (entry: TarEntry, archive: TarReader) => void | Promise<void>;

/** @returns the digest of the uncompressed layer. */
async function readLayer(blobs: BlobDirectory, layer: Descriptor, visit: Visitor): Promise<string> {
  const unpacked = decompress(blobs.open(layer) as Readable, layerCompression(layer.mediaType));
  const hash = createHash('sha256');
  async function* hashed(): AsyncGenerator<Buffer> {
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      hash.update(chunk);
      yield chunk;
    }
  }
  try {
    const bytes = new ByteStream(hashed());
    const archive = new TarReader(bytes);
    for (let entry = await archive.next(); entry; entry = await archive.next()) await visit(entry, archive);
    await bytes.drain(); // what is behind the archive's end belongs to the digest too
  } finally {
    unpacked.destroy();
  }
  return `sha256:${hash.digest('hex')}`;
}

/** Makes a tree that can be edited of one that layers have made; hard links are one leaf in both. */
class Copy {
  readonly #files: ReadonlyMap<Inode, BaseFile>;
  readonly #leaves = new Map<Inode, TreeNode>();

  constructor(files: ReadonlyMap<Inode, BaseFile>) {
    this.#files = files;
  }

  directory({ inode, children }: RootNode): Directory {
    const { mode, uid, gid, xattrs } = inode;
    const copy = emptyDirectory({ mode, uid, gid, xattrs });
    for (const [name, child] of children ?? [])
      copy.children.set(
        name,
        child.inode.kind === 'directory' ? this.directory(child) : this.#leaf(child.inode),
      );
    return copy;
  }

  #leaf(inode: Inode): TreeNode {
    const known = this.#leaves.get(inode);
    if (known) return known;
    const { kind, mode, uid, gid, xattrs, target } = inode;
    const attributes = { mode, uid, gid, xattrs };
    const file = this.#files.get(inode);
    const leaf: TreeNode =
      kind === 'symlink'
        ? { kind, attributes, target }
        : file
          ? { kind: 'file', attributes, parts: [{ from: 'base', file }] }
          : { kind: 'special' };
    this.#leaves.set(inode, leaf);
    return leaf;
  }
}
