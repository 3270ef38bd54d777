/** What is set aside at first, and at most at once. */
const firstBlock = 4 * 1024;
const largestBlock = 1024 * 1024;

/**
 * Bytes that come in pieces of any size, copied together: how much memory they take depends on how many bytes there are, not on how
 * many pieces. A guest may send millions of pieces of one byte, or of none, each of which would take a hundred if it were kept.
 */
export class GatheredBytes {
  readonly #full: Buffer[] = [];
  #block = Buffer.alloc(0);
  #used = 0;
  #length = 0;

  push(piece: Uint8Array): void {
    for (let at = 0; at < piece.length; ) {
      if (this.#used === this.#block.length) this.#begin();
      const taken = Math.min(piece.length - at, this.#block.length - this.#used);
      this.#block.set(piece.subarray(at, at + taken), this.#used);
      this.#used += taken;
      this.#length += taken;
      at += taken;
    }
  }

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** All of them, in a copy. */
  join(): Buffer {
    return Buffer.concat([...this.#full, this.#block.subarray(0, this.#used)], this.#length);
  }

  #begin(): void {
    if (this.#used > 0) this.#full.push(this.#block);
    // As much again as there is: what is set aside for nothing is never more than what is there, nor than one block.
    this.#block = Buffer.allocUnsafeSlow(Math.min(largestBlock, Math.max(firstBlock, this.#length)));
    this.#used = 0;
  }
}
