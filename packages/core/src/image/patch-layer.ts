import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Header, type Pack, pack } from 'tar-stream';
import { PatchFailedError } from '../errors.js';
import { errnoOf } from '../host/native.js';
import type { Attributes, Change, Part } from './file-tree.js';
import { HostFileError, readAgain } from './host-files.js';
import { patchFailed } from './patch.js';

/** So that tar-stream takes a mode of 0 for one; it writes the lower twelve bits. */
const regular = 0o100000;

/** Of all that patches make: the same patches make the same layer whenever they do. */
const mtime = new Date(0);

/**
 * Writes the layer that makes changes to a tree: what is gone as whiteouts, what is there with its content.
 *
 * @param base contents of the tree's own files, by their paths.
 * @returns the layer's digest and its size in bytes; null for no changes, and then there is no file.
 * @throws PatchFailedError when a file of the host is not what it was.
 */
export async function writeLayer(
  path: string,
  changes: Iterable<Change>,
  base: ReadonlyMap<string, Buffer>,
): Promise<{ readonly digest: string; readonly size: number } | null> {
  const all = [...changes];
  if (all.length === 0) return null;
  const tar = pack();
  const hash = createHash('sha256');
  let size = 0;
  const measured = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  const written = pipeline(tar, measured, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
  const told = tell(tar, all, base).catch((error: unknown) => {
    tar.destroy(error as Error);
    throw error;
  });
  const ends = await Promise.allSettled([told, written]);
  const reasons = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
  // Whichever side failed, the other fails with it, and knows less of it.
  const [reason] = [...reasons.filter(isTelling), ...reasons];
  if (reason !== undefined) throw reason;
  return { digest: `sha256:${hash.digest('hex')}`, size };
}

async function tell(tar: Pack, changes: readonly Change[], base: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const change of changes) {
    if (change.kind === 'gone') {
      const slash = change.path.lastIndexOf('/') + 1;
      const name = `${change.path.slice(0, slash)}.wh.${change.path.slice(slash)}`;
      await entry(tar, { name, type: 'file', mode: regular, mtime, size: 0 });
      continue;
    }
    const { path, node } = change;
    if (node.kind === 'special') continue; // patches make none
    const header = { name: path, mtime, ...headerOf(node.attributes) };
    if (node.kind === 'directory') await entry(tar, { ...header, type: 'directory', size: 0 });
    else if (node.kind === 'symlink')
      await entry(tar, { ...header, type: 'symlink', linkname: node.target, size: 0 });
    else {
      const size = node.parts.reduce((sum, part) => sum + sizeOf(part), 0);
      await entry(tar, { ...header, type: 'file', size }, node.parts, base);
    }
  }
  tar.finalize();
}

function headerOf({ mode, uid, gid, pax }: Attributes): Partial<Header> {
  return { mode: mode | regular, uid, gid, ...(pax ? { pax: { ...pax } } : {}) };
}

async function entry(
  tar: Pack,
  header: Partial<Header> & { name: string },
  parts: readonly Part[] = [],
  base: ReadonlyMap<string, Buffer> = new Map(),
): Promise<void> {
  let sink: NodeJS.WritableStream | undefined;
  const taken = new Promise<void>((resolve, reject) => {
    sink = tar.entry(header, (error) => (error ? reject(error) : resolve()));
  });
  const content = header.type === 'file' && sink ? pipeline(contents(parts, base), sink) : undefined;
  await Promise.all([content, taken]);
}

async function* contents(parts: readonly Part[], base: ReadonlyMap<string, Buffer>): AsyncGenerator<Buffer> {
  for (const part of parts) {
    if (part.from === 'host') yield* hostContent(part);
    else {
      const bytes = part.from === 'list' ? part.bytes : base.get(part.path);
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

export function sizeOf(part: Part): number {
  if (part.from === 'list') return part.bytes.length;
  return part.from === 'host' ? part.file.size : part.size;
}

const isTelling = (error: unknown) => error instanceof PatchFailedError || errnoOf(error)?.startsWith('E');
