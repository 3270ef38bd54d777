import { AgentGoneError } from '../agent/connection.js';
import { setImmediate } from '../host/clock.js';
import type { ExecInbox } from './exec-inbox.js';
import { toBytes } from './exec-types.js';
import { GatheredBytes } from './gathered-bytes.js';
import type { Line } from './line.js';

/** One message's worth of stdin, so that a large write does not hold up other messages. */
const stdinChunkBytes = 256 * 1024;
/** Writes of less than this are gathered, up to so much. */
const gatheredBytes = 16 * 1024;

/**
 * Writes to a command's stdin. A small write goes at once; those that follow it before anything else can happen in this process, as in a loop
 * that writes byte by byte, go together.
 */
export class ExecSink implements AsyncDisposable {
  readonly #line: Line;
  readonly #inbox: ExecInbox;
  readonly #id: number;
  #isClosed = false;
  #isGathering = false;
  #gathered = new GatheredBytes();

  /** @internal */
  constructor(line: Line, inbox: ExecInbox, id: number) {
    this.#line = line;
    this.#inbox = inbox;
    this.#id = id;
  }

  /**
   * Resolves when there is room for more: the command has read all but the last megabyte at the most. While it waits, a megabyte of
   * output is read ahead; a command that writes more than that before it reads on waits for the reader of its events, and so does this.
   * What is written to a command that has ended, or has closed its stdin, is dropped: a `stdinError` event tells.
   */
  async write(data: Uint8Array | string): Promise<void> {
    const bytes = toBytes(data);
    for (let at = 0; at < bytes.length; ) {
      const room = await this.#told(() => this.#inbox.room());
      if (room === 0) return;
      const end = Math.min(bytes.length, at + stdinChunkBytes, at + room);
      this.#inbox.sent(end - at);
      await this.#pass(bytes.subarray(at, end));
      at = end;
    }
  }

  /** Sends end of file; at a terminal it types the character for it, and more may follow. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.flush();
    await this.#send(new Uint8Array(0));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal Sends what has been gathered; for whoever tells the command something that comes after it. */
  async flush(): Promise<void> {
    if (this.#gathered.length === 0) return;
    const bytes = this.#gathered.join();
    this.#gathered = new GatheredBytes();
    await this.#send(bytes);
  }

  /** Nothing is awaited before the piece has its place behind all earlier ones: there are callers who wait for none of their writes. */
  async #pass(piece: Uint8Array): Promise<void> {
    const isSmall = piece.length < gatheredBytes;
    if (isSmall && this.#isGathering) {
      this.#gathered.push(piece);
      if (this.#gathered.length >= gatheredBytes) await this.flush();
      return;
    }
    if (isSmall) this.#gather();
    await Promise.all([this.flush(), this.#send(piece)]);
  }

  /** Until something else has happened in this process. */
  #gather(): void {
    this.#isGathering = true;
    setImmediate(() => {
      this.#isGathering = false;
      this.flush().catch(() => {}); // the next write, or whoever waits for the command, hears of it
    });
  }

  async #send(data: Uint8Array): Promise<void> {
    if (this.#line.isOver) return;
    await this.#told(() => this.#line.connection.send('core.exec.stdin', { data }, { id: this.#id }));
  }

  async #told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw error instanceof AgentGoneError ? await this.#line.explainLoss(error) : error;
    }
  }
}
