import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { writeAll } from '../disk/file-contents.js';
import { ImageError } from '../errors.js';
import { ByteStream } from './byte-stream.js';
import { type Compression, decompress, detectCompression } from './decompress.js';
import { maxDocumentBytes } from './layout.js';
import { openSpool, streamOf } from './spool.js';
import { type Member, TarIndex } from './tar-index.js';

/** What an archive may unpack to, and when it is a bomb: as for layers. */
const maxBytes = 64 * 1024 ** 3;
const bombBytes = 4 * 1024 ** 3;
const bombRatio = 200;

/** A tar archive, compressed or not, whose files are read where they are; of a compressed one that is a copy without a name. */
export class Archive implements AsyncDisposable {
  readonly path: string;
  readonly compression: Compression;
  /** Of the file as it is. */
  readonly size: number;
  readonly #file: FileHandle;
  readonly #tar: FileHandle;
  readonly #index: TarIndex;

  private constructor(
    path: string,
    compression: Compression,
    size: number,
    file: FileHandle,
    tar: FileHandle,
    index: TarIndex,
  ) {
    this.path = path;
    this.compression = compression;
    this.size = size;
    this.#file = file;
    this.#tar = tar;
    this.#index = index;
  }

  /** @param work where a compressed one is unpacked to. @throws ImageError */
  static async open(path: string, work: string): Promise<Archive> {
    const file = await open(path);
    let tar = file;
    try {
      const { size } = await file.stat();
      const head = Buffer.alloc(16);
      const { bytesRead } = await file.read(head, 0, head.length, 0);
      const compression = detectCompression(head.subarray(0, bytesRead));
      const bytes = streamOf(file, 0, size);
      if (compression !== 'none') tar = await openSpool(work);
      const index = await indexOf(decompress(bytes, compression), size, tar === file ? undefined : tar);
      return new Archive(path, compression, size, file, tar, index);
    } catch (error) {
      await file.close();
      if (tar !== file) await tar.close();
      throw error instanceof ImageError || isZlibError(error)
        ? new ImageError(
            `${path} is no archive of an image: ${(error as Error).message.replace(/\.$/, '')}.`,
            {
              cause: error,
            },
          )
        : error;
    }
  }

  has(name: string): boolean {
    return this.#index.has(name);
  }

  /** A file that is a document. @throws ImageError */
  async document(name: string): Promise<Buffer> {
    const { offset, size } = this.#member(name);
    if (size > maxDocumentBytes)
      throw new ImageError(
        `${name} of ${this.path} is ${size} bytes long; documents end at ${maxDocumentBytes}.`,
      );
    return await collect(streamOf(this.#tar, offset, size));
  }

  sizeOf(name: string): number {
    return this.#member(name).size;
  }

  /** The first bytes of a file. */
  async head(name: string): Promise<Buffer> {
    const { offset, size } = this.#member(name);
    return await collect(streamOf(this.#tar, offset, Math.min(size, 16)));
  }

  /** A file's bytes. */
  open(name: string, from: number): Readable {
    const { offset, size } = this.#member(name);
    return streamOf(this.#tar, offset + from, size - from);
  }

  /** The archive's own bytes as they are. */
  openAsItIs(from: number): Readable {
    return streamOf(this.#file, from, this.size - from);
  }

  /** Its own digest, and the one of what is in it where that is compressed. */
  async digests(): Promise<{ readonly blob: string; readonly content: string }> {
    const blob = await digest(this.openAsItIs(0));
    if (this.#tar === this.#file) return { blob, content: blob };
    const { size } = await this.#tar.stat();
    return { blob, content: await digest(streamOf(this.#tar, 0, size)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
    if (this.#tar !== this.#file) await this.#tar.close();
  }

  #member(name: string): Member {
    try {
      return this.#index.member(name);
    } catch (error) {
      throw new ImageError(`${this.path}: ${(error as Error).message}`, { cause: error });
    }
  }
}

export async function digest(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream as AsyncIterable<Buffer>) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Indexes a tar, and copies it to `copy` on the way. */
async function indexOf(tar: Readable, compressed: number, copy: FileHandle | undefined): Promise<TarIndex> {
  async function* copied(): AsyncGenerator<Buffer> {
    let bytes = 0;
    for await (const chunk of tar as AsyncIterable<Buffer>) {
      if (bytes + chunk.length > maxBytes) throw new ImageError(`it unpacks to more than ${maxBytes} bytes`);
      if (bytes > bombBytes && bytes > compressed * bombRatio)
        throw new ImageError(
          `it unpacks to more than ${bombRatio} times its own size, as a decompression bomb does`,
        );
      if (copy) await writeAll(copy, chunk, bytes);
      bytes += chunk.length;
      yield chunk;
    }
  }
  try {
    const bytes = new ByteStream(copied());
    const index = await TarIndex.read(bytes);
    await bytes.drain();
    return index;
  } finally {
    tar.destroy();
  }
}

function isZlibError(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && (code.startsWith('Z_') || code.startsWith('ZSTD_') || code === 'io');
}
