import type { Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readlink, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { IoError, SandboxFsOpsError } from '../errors.js';
import { type CopyOptions, CopyTally, onHost } from './fs-copy.js';
import type { FsLine } from './fs-line.js';
import { wireAttributes } from './fs-types.js';

const chunkBytes = 256 * 1024;
const blockBytes = 512; // of Stats.blocks
const zeros = Buffer.alloc(chunkBytes);

/** Copies a file or a tree of this host into the guest: see `SandboxFsOps.copyFromHost`. @internal */
export async function copyFromHost(
  line: FsLine,
  hostPath: string,
  guestPath: string,
  options: CopyOptions,
): Promise<void> {
  const copy = new CopyFromHost(line, new CopyTally(options));
  const top = await onHost('read', hostPath, () => stat(hostPath));
  await line.request('Mkdir', { path: posix.dirname(guestPath) });
  await copy.entry(hostPath, guestPath, top, 0);
}

class CopyFromHost {
  readonly #line: FsLine;
  readonly #tally: CopyTally;
  /** Where a file that has several names was put under the first of them. */
  readonly #linked = new Map<string, string>();

  constructor(line: FsLine, tally: CopyTally) {
    this.#line = line;
    this.#tally = tally;
  }

  async entry(from: string, to: string, stats: Stats, depth: number): Promise<void> {
    this.#tally.checkDepth(from, depth);
    if (stats.isDirectory()) await this.#directory(from, to, stats, depth);
    else if (stats.isSymbolicLink()) await this.#symlink(from, to);
    else if (stats.isFile()) await this.#linkOrFile(from, to, stats);
    else
      throw new IoError(
        `${from} is neither a file, a directory nor a symbolic link. Leave it out of what is copied.`,
      );
    this.#tally.entry(from);
  }

  async #directory(from: string, to: string, stats: Stats, depth: number): Promise<void> {
    await this.#line.request('Mkdir', { path: to }, { verb: 'make the directory', path: to });
    const names = await onHost('list', from, () => readdir(from));
    for (const name of names.sort()) {
      const path = join(from, name);
      const inner = await onHost('read', path, () => lstat(path));
      await this.entry(path, posix.join(to, name), inner, depth + 1);
    }
    await this.#keep(to, stats); // last: what is made in it changes its time, and its mode may forbid it
  }

  async #symlink(from: string, to: string): Promise<void> {
    const target = await onHost('read the link', from, () => readlink(from));
    await this.#replacing(to, () =>
      this.#line.request('Symlink', { target, link_path: to }, { verb: 'make the link', path: to }),
    );
  }

  async #linkOrFile(from: string, to: string, stats: Stats): Promise<void> {
    const key = `${stats.dev}:${stats.ino}`;
    const first = stats.nlink > 1 ? this.#linked.get(key) : undefined;
    if (first === undefined) {
      await this.#file(from, to);
      if (stats.nlink > 1) this.#linked.set(key, to);
      return;
    }
    await this.#replacing(to, () =>
      this.#line.request('Link', { src: first, dst: to }, { verb: 'link', path: to }),
    );
  }

  async #file(from: string, to: string): Promise<void> {
    await using file = await onHost('read', from, () => open(from, 'r'));
    const stats = await onHost('read', from, () => file.stat());
    const handle = (
      await this.#line.request(
        'OpenFile',
        { path: to, options: { write: true, create: true, truncate: true } },
        { verb: 'write', path: to },
      )
    )
      .map('data')
      .uint('Handle');
    const size = await this.#contents(from, file, handle, stats.blocks * blockBytes < stats.size);
    const attrs = wireAttributes({ mode: stats.mode & 0o7777, size, modified: stats.mtime });
    await this.#line.request('FSetStat', { handle, attrs });
    await this.#line.request('CloseHandle', { handle });
  }

  /** Sends what a file holds, but for holes if it may have some. @returns its size. */
  async #contents(from: string, file: FileHandle, handle: number, mayHaveHoles: boolean): Promise<number> {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    let writing = await this.#line.beginWrite(handle, { keep: true });
    let at = 0;
    let isInHole = false;
    for (;;) {
      const { bytesRead } = await onHost('read', from, () => file.read(chunk, 0, chunkBytes, at));
      if (bytesRead === 0) break;
      const bytes = chunk.subarray(0, bytesRead);
      const isHole = mayHaveHoles && bytes.equals(zeros.subarray(0, bytesRead));
      if (!isHole && isInHole) {
        await writing.end();
        writing = await this.#line.beginWrite(handle, { offset: at, keep: true });
      }
      if (!isHole) await writing.write(bytes);
      isInHole = isHole;
      at += bytesRead;
      this.#tally.piece(from, isHole ? 0 : bytesRead);
    }
    await writing.end();
    return at;
  }

  async #keep(path: string, stats: Stats): Promise<void> {
    const attrs = wireAttributes({ mode: stats.mode & 0o7777, modified: stats.mtime });
    await this.#line.request(
      'SetStat',
      { path, follow_symlink: true, attrs },
      { verb: 'set the mode of', path },
    );
  }

  /** A link is not written over as a file is. */
  async #replacing(path: string, make: () => Promise<unknown>): Promise<void> {
    try {
      await make();
    } catch (error) {
      if (!(error instanceof SandboxFsOpsError) || error.errnoName !== 'EEXIST') throw error;
      await this.#line.request('Remove', { path }, { verb: 'replace', path });
      await make();
    }
  }
}
