import type { FileHandle } from 'node:fs/promises';
import type { Content, Hole } from './file-tree.js';

/** What files are stored in, and what the guest's kernel reads at once. */
export const blockSize = 128 * 1024;

const bufferSize = 1024 * 1024;
const zeros = Buffer.alloc(blockSize);

/** Writes the contents of files one after the other. Blocks of zeros are left out, as squashfs allows. */
export class FileContents {
  readonly #file: FileHandle;
  #position: number;
  #buffer = Buffer.allocUnsafe(bufferSize);
  #spare = Buffer.allocUnsafe(bufferSize);
  #used = 0;
  #writing: Promise<unknown> = Promise.resolve();

  #start = 0;
  #size = 0;
  #blockStart = 0;
  #holes: Hole[] = [];

  constructor(file: FileHandle, position: number) {
    this.#file = file;
    this.#position = position;
  }

  /** Where the next content will begin. */
  get position(): number {
    return this.#position + this.#used;
  }

  begin(): void {
    this.#start = this.position;
    this.#size = 0;
    this.#blockStart = this.#used;
    this.#holes = [];
  }

  async write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const room = blockSize - (this.#used - this.#blockStart);
      const copied = bytes.copy(this.#buffer, this.#used, at, Math.min(bytes.length, at + room));
      at += copied;
      this.#used += copied;
      this.#size += copied;
      if (copied === room) await this.#endBlock();
    }
  }

  async writeZeros(count: number): Promise<void> {
    let left = count;
    while (left > 0) {
      if (this.#used === this.#blockStart && left >= blockSize) {
        const blocks = Math.floor(left / blockSize);
        this.#addHole(blocks, this.#size / blockSize);
        this.#size += blocks * blockSize;
        left -= blocks * blockSize;
      } else {
        const room = Math.min(left, blockSize - (this.#used - this.#blockStart));
        await this.write(zeros.subarray(0, room));
        left -= room;
      }
    }
  }

  async end(): Promise<Content> {
    if (this.#used > this.#blockStart) await this.#endBlock();
    return {
      start: this.#start,
      size: this.#size,
      stored: this.position - this.#start,
      holes: this.#holes.length > 0 ? this.#holes : null,
    };
  }

  /** Waits until all of it is in the file. */
  async flush(): Promise<void> {
    await this.#writing;
    await writeAll(this.#file, this.#buffer.subarray(0, this.#used), this.#position);
    this.#position += this.#used;
    this.#used = 0;
  }

  /** Waits until nothing is being written any more, however that ends. */
  async settle(): Promise<void> {
    await this.#writing.catch(() => {});
  }

  async #endBlock(): Promise<void> {
    const block = this.#buffer.subarray(this.#blockStart, this.#used);
    if (block.equals(block.length === blockSize ? zeros : zeros.subarray(0, block.length))) {
      this.#addHole(1, Math.floor((this.#size - block.length) / blockSize));
      this.#used = this.#blockStart;
    }
    if (this.#used + blockSize > bufferSize) {
      // One buffer is written while the other fills.
      await this.#writing;
      const [full, used, position] = [this.#buffer, this.#used, this.#position];
      this.#writing = writeAll(this.#file, full.subarray(0, used), position);
      this.#writing.catch(() => {}); // awaited above or in flush()
      [this.#buffer, this.#spare] = [this.#spare, full];
      this.#position += used;
      this.#used = 0;
    }
    this.#blockStart = this.#used;
  }

  #addHole(count: number, block: number): void {
    const last = this.#holes.at(-1);
    if (last && last.block + last.count === block) last.count += count;
    else this.#holes.push({ block, count });
  }
}

/** Moves contents together, towards `position`, over what nobody needs any more. @returns where they end. */
export async function closeGaps(
  file: FileHandle,
  position: number,
  contents: readonly Content[],
): Promise<number> {
  const buffer = Buffer.allocUnsafe(bufferSize);
  let end = position;
  for (const content of [...contents].sort((a, b) => a.start - b.start)) {
    if (content.stored === 0) continue;
    if (content.start !== end) {
      for (let moved = 0; moved < content.stored; ) {
        const wanted = Math.min(bufferSize, content.stored - moved);
        const { bytesRead } = await file.read(buffer, 0, wanted, content.start + moved);
        if (bytesRead === 0) throw new Error('a content ends before its end');
        await writeAll(file, buffer.subarray(0, bytesRead), end + moved);
        moved += bytesRead;
      }
      content.start = end;
    }
    end += content.stored;
  }
  return end;
}

/** A write may take less than it was given. */
export async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
}
