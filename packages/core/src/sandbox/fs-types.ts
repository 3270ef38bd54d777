import type { Payload } from '../agent/message.js';
import { AgentProtocolError } from '../errors.js';

export type FsEntryKind = 'file' | 'directory' | 'symlink' | 'other';

/** What is at a path of the guest. */
export interface FsMetadata {
  readonly kind: FsEntryKind;
  /** Bytes. */
  readonly size: number;
  /** Permission bits, with set-user-id, set-group-id and sticky: 0o7777 at most. */
  readonly mode: number;
  /** Nobody may write to it, going by its mode. */
  readonly readonly: boolean;
  readonly uid: number;
  readonly gid: number;
  readonly modified: Date | null;
  readonly accessed: Date | null;
  /** The guest does not tell it. */
  readonly created: null;
}

/** An entry of a directory; of a symbolic link, it is the link's own. */
export interface FsEntry extends FsMetadata {
  /** The directory's path and the name. Bytes that are not UTF-8 are U+FFFD in it, and then it leads nowhere. */
  readonly path: string;
}

/** What can be changed about a file; what is left out stays. */
export interface FsAttributes {
  /** Permission bits. */
  readonly mode?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Bytes; it is cut off, or grows by a hole. */
  readonly size?: number | undefined;
  /** To the second. */
  readonly accessed?: Date | undefined;
  readonly modified?: Date | undefined;
}

export interface FsOptions {
  /** Milliseconds without a word from the guest; default 30,000. Copying a large tree within the guest may need more. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An entry as the guest tells it: with what finds two names of one file. @internal */
export interface GuestEntry extends FsEntry {
  readonly device: number;
  readonly inode: number;
  readonly links: number;
}

const kinds: ReadonlyMap<string, FsEntryKind> = new Map([
  ['file', 'file'],
  ['dir', 'directory'],
  ['symlink', 'symlink'],
  ['other', 'other'],
]);

/** @internal @throws AgentProtocolError */
export function guestEntry(entry: Payload): GuestEntry {
  const kind = kinds.get(entry.text('kind'));
  if (!kind) throw new AgentProtocolError(`The agent knows files of the kind "${entry.text('kind')}".`);
  const mode = entry.uint('mode') & 0o7777;
  const modifiedMs = (entry.optionalInt('mtime_nanos') ?? 0) / 1e6;
  return {
    path: entry.text('path'),
    kind,
    size: entry.uint('size'),
    mode,
    readonly: (mode & 0o222) === 0,
    uid: entry.uint('uid'),
    gid: entry.uint('gid'),
    modified: date(entry.optionalInt('mtime'), modifiedMs),
    accessed: date(entry.optionalInt('atime'), 0),
    created: null,
    device: entry.optionalInt('dev') ?? 0,
    inode: entry.optionalInt('ino') ?? 0,
    links: entry.optionalInt('nlink') ?? 1,
  };
}

function date(seconds: number | undefined, ms: number): Date | null {
  return seconds === undefined ? null : new Date(seconds * 1000 + Math.floor(ms));
}

/** For the wire. @internal */
export function wireAttributes({ mode, uid, gid, size, accessed, modified }: FsAttributes) {
  return { mode, uid, gid, size, atime: seconds(accessed), mtime: seconds(modified) };
}

function seconds(date: Date | undefined): number | undefined {
  return date === undefined ? undefined : Math.floor(date.getTime() / 1000);
}
