import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { BaseFile, Change, Part, TreeNode } from './editable-tree.js';
import { rootOwned } from './editable-tree.js';
import { HostFileError, readAgain } from './host-files.js';
import { patchFailed } from './patch.js';
import { endOfArchive, paddingFor, tarHeader } from './tar-writer.js';

/**
 * Writes the layer that makes changes to a tree: what is gone as whiteouts, what is there with its content.
 *
 * @param base contents of the tree's own files.
 * @returns the layer's digest and its size in bytes; null for no changes, and then there is no file.
 * @throws PatchFailedError when a file of the host is not what it was.
 */
export async function writeLayer(
  path: string,
  changes: Iterable<Change>,
  base: ReadonlyMap<BaseFile, Buffer>,
): Promise<{ readonly digest: string; readonly size: number } | null> {
  const all = [...changes];
  if (all.length === 0) return null;
  const hash = createHash('sha256');
  let size = 0;
  async function* measured(): AsyncGenerator<Buffer> {
    for await (const chunk of archive(all, base)) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  await pipeline(measured(), createWriteStream(path, { flags: 'wx', mode: 0o600 }));
  return { digest: `sha256:${hash.digest('hex')}`, size };
}

async function* archive(
  changes: readonly Change[],
  base: ReadonlyMap<BaseFile, Buffer>,
): AsyncGenerator<Buffer> {
  for (const change of changes) {
    if (change.kind === 'gone') {
      const slash = change.path.lastIndexOf('/') + 1;
      yield header(`${change.path.slice(0, slash)}.wh.${change.path.slice(slash)}`, whiteout);
      continue;
    }
    const { path, node } = change;
    if (node.kind === 'special') continue; // patches make none
    yield header(path, node);
    if (node.kind !== 'file') continue;
    yield* contents(node.parts, base);
    yield paddingFor(sizeOf(node));
  }
  yield endOfArchive;
}

const whiteout = { kind: 'file', attributes: rootOwned(0), parts: [] } as const;

/** All is of 1970, so that the same patches make the same layer whenever they do. */
function header(name: string, node: Exclude<TreeNode, { kind: 'special' }>): Buffer {
  const { mode, uid, gid, xattrs } = node.attributes;
  return tarHeader({
    name: node.kind === 'directory' ? `${name}/` : name,
    kind: node.kind,
    linkTarget: node.kind === 'symlink' ? node.target : '',
    mode,
    uid,
    gid,
    mtime: 0,
    major: 0,
    minor: 0,
    size: node.kind === 'file' ? sizeOf(node) : 0,
    xattrs,
  });
}

async function* contents(
  parts: readonly Part[],
  base: ReadonlyMap<BaseFile, Buffer>,
): AsyncGenerator<Buffer> {
  for (const part of parts) {
    if (part.from === 'host') yield* hostContent(part);
    else {
      const bytes = part.from === 'list' ? part.bytes : base.get(part.file);
      if (bytes && bytes.length > 0) yield bytes;
    }
  }
}

async function* hostContent({ file, of }: Part & { from: 'host' }): AsyncGenerator<Buffer> {
  try {
    yield* readAgain(file);
  } catch (error) {
    throw error instanceof HostFileError ? patchFailed(of, error.message, '', { cause: error }) : error;
  }
}

function sizeOf({ parts }: { readonly parts: readonly Part[] }): number {
  return parts.reduce((sum, part) => sum + (part.from === 'list' ? part.bytes.length : part.file.size), 0);
}
