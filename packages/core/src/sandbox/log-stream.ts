import { InvalidConfigError, SandboxNotFoundError, SandboxReplacedError } from '../errors.js';
import { wallMs } from '../host/clock.js';
import { fileChange } from '../host/file-change.js';
import { native } from '../host/native.js';
import { placeOf } from '../store/log-cursor.js';
import { LogReader } from '../store/log-reader.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import { type LogEntry, LogSelection, type LogStreamOptions } from './log-entry.js';

/** How long a machine that is gone without a word, as with a relay that was killed, may go unnoticed. */
const lookMs = 1_000;
/** The same once its relay has said that it has ended: it has to put away some files. */
const soonMs = 25;
/** Until there is a file to be watched: a machine is being started. */
const beginMs = 50;
/** From an entry's time to its being in the file. */
const writeMs = 100;

/** Whose log is followed. */
export interface LogOwner {
  readonly id: string;
  readonly directory: SandboxDirectory;
}

/**
 * Entries of a log, one after the other. It ends when what there is has been read; one that follows, when the machine has ended and
 * all was read. A loop that is left can be gone on with; {@link Symbol.asyncDispose} ends it.
 */
export class LogStream implements AsyncIterable<LogEntry>, AsyncDisposable {
  readonly #owner: LogOwner;
  readonly #reader: LogReader;
  readonly #selection: LogSelection;
  readonly #follow: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #closing = new AbortController();
  readonly #given: AbortSignal;
  #turn: Promise<unknown> = Promise.resolve();
  #done = false;
  /** The machine is gone, and what is left to be read is all. */
  #ended = false;
  /** Whether to see to it that the machine is still there, when there is nothing to be read. */
  #isDoubtful = true;
  /** The last that was read is that a machine has stopped. */
  #hasStopped = false;

  /** @internal @throws InvalidConfigError, InvalidCursorError, MissedRotationError */
  constructor(owner: LogOwner, options: LogStreamOptions) {
    if (options.since !== undefined && options.fromCursor !== undefined)
      throw new InvalidConfigError('A log is read from "since" or from a cursor, not from both.');
    this.#owner = owner;
    this.#selection = new LogSelection(options);
    this.#follow = options.follow === true;
    this.#signal = options.signal;
    this.#given = options.signal
      ? AbortSignal.any([options.signal, this.#closing.signal])
      : this.#closing.signal;
    const { fromCursor } = options;
    this.#reader = new LogReader(owner.directory.path, fromCursor === undefined ? null : placeOf(fromCursor));
    this.#reader.checkPlace();
  }

  /**
   * The next entry; null at the end, for good.
   *
   * @throws MissedRotationError when the guest has written so much more than was read that entries are lost; the signal's reason.
   */
  recv(): Promise<LogEntry | null> {
    const turn = this.#turn.then(() => this.#next());
    this.#turn = turn.catch(() => {}); // told to whoever asked
    return turn;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<LogEntry> {
    try {
      for (let entry = await this.recv(); entry; entry = await this.recv()) yield entry;
    } finally {
      this.#reader.rest(); // nobody may come back
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#turn;
    this.#finish();
  }

  async #next(): Promise<LogEntry | null> {
    try {
      while (!this.#done) {
        this.#signal?.throwIfAborted();
        if (this.#closing.signal.aborted) break;
        const item = this.#reader.next();
        if (!item) {
          if (!(await this.#wait())) break;
          continue;
        }
        this.#hasStopped = item.kind === 'stopped';
        if (item.timeMs >= this.#selection.untilMs) break;
        const entry = this.#selection.entry(item);
        if (entry) return entry;
      }
    } catch (error) {
      this.#finish();
      throw error;
    }
    this.#finish();
    return null;
  }

  #finish(): void {
    this.#done = true;
    this.#reader[Symbol.dispose]();
  }

  /** Waits until there may be more to be read. @returns false when there never is. */
  async #wait(): Promise<boolean> {
    if (!this.#follow || this.#ended) return false;
    const leftMs = this.#selection.untilMs + writeMs - wallMs();
    // Once more: it may have been written since.
    this.#ended = leftMs <= 0 || ((this.#isDoubtful || this.#hasStopped) && (await this.#isGone()));
    if (this.#ended) return true;
    const patience = this.#hasStopped ? soonMs : this.#reader.path === null ? beginMs : lookMs;
    const changed = await fileChange(
      this.#reader.path,
      () => this.#reader.hasMore(),
      Math.min(patience, leftMs),
      this.#given,
    );
    this.#isDoubtful = !changed;
    return true;
  }

  async #isGone(): Promise<boolean> {
    const { directory, id } = this.#owner;
    try {
      directory.expectId(id);
      const holder = await directory.holder();
      if (holder?.kind === 'relay') native.closeFd(holder.pidfd);
      return holder === null;
    } catch (error) {
      if (error instanceof SandboxNotFoundError || error instanceof SandboxReplacedError) return true;
      throw error;
    }
  }
}
