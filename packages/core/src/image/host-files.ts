import { createHash } from 'node:crypto';
import { type BigIntStats, constants, lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { wallMs } from '../host/clock.js';
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

/** Between a file's last change and its being read: any shorter, and one more change might bear the same time. */
const settledMs = 2_000;
const maxKnown = 200_000;

/**
 * What this process has read, by what the file system says of the file: a run of tests asks for the same copies again and again. Whatever
 * changes a file gives it another time of change (ctime), which nobody can set back.
 */
export class KnownContents {
  readonly #nowMs: () => number;
  readonly #known = new Map<string, { readonly identity: string; readonly sha256: string }>();

  constructor(nowMs = wallMs) {
    this.#nowMs = nowMs;
  }

  known(path: string, stats: BigIntStats): string | undefined {
    const found = this.#known.get(path);
    return found?.identity === identityOf(stats) ? found.sha256 : undefined;
  }

  /** @param stats from before it was read. */
  remember(path: string, stats: BigIntStats, sha256: string): void {
    if (this.#nowMs() - Number(stats.ctimeMs) < settledMs) return;
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.set(path, { identity: identityOf(stats), sha256 });
  }
}

const ofThisProcess = new KnownContents();

const identityOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats) =>
  [dev, ino, size, mtimeNs, ctimeNs].join(':');

/** Reads files of the host, and counts what it has read. */
export class HostReader {
  readonly #bounds: HostBounds;
  /** What is no file of an image by its name; says why. */
  readonly #nameFault: (name: string) => string | null;
  readonly #contents: KnownContents;
  #bytes = 0;
  #entries = 0;

  constructor(bounds: HostBounds, nameFault: (name: string) => string | null, contents = ofThisProcess) {
    this.#bounds = bounds;
    this.#nameFault = nameFault;
    this.#contents = contents;
  }

  /** A regular file, or a link to one. @throws HostFileError */
  async file(path: string): Promise<HostFile> {
    return this.#file(path, looked(path));
  }

  /** A directory, or a link to one, with all that is in it. Links in it are kept, wherever they lead. @throws HostFileError */
  async directory(path: string): Promise<HostNode & { kind: 'directory' }> {
    const stats = looked(path);
    if (!stats.isDirectory()) throw new HostFileError(`${path} is no directory`);
    return this.#directory(path, stats, 0);
  }

  async #directory(
    path: string,
    stats: BigIntStats,
    depth: number,
  ): Promise<HostNode & { kind: 'directory' }> {
    if (depth > maxDepth)
      throw new HostFileError(`${path} is more than ${maxDepth} directories deep in its source`);
    const children = new Map<string, HostNode>();
    const names = told(path, () => readdirSync(path, { encoding: 'buffer' }));
    for (const name of names.map((bytes) => textOf(bytes, path)).sort()) {
      const fault = this.#nameFault(name);
      if (fault !== null) throw new HostFileError(`${join(path, name)} cannot be copied, since ${fault}`);
      if (++this.#entries > this.#bounds.entries)
        throw new HostFileError(`there are more than ${this.#bounds.entries} files in what is to be copied`);
      children.set(name, await this.#node(join(path, name), depth + 1));
    }
    return { kind: 'directory', mode: Number(stats.mode) & permissions, children };
  }

  async #node(path: string, depth: number): Promise<HostNode> {
    const stats = told(path, () => lstatSync(path, { bigint: true }));
    if (stats.isDirectory()) return this.#directory(path, stats, depth);
    if (stats.isSymbolicLink()) {
      const target = told(path, () => readlinkSync(path, { encoding: 'buffer' }));
      return { kind: 'symlink', target: textOf(target, path) };
    }
    return { kind: 'file', file: await this.#file(path, stats) };
  }

  async #file(path: string, stats: BigIntStats): Promise<HostFile> {
    if (!stats.isFile()) throw new HostFileError(`${path} is ${kindOf(stats)}, and only files are copied`);
    const size = Number(stats.size);
    this.#bytes += size;
    if (this.#bytes > this.#bounds.bytes)
      throw new HostFileError(`there are more than ${this.#bounds.bytes} bytes in what is to be copied`);
    const mode = Number(stats.mode) & permissions;
    const known = this.#contents.known(path, stats);
    if (known !== undefined) return { path, size, sha256: known, mode };
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of chunksOf(path, stats)) {
      bytes += chunk.length;
      if (bytes > size) throw changed(path);
      hash.update(chunk);
    }
    const sha256 = hash.digest('hex');
    this.#contents.remember(path, stats, sha256);
    return { path, size, sha256, mode };
  }
}

/** Reads a file once more. @throws HostFileError when it is not what it was. */
export async function* readAgain({ path, size, sha256 }: HostFile): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of chunksOf(path, looked(path))) {
    bytes += chunk.length;
    if (bytes > size) throw changed(path);
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') !== sha256) throw changed(path);
}

async function* chunksOf(path: string, expected: BigIntStats): AsyncGenerator<Buffer> {
  // Without waiting, should it have become a pipe meanwhile.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) =>
    unreadable(path, error),
  );
  try {
    const before = await file.stat({ bigint: true });
    if (!before.isFile() || identityOf(before) !== identityOf(expected)) throw changed(path);
    for (let position = 0; ; ) {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const { bytesRead } = await file
        .read(chunk, 0, chunk.length, position)
        .catch((error: unknown) => unreadable(path, error));
      if (bytesRead === 0) break;
      position += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
    if (identityOf(await file.stat({ bigint: true })) !== identityOf(before)) throw changed(path);
  } finally {
    await file.close();
  }
}

const looked = (path: string) => told(path, () => statSync(path, { bigint: true }));

function told<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    return unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): never {
  const code = errnoOf(error);
  if (code === 'ENOENT') throw new HostFileError(`there is no ${path} on this host`, { cause: error });
  throw new HostFileError(`${path} cannot be read (${code ?? (error as Error).message})`, { cause: error });
}

function textOf(bytes: Buffer, at: string): string {
  const text = bytes.toString();
  if (Buffer.from(text).equals(bytes)) return text;
  throw new HostFileError(`${at} has a name, or a link’s target, that is not UTF-8: ${JSON.stringify(text)}`);
}

const changed = (path: string) => new HostFileError(`${path} changed while it was read`);

function kindOf(stats: BigIntStats): string {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isSocket()) return 'a socket';
  if (stats.isFIFO()) return 'a pipe';
  return 'a device';
}
