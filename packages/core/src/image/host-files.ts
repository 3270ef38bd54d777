import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { lstat, open, readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../host/native.js';

/** A file of the host, as it was when it was looked at. */
export interface HostFile {
  readonly path: string;
  readonly size: number;
  /** Of its content, in hex. */
  readonly sha256: string;
  readonly mode: number;
}

/** What a directory of the host has in it. */
export type HostNode =
  | { readonly kind: 'file'; readonly file: HostFile }
  | { readonly kind: 'symlink'; readonly target: string }
  | { readonly kind: 'directory'; readonly mode: number; readonly children: ReadonlyMap<string, HostNode> };

export interface HostBounds {
  readonly bytes: number;
  readonly entries: number;
}

const maxDepth = 256;
/** Who has set-uid on the host means himself by it, and not the guest's root. */
const permissions = 0o777;
const chunkBytes = 256 * 1024;

/** A file of the host is no good for an image; the message says why, without a full stop. */
export class HostFileError extends Error {
  override readonly name = 'HostFileError';
}

/** Reads files of the host, and counts what it has read. */
export class HostReader {
  readonly #bounds: HostBounds;
  /** What is no file of an image by its name; says why. */
  readonly #nameFault: (name: string) => string | null;
  #bytes = 0;
  #entries = 0;

  constructor(bounds: HostBounds, nameFault: (name: string) => string | null) {
    this.#bounds = bounds;
    this.#nameFault = nameFault;
  }

  /** A regular file, or a link to one. @throws HostFileError */
  async file(path: string): Promise<HostFile> {
    return this.#file(path, await looked(path, stat));
  }

  /** A directory, or a link to one, with all that is in it. Links in it are kept, wherever they lead. @throws HostFileError */
  async directory(path: string): Promise<HostNode & { kind: 'directory' }> {
    const stats = await looked(path, stat);
    if (!stats.isDirectory()) throw new HostFileError(`${path} is no directory`);
    return this.#directory(path, stats, 0);
  }

  async #directory(path: string, stats: Stats, depth: number): Promise<HostNode & { kind: 'directory' }> {
    if (depth > maxDepth)
      throw new HostFileError(`${path} is more than ${maxDepth} directories deep in its source`);
    const children = new Map<string, HostNode>();
    const names = await told(path, () => readdir(path, { encoding: 'buffer' }));
    for (const name of names.map((bytes) => textOf(bytes, path)).sort()) {
      const fault = this.#nameFault(name);
      if (fault !== null) throw new HostFileError(`${join(path, name)} cannot be copied, since ${fault}`);
      if (++this.#entries > this.#bounds.entries)
        throw new HostFileError(`there are more than ${this.#bounds.entries} files in what is to be copied`);
      children.set(name, await this.#node(join(path, name), depth + 1));
    }
    return { kind: 'directory', mode: stats.mode & permissions, children };
  }

  async #node(path: string, depth: number): Promise<HostNode> {
    const stats = await looked(path, lstat);
    if (stats.isDirectory()) return this.#directory(path, stats, depth);
    if (stats.isSymbolicLink()) {
      const target = await told(path, () => readlink(path, { encoding: 'buffer' }));
      return { kind: 'symlink', target: textOf(target, path) };
    }
    return { kind: 'file', file: await this.#file(path, stats) };
  }

  async #file(path: string, stats: Stats): Promise<HostFile> {
    if (!stats.isFile()) throw new HostFileError(`${path} is ${kindOf(stats)}, and only files are copied`);
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of chunksOf(path, stats)) {
      size += chunk.length;
      this.#bytes += chunk.length;
      if (this.#bytes > this.#bounds.bytes)
        throw new HostFileError(`there are more than ${this.#bounds.bytes} bytes in what is to be copied`);
      hash.update(chunk);
    }
    return { path, size, sha256: hash.digest('hex'), mode: stats.mode & permissions };
  }
}

/** Reads a file once more. @throws HostFileError when it is not what it was. */
export async function* readAgain({ path, size, sha256 }: HostFile): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of chunksOf(path, await looked(path, stat))) {
    bytes += chunk.length;
    if (bytes > size) throw changed(path);
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') !== sha256) throw changed(path);
}

async function* chunksOf(path: string, expected: Stats): AsyncGenerator<Buffer> {
  // Without waiting, should it have become a pipe meanwhile.
  const file = await told(path, () => open(path, constants.O_RDONLY | constants.O_NONBLOCK));
  try {
    const before = await file.stat();
    if (!before.isFile() || before.ino !== expected.ino || before.dev !== expected.dev) throw changed(path);
    let position = 0;
    for (;;) {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const at = position;
      const { bytesRead } = await told(path, () => file.read(chunk, 0, chunk.length, at));
      if (bytesRead === 0) break;
      position += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
    const after = await file.stat();
    if (position !== after.size || after.mtimeMs !== before.mtimeMs || after.ctimeMs !== before.ctimeMs)
      throw changed(path);
  } finally {
    await file.close();
  }
}

const looked = (path: string, look: (path: string) => Promise<Stats>) => told(path, () => look(path));

async function told<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT') throw new HostFileError(`there is no ${path} on this host`, { cause: error });
    throw new HostFileError(`${path} cannot be read (${code ?? (error as Error).message})`, { cause: error });
  }
}

function textOf(bytes: Buffer, at: string): string {
  const text = bytes.toString();
  if (Buffer.from(text).equals(bytes)) return text;
  throw new HostFileError(`${at} has a name, or a link’s target, that is not UTF-8: ${JSON.stringify(text)}`);
}

const changed = (path: string) => new HostFileError(`${path} changed while it was read`);

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isSocket()) return 'a socket';
  if (stats.isFIFO()) return 'a pipe';
  return 'a device';
}
