import type { Payload, PayloadFields } from '../agent/message.js';
import { SandboxFsOpsError } from '../errors.js';
import { toBytes } from './exec-types.js';
import type { CopyOptions } from './fs-copy.js';
import { copyFromHost } from './fs-copy-from-host.js';
import { copyToHost } from './fs-copy-to-host.js';
import { listDirectory } from './fs-directory.js';
import { FsLine } from './fs-line.js';
import { FsReadStream, FsWriteSink } from './fs-streams.js';
import {
  type FsAttributes,
  type FsEntry,
  type FsMetadata,
  type FsOptions,
  type GuestEntry,
  guestEntry,
  wireAttributes,
} from './fs-types.js';
import type { Line } from './line.js';

/**
 * The files of a running guest, as its root user sees them. Paths are absolute, or else begin at `/`. Every call may be given
 * `{ timeoutMs, signal }`, and throws SandboxFsOpsError, with the guest's errno by name, where the guest refuses; TimeoutError; the
 * signal's reason.
 */
export class SandboxFsOps {
  readonly #openLine: (timeoutMs?: number, signal?: AbortSignal) => Promise<Line>;

  /** @internal */
  constructor(openLine: (timeoutMs?: number, signal?: AbortSignal) => Promise<Line>) {
    this.#openLine = openLine;
  }

  /** A file's bytes. @throws OutputLimitError past 64 MiB. */
  async read(path: string, options?: FsOptions): Promise<Uint8Array> {
    return (await this.readStream(path, options)).collect();
  }

  /** A file's text; what is not UTF-8 in it becomes U+FFFD. */
  async readToString(path: string, options?: FsOptions): Promise<string> {
    return Buffer.from(await this.read(path, options)).toString('utf8');
  }

  /** A file piece by piece, as fast as they are taken. */
  async readStream(path: string, options?: FsOptions): Promise<FsReadStream> {
    const line = await this.#line('read', path, options);
    try {
      return new FsReadStream(path, line, await line.open(path, { read: true }));
    } catch (error) {
      line[Symbol.dispose]();
      throw error;
    }
  }

  /** Makes or replaces a file. */
  async write(path: string, data: Uint8Array | string, options?: FsOptions): Promise<void> {
    const sink = await this.writeStream(path, options);
    await sink.write(toBytes(data));
    await sink.close();
  }

  /** Makes or replaces a file piece by piece. */
  async writeStream(path: string, options?: FsOptions): Promise<FsWriteSink> {
    const line = await this.#line('write', path, options);
    try {
      const handle = await line.open(path, { write: true, create: true, truncate: true });
      return new FsWriteSink(line, await line.beginWrite(handle));
    } catch (error) {
      line[Symbol.dispose]();
      throw error;
    }
  }

  /** What is in a directory, by name. */
  async list(path: string, options?: FsOptions): Promise<FsEntry[]> {
    using line = await this.#line('list', path, options);
    return (await listDirectory(line, path)).map(publicEntry);
  }

  /** Makes a directory and those above it that are missing; one that is there already is no error. */
  async mkdir(path: string, { mode, ...options }: FsOptions & { mode?: number } = {}): Promise<void> {
    await this.#ask('make the directory', path, options, 'Mkdir', { path, mode });
  }

  /** Removes a directory with all that is in it. */
  async removeDir(path: string, options?: FsOptions): Promise<void> {
    await this.#ask('remove', path, options, 'RemoveDir', { path, recursive: true });
  }

  /** Removes a directory that is empty. */
  async removeEmptyDir(path: string, options?: FsOptions): Promise<void> {
    await this.#ask('remove', path, options, 'RemoveDir', { path, recursive: false });
  }

  /** Removes anything but a directory. */
  async remove(path: string, options?: FsOptions): Promise<void> {
    await this.#ask('remove', path, options, 'Remove', { path });
  }

  /** Copies a file, or a directory with all that is in it, within the guest: modes, owners, links and holes stay. */
  async copy(from: string, to: string, options?: FsOptions): Promise<void> {
    await this.#ask('copy', from, options, 'Copy', { src: from, dst: to });
  }

  /** Renames, or moves within one file system; what has the new name is replaced. */
  async rename(from: string, to: string, options?: FsOptions): Promise<void> {
    await this.#ask('rename', from, options, 'Rename', { src: from, dst: to });
  }

  /** Makes a symbolic link at `path` that leads to `target`. */
  async symlink(target: string, path: string, options?: FsOptions): Promise<void> {
    await this.#ask('make the link', path, options, 'Symlink', { target, link_path: path });
  }

  /** Where a symbolic link leads, as it says itself. */
  async readLink(path: string, options?: FsOptions): Promise<string> {
    return (await this.#ask('read the link', path, options, 'ReadLink', { path })).map('data').text('Path');
  }

  /** The path without links, `.` and `..` in it. */
  async realPath(path: string, options?: FsOptions): Promise<string> {
    return (await this.#ask('resolve', path, options, 'RealPath', { path })).map('data').text('Path');
  }

  /** What is at a path, or where the symbolic link that is there leads. */
  stat(path: string, options?: FsOptions): Promise<FsMetadata> {
    return this.#stat(path, true, options);
  }

  /** Like {@link stat}, of a symbolic link itself. */
  lstat(path: string, options?: FsOptions): Promise<FsMetadata> {
    return this.#stat(path, false, options);
  }

  /** Changes what is said about a file, and leaves the rest. */
  async setStat(path: string, attributes: FsAttributes, options?: FsOptions): Promise<void> {
    const fields = { path, follow_symlink: true, attrs: wireAttributes(attributes) };
    await this.#ask('change', path, options, 'SetStat', fields);
  }

  chmod(path: string, mode: number, options?: FsOptions): Promise<void> {
    return this.setStat(path, { mode }, options);
  }

  chown(path: string, uid: number, gid: number, options?: FsOptions): Promise<void> {
    return this.setStat(path, { uid, gid }, options);
  }

  /** Whether something is at a path, a symbolic link that leads nowhere not counted. */
  async exists(path: string, options?: FsOptions): Promise<boolean> {
    try {
      await this.stat(path, options);
      return true;
    } catch (error) {
      if (error instanceof SandboxFsOpsError && ['ENOENT', 'ENOTDIR'].includes(error.errnoName ?? ''))
        return false;
      throw error;
    }
  }

  /**
   * Copies a file of this host into the guest, or a directory with all that is in it: modes, times, links and holes stay; the owner is
   * the guest's root. Directories above it are made.
   */
  async copyFromHost(hostPath: string, guestPath: string, options: CopyOptions = {}): Promise<void> {
    using line = await this.#line('copy to', guestPath, options);
    await copyFromHost(line, hostPath, guestPath, options);
  }

  /**
   * Copies a file of the guest to this host, or a directory with all that is in it. It is there whole or not at all; a file replaces a file,
   * a directory only an empty one. Modes (but for set-user-id and set-group-id), times, links and holes stay; the owner is this process's.
   *
   * @throws OutputLimitError past `limitBytes`; IoError where this host refuses.
   */
  async copyToHost(guestPath: string, hostPath: string, options: CopyOptions = {}): Promise<void> {
    using line = await this.#line('copy', guestPath, options);
    await copyToHost(line, guestPath, hostPath, options);
  }

  async #stat(path: string, follow: boolean, options: FsOptions | undefined): Promise<FsMetadata> {
    const answer = await this.#ask('look at', path, options, 'Stat', { path, follow_symlink: follow });
    const { path: _, ...metadata } = publicEntry(guestEntry(answer.map('data').map('Stat')));
    return metadata;
  }

  async #ask(
    verb: string,
    path: string,
    options: FsOptions | undefined,
    op: string,
    fields: PayloadFields,
  ): Promise<Payload> {
    using line = await this.#line(verb, path, options);
    return await line.request(op, fields);
  }

  async #line(verb: string, path: string, options: FsOptions = {}): Promise<FsLine> {
    return new FsLine(await this.#openLine(undefined, options.signal), { verb, path }, options);
  }
}

function publicEntry({ device, inode, links, ...entry }: GuestEntry): FsEntry {
  return entry;
}
