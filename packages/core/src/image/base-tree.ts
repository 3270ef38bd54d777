import type { Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import { ImageError } from '../errors.js';
import { type Attributes, type Directory, emptyDirectory, rootOwned, type TreeNode } from './file-tree.js';

const rootMode = 0o755;
const xattr = 'SCHILY.xattr.';

/** The tree that an image's merged layers are, without the contents. @param merged a tar, as `mergeLayers` gives one. */
export async function readBaseTree(merged: Readable): Promise<Directory> {
  const root = emptyDirectory(rootOwned(rootMode));
  await visit(merged, ({ header }) => {
    const parts = partsOf(header.name);
    const name = parts.pop();
    if (name === undefined) return;
    const parent = lookUp(root, parts);
    if (parent?.kind !== 'directory') throw new ImageError(`The image has ${header.name} in no directory.`);
    const node = nodeOf(header, root, [...parts, name].join('/'));
    parent.children.set(name, node);
  });
  return root;
}

/** The contents of files of the tree. @throws ImageError when they are not what the tree said. */
export async function readBaseFiles(
  merged: Readable,
  wanted: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>();
  await visit(merged, async ({ header, content }) => {
    const path = partsOf(header.name).join('/');
    const size = wanted.get(path);
    if (size === undefined || header.type !== 'file' || header.size !== size) return;
    const chunks: Buffer[] = [];
    for await (const chunk of content) chunks.push(chunk as Buffer);
    found.set(path, Buffer.concat(chunks));
  });
  for (const path of wanted.keys())
    if (!found.has(path)) throw new ImageError(`The image has lost its file /${path} meanwhile.`);
  return found;
}

interface Entry {
  readonly header: Header;
  readonly content: AsyncIterable<unknown>;
}

async function visit(merged: Readable, see: (entry: Entry) => void | Promise<void>): Promise<void> {
  const entries = extract();
  merged.once('error', (error: Error) => entries.destroy(error));
  merged.pipe(entries as unknown as NodeJS.WritableStream);
  try {
    for await (const entry of entries) {
      await see({ header: entry.header, content: entry });
      entry.resume(); // what was not read
    }
  } finally {
    merged.destroy();
  }
}

function nodeOf(header: Header, root: Directory, path: string): TreeNode {
  const attributes = attributesOf(header);
  switch (header.type) {
    case 'directory':
      return emptyDirectory(attributes);
    case 'symlink':
      return { kind: 'symlink', attributes, target: header.linkname ?? '' };
    case 'link': {
      const file = lookUp(root, partsOf(header.linkname ?? ''));
      if (!file || file.kind === 'directory')
        throw new ImageError(`The image has a link ${header.name} to ${header.linkname}, which is no file.`);
      return file;
    }
    case 'file':
    case 'contiguous-file':
      return { kind: 'file', attributes, parts: [{ from: 'base', path, size: header.size ?? 0 }] };
    default:
      return { kind: 'special' };
  }
}

function attributesOf({ mode = rootMode, uid = 0, gid = 0, pax }: Header): Attributes {
  const xattrs = Object.entries(pax ?? {}).filter(([key]) => key.startsWith(xattr));
  return { mode, uid, gid, ...(xattrs.length > 0 ? { pax: Object.fromEntries(xattrs) } : {}) };
}

function lookUp(root: Directory, parts: readonly string[]): TreeNode | undefined {
  let node: TreeNode | undefined = root;
  for (const part of parts) node = node?.kind === 'directory' ? node.children.get(part) : undefined;
  return node;
}

const partsOf = (name: string) => name.split('/').filter((part) => part !== '' && part !== '.');
