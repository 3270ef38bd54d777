import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { errnoOf } from '../host/native.js';
import {
  decodeSegment,
  type LogRecord,
  type LogSegment,
  nextRecord,
  recordBytesAt,
  segmentHeaderBytes,
} from './log-format.js';

const chunkBytes = 256 * 1024;

/** One file of a log, read from front to back while its relay may still write to it. */
export class LogSegmentReader implements Disposable {
  readonly header: LogSegment;
  readonly #fd: number;
  /** What has been read and not been given yet, from `#at` on; it begins at `#begin` in the file. */
  #buffer: Buffer = Buffer.alloc(0);
  #begin: number;
  #at = 0;
  /** How long the file was when its end was come to. */
  #size = 0;

  private constructor(fd: number, header: LogSegment, offset: number) {
    this.#fd = fd;
    this.header = header;
    this.#begin = offset;
  }

  /** @returns `absent` when there is no such file; `unreadable` when it is none of a log. */
  static open(path: string, offset = segmentHeaderBytes): LogSegmentReader | 'absent' | 'unreadable' {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return 'absent';
      throw error;
    }
    const start = Buffer.alloc(segmentHeaderBytes);
    const header = decodeSegment(start.subarray(0, readSync(fd, start, 0, start.length, 0)));
    if (header) return new LogSegmentReader(fd, header, offset);
    closeSync(fd);
    return 'unreadable';
  }

  /** Where the next record is looked for. */
  get offset(): number {
    return this.#begin + this.#at;
  }

  /** The next record that is whole by now, or null. */
  next(): LogRecord | null {
    for (;;) {
      const found = nextRecord(this.#buffer, this.#at, this.header.sync);
      if (found) {
        this.#at = found.end;
        return found.record;
      }
      if (!this.#readMore()) return null;
    }
  }

  /** Whether the file has changed since next() gave null. */
  hasMore(): boolean {
    return fstatSync(this.#fd).size !== this.#size;
  }

  #readMore(): boolean {
    const rest = this.#buffer.subarray(this.#at);
    const wanted = recordBytesAt(rest, 0, this.header.sync) - rest.length;
    const next = Buffer.allocUnsafe(rest.length + Math.max(wanted, chunkBytes));
    rest.copy(next);
    const got = readSync(this.#fd, next, rest.length, next.length - rest.length, this.offset + rest.length);
    this.#begin = this.offset;
    this.#at = 0;
    this.#buffer = next.subarray(0, rest.length + got);
    if (got > 0) return true;
    this.#size = this.#begin + rest.length;
    // What is no record yet may be taken away by the next relay, if this one is killed.
    this.#buffer = next.subarray(0, 0);
    return false;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
