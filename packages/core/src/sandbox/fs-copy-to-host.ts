import { randomBytes } from 'node:crypto';
import {
  chmod,
  type FileHandle,
  link,
  lutimes,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  symlink,
  utimes,
} from 'node:fs/promises';
import { basename, dirname, join, posix, resolve } from 'node:path';
import { AgentProtocolError, IoError, SandboxFsOpsError } from '../errors.js';
import { type CopyOptions, CopyTally, onHost } from './fs-copy.js';
import { listDirectory } from './fs-directory.js';
import type { FsLine } from './fs-line.js';
import { type GuestEntry, guestEntry } from './fs-types.js';

/** Copies a file or a tree of the guest to this host: see `SandboxFsOps.copyToHost`. @internal */
export async function copyToHost(
  line: FsLine,
  guestPath: string,
  hostPath: string,
  options: CopyOptions,
): Promise<void> {
  const answer = await line.request('Stat', { path: guestPath, follow_symlink: true });
  const target = resolve(hostPath);
  const unfinished = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
  const copy = new CopyToHost(line, new CopyTally(options));
  await onHost('make the directory', dirname(target), () => mkdir(dirname(target), { recursive: true }));
  try {
    await copy.entry(guestPath, unfinished, guestEntry(answer.map('data').map('Stat')), 0);
    await onHost('replace', target, () => rename(unfinished, target));
  } catch (error) {
    await removeTree(unfinished);
    throw error;
  }
}

/**
 * All is made in a place that did not exist before, under names that are checked, and nothing that exists is opened: whatever a guest
 * says, it cannot have us write through a link of its own making.
 */
class CopyToHost {
  readonly #line: FsLine;
  readonly #tally: CopyTally;
  /** Where a file that has several names was put under the first of them. */
  readonly #linked = new Map<string, string>();

  constructor(line: FsLine, tally: CopyTally) {
    this.#line = line;
    this.#tally = tally;
  }

  async entry(from: string, to: string, entry: GuestEntry, depth: number): Promise<void> {
    this.#tally.checkDepth(from, depth);
    switch (entry.kind) {
      case 'directory':
        await this.#directory(from, to, entry, depth);
        break;
      case 'symlink':
        await this.#symlink(from, to, entry);
        break;
      case 'file':
        await this.#linkOrFile(from, to, entry);
        break;
      case 'other':
        throw new SandboxFsOpsError(
          `${from} is neither a file, a directory nor a symbolic link. Copy what is beside it one by one.`,
          from,
          null,
        );
    }
    this.#tally.entry(from);
  }

  async #directory(from: string, to: string, entry: GuestEntry, depth: number): Promise<void> {
    await onHost('make the directory', to, () => mkdir(to, 0o700));
    for (const inner of await listDirectory(this.#line, from)) {
      const name = nameIn(from, inner.path);
      await this.entry(posix.join(from, name), join(to, name), inner, depth + 1);
    }
    await this.#keep(to, entry); // last: what is made in it changes its time, and its mode may forbid it
  }

  async #symlink(from: string, to: string, entry: GuestEntry): Promise<void> {
    const answer = await this.#line.request(
      'ReadLink',
      { path: from },
      { verb: 'read the link', path: from },
    );
    const target = answer.map('data').text('Path');
    await onHost('make the link', to, () => symlink(target, to));
    await onHost('set the time of', to, () => lutimes(to, ...times(entry)));
  }

  async #linkOrFile(from: string, to: string, entry: GuestEntry): Promise<void> {
    const key = `${entry.device}:${entry.inode}`;
    const first = entry.links > 1 ? this.#linked.get(key) : undefined;
    if (first !== undefined) {
      await onHost('link', to, () => link(first, to));
      return;
    }
    await using file = await onHost('make', to, () => open(to, 'wx', 0o600));
    await this.#contents(from, file, to);
    await this.#keep(to, entry);
    if (entry.links > 1) this.#linked.set(key, to);
  }

  async #contents(from: string, file: FileHandle, to: string): Promise<void> {
    const subject = { verb: 'read', path: from };
    const opened = await this.#line.request('OpenFile', { path: from, options: { read: true } }, subject);
    let at = 0;
    for await (const piece of this.#line.pieces(opened.map('data').uint('Handle'), { sparse: true })) {
      if ('hole' in piece) {
        at += piece.hole;
      } else {
        await onHost('write', to, () => file.write(piece.data, 0, piece.data.length, at));
        at += piece.data.length;
      }
      this.#tally.piece(from, 'hole' in piece ? 0 : piece.data.length);
    }
    await onHost('write', to, () => file.truncate(at)); // a hole at its end was not written
  }

  /** A program that a guest has made must not run as somebody else here. */
  async #keep(to: string, entry: GuestEntry): Promise<void> {
    await onHost('set the mode of', to, () => chmod(to, entry.mode & 0o1777));
    await onHost('set the time of', to, () => utimes(to, ...times(entry)));
  }
}

function times({ accessed, modified }: GuestEntry): [Date, Date] {
  return [accessed ?? new Date(0), modified ?? new Date(0)];
}

/** What an entry is called in its directory. @throws AgentProtocolError for what is no name; IoError for one that is no text. */
export function nameIn(directory: string, path: string): string {
  const prefix = directory.endsWith('/') ? directory : `${directory}/`;
  const name = path.slice(prefix.length);
  const isName = path.startsWith(prefix) && !/[/\0]/.test(name) && !['', '.', '..'].includes(name);
  if (!isName)
    throw new AgentProtocolError(`The agent says that ${JSON.stringify(path)} is in ${directory}.`);
  if (name.includes('\ufffd'))
    throw new IoError(`${directory} has an entry whose name is not UTF-8, which cannot be copied: ${name}`);
  return name;
}

/** A directory whose mode forbids it is made ours again first; this is no time for errors. */
async function removeTree(path: string): Promise<void> {
  const open = async (directory: string): Promise<void> => {
    await chmod(directory, 0o700);
    for (const entry of await readdir(directory, { withFileTypes: true }))
      if (entry.isDirectory()) await open(join(directory, entry.name));
  };
  await open(path).catch(() => {});
  await rm(path, { recursive: true, force: true }).catch(() => {});
}
