import { OutputLimitError } from '../errors.js';
import { toBytes } from './exec-types.js';
import type { FsLine, FsPiece, FsWriting } from './fs-line.js';
import { GatheredBytes } from './gathered-bytes.js';

/** What is read of a file at once; a guest must not be able to fill its host's memory. */
export const readLimitBytes = 64 * 1024 * 1024;

/** A file of the guest, read as fast as it is taken. Disposing of it before its end closes the file. */
export class FsReadStream implements AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly #path: string;
  readonly #line: FsLine;
  readonly #pieces: AsyncIterator<FsPiece, unknown>;

  /** @internal */
  constructor(path: string, line: FsLine, handle: number) {
    this.#path = path;
    this.#line = line;
    this.#pieces = line.pieces(handle);
  }

  /** The next piece, or null at the end. @throws SandboxFsOpsError, TimeoutError, the signal's reason. */
  async recv(): Promise<Uint8Array | null> {
    try {
      const { value, done } = await this.#pieces.next();
      if (done) this.#line[Symbol.dispose]();
      return done ? null : (value as { data: Uint8Array }).data;
    } catch (error) {
      this.#line[Symbol.dispose]();
      throw error;
    }
  }

  /** All that is left of it. @throws OutputLimitError past 64 MiB. */
  async collect(): Promise<Uint8Array> {
    const gathered = new GatheredBytes();
    for await (const chunk of this) {
      gathered.push(chunk);
      if (gathered.length > readLimitBytes) {
        throw new OutputLimitError(
          `${this.#path} holds more than ${readLimitBytes} bytes. Read it piece by piece with readStream, or copy it with copyToHost.`,
        );
      }
    }
    return gathered.join();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    try {
      for (let chunk = await this.recv(); chunk; chunk = await this.recv()) yield chunk;
    } finally {
      this.#line[Symbol.dispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#line[Symbol.dispose]();
  }
}

/** A file of the guest that is being written. It is complete when `close()` has resolved. */
export class FsWriteSink implements AsyncDisposable {
  readonly #line: FsLine;
  readonly #writing: FsWriting;
  #last: Promise<void> = Promise.resolve();
  #isOver = false;

  /** @internal */
  constructor(line: FsLine, writing: FsWriting) {
    this.#line = line;
    this.#writing = writing;
  }

  /** Resolves when there is room for more. @throws SandboxFsOpsError such as ENOSPC, which may be about an earlier piece. */
  write(data: Uint8Array | string): Promise<void> {
    return this.#inTurn(() => this.#writing.write(toBytes(data)));
  }

  /** Resolves when all has been written. @throws what a write that nobody waited for has met. */
  close(): Promise<void> {
    if (this.#isOver) return this.#last;
    return this.#inTurn(async () => {
      await this.#writing.end();
      this.#finish();
    });
  }

  /** Closes it, unless a write has failed, which its caller knows. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) await this.close();
  }

  /** Whoever does not wait for one piece before the next has them written in order all the same. */
  #inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.#last.then(step);
    this.#last = done;
    done.catch(() => this.#finish()); // told to who waits for it, and to the next
    return done;
  }

  #finish(): void {
    this.#isOver = true;
    this.#line[Symbol.dispose]();
  }
}
