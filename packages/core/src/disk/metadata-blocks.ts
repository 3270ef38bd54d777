const payload = 8192;
const header = 2;
const uncompressed = 0x8000;

/** What squashfs keeps inodes, directories and tables in: a row of blocks of 8 KiB, each with its length in front. None are compressed. */
export class MetadataBlocks {
  readonly #blocks: Buffer[] = [];
  #length = 0;

  /** Bytes so far, headers not counted. */
  get length(): number {
    return this.#length;
  }

  append(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const offset = this.#length % payload;
      if (offset === 0) this.#blocks.push(Buffer.alloc(header + payload));
      const copied = bytes.copy(this.#blocks.at(-1) as Buffer, header + offset, at);
      at += copied;
      this.#length += copied;
    }
  }

  /** Where the block with the byte at `position` begins, counted from the first block. */
  static blockOf(position: number): number {
    return Math.floor(position / payload) * (header + payload);
  }

  /** Where in its block it is. */
  static offsetOf(position: number): number {
    return position % payload;
  }

  /** The blocks as they stand in the image. */
  finish(): Buffer[] {
    return this.#blocks.map((block, index) => {
      const used = Math.min(payload, this.#length - index * payload);
      block.writeUInt16LE(used | uncompressed);
      return block.subarray(0, header + used);
    });
  }

  /** Bytes that `finish` gives. */
  get stored(): number {
    return this.#length + this.#blocks.length * header;
  }

  /** Where each block begins, for a table at `start`. */
  index(start: number): Buffer {
    const index = Buffer.alloc(this.#blocks.length * 8);
    this.#blocks.forEach((_, at) => {
      index.writeBigUInt64LE(BigInt(start + at * (header + payload)), at * 8);
    });
    return index;
  }
}
