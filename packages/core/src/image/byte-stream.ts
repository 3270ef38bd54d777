import { ImageError } from '../errors.js';

const nothing: Buffer = Buffer.alloc(0);

/** Chunks as a row of bytes: taken by count, without copying where they lie in one chunk. */
export class ByteStream {
  readonly #chunks: AsyncIterator<Buffer>;
  #chunk: Buffer = nothing;
  #at = 0;
  #taken = 0;

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** How many bytes have been taken. */
  get position(): number {
    return this.#taken;
  }

  /**
   * `count` bytes, valid until the next call.
   *
   * @param orEnd null where the end has come instead; else that is an error.
   * @throws ImageError where it ends within them.
   */
  async take(count: number, orEnd: boolean): Promise<Buffer | null> {
    if (this.#chunk.length - this.#at >= count) {
      this.#at += count;
      this.#taken += count;
      return this.#chunk.subarray(this.#at - count, this.#at);
    }
    const parts: Buffer[] = [];
    let missing = count;
    while (missing > 0) {
      const part = await this.#some(missing);
      if (!part) {
        if (orEnd && missing === count) return null;
        throw truncated();
      }
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts, count);
  }

  /** At least one byte and at most `most`, as many as are there. @throws ImageError at the end. */
  async piece(most: number): Promise<Buffer> {
    const piece = await this.#some(most);
    if (!piece) throw truncated();
    return piece;
  }

  async skip(count: number, mayEnd: boolean): Promise<void> {
    for (let left = count; left > 0; ) {
      const part = await this.#some(left);
      if (!part) {
        if (mayEnd) return;
        throw truncated();
      }
      left -= part.length;
    }
  }

  /** Reads to the end and keeps nothing. */
  async drain(): Promise<void> {
    while (await this.#some(Number.MAX_SAFE_INTEGER));
  }

  async #some(most: number): Promise<Buffer | null> {
    while (this.#at >= this.#chunk.length) {
      const { value, done } = await this.#chunks.next();
      if (done) return null;
      this.#chunk = value;
      this.#at = 0;
    }
    const piece = this.#chunk.subarray(this.#at, Math.min(this.#chunk.length, this.#at + most));
    this.#at += piece.length;
    this.#taken += piece.length;
    return piece;
  }
}

function truncated(): ImageError {
  return new ImageError('it ends too early');
}
