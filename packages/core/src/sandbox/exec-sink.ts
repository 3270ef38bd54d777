import { AgentGoneError } from '../agent/connection.js';
import type { ExecInbox } from './exec-inbox.js';
import { toBytes } from './exec-types.js';
import type { Line } from './line.js';

/** One message's worth of stdin, so that a large write does not hold up other messages. */
const stdinChunkBytes = 128 * 1024;

/** Writes to a command's stdin. */
export class ExecSink implements AsyncDisposable {
  readonly #line: Line;
  readonly #inbox: ExecInbox;
  readonly #id: number;
  #isClosed = false;

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
      await this.#send(bytes.subarray(at, end));
      at = end;
    }
  }

  /** Sends end of file; at a terminal it types the character for it, and more may follow. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#send(new Uint8Array(0));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
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
