import { createHash, type Hash } from 'node:crypto';
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { diskError } from '../disk/upper.js';
import { ImageError, isMicrosandboxError } from '../errors.js';
import { withLock } from '../store/locked.js';
import type { BlobDirectory, Descriptor } from './layout.js';
import type { ImageSource } from './source.js';

/** Who waits for another process's download waits as long as a big layer may take over a slow line. */
export const downloadLockTimeoutMs = 3_600_000;

export interface TakeBlobOptions {
  readonly signal: AbortSignal;
  /** Hears how many bytes of it are here, each time that there are more. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Puts blobs into a store, each once however many processes want it. What is being received is in `<blob>.part`; it becomes the blob
 * when all of it is there and has the digest, and stays for the next attempt when the source fails on the way.
 */
export class BlobStore {
  readonly #blobs: BlobDirectory;
  readonly #locks: string;

  constructor(root: string, blobs: BlobDirectory) {
    this.#blobs = blobs;
    this.#locks = join(root, 'locks');
  }

  /** Whether it is here. Its digest was checked when it came; one that a power cut has shortened does not count. */
  has(blob: Descriptor): boolean {
    return sizeOf(this.#blobs.path(blob.digest)) === blob.size;
  }

  /**
   * Takes a blob from a source, unless it is here already.
   *
   * @throws ImageError when the source has other bytes than the descriptor says, and then nothing of them is kept; IoError; what the
   *   source throws; the signal's reason.
   */
  async take(source: ImageSource, blob: Descriptor, { signal, onBytes }: TakeBlobOptions): Promise<void> {
    const target = this.#blobs.path(blob.digest);
    if (this.has(blob)) return;
    const lock = join(this.#locks, blob.digest.replace(':', '-'));
    await withLock(
      lock,
      downloadLockTimeoutMs,
      async () => {
        if (this.has(blob)) return;
        try {
          await receive(source, blob, target, { signal, onBytes });
        } catch (error) {
          signal.throwIfAborted();
          throw diskError(`Blob ${blob.digest} could not be stored`, error);
        }
      },
      signal,
    );
  }
}

async function receive(
  source: ImageSource,
  blob: Descriptor,
  target: string,
  options: TakeBlobOptions,
): Promise<void> {
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  const path = `${target}.part`;
  try {
    await using part = await PartialBlob.open(path, blob);
    const begun = part.length > 0;
    try {
      await part.fill(source, options);
    } catch (error) {
      if (!(begun && error instanceof ImageError)) throw error;
      await part.clear(); // what was there was wrong, perhaps, and not what came
      await part.fill(source, options);
    }
    await part.sync();
    await rename(path, target);
  } catch (error) {
    // What was received so far is worth something only if the rest may come.
    if (error instanceof ImageError || sizeOf(path) === 0) rmSync(path, { force: true });
    throw error;
  }
}

/** What is there of a blob that is being received. */
class PartialBlob implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #blob: Descriptor;
  #length = 0;
  #hash: Hash = createHash('sha256');

  private constructor(file: FileHandle, blob: Descriptor) {
    this.#file = file;
    this.#blob = blob;
  }

  /** Opens it, and reads what an earlier attempt has left: a hash's state cannot be kept otherwise. */
  static async open(path: string, blob: Descriptor): Promise<PartialBlob> {
    const part = new PartialBlob(await open(path, 'a+', 0o600), blob);
    try {
      if ((await part.#file.stat()).size > blob.size) await part.clear();
      else await part.#rehash();
      return part;
    } catch (error) {
      await part[Symbol.asyncDispose]();
      throw error;
    }
  }

  get length(): number {
    return this.#length;
  }

  async #rehash(): Promise<void> {
    const chunk = Buffer.allocUnsafe(1 << 20);
    for (;;) {
      const { bytesRead } = await this.#file.read(chunk, 0, chunk.length, this.#length);
      if (bytesRead === 0) return;
      this.#hash.update(chunk.subarray(0, bytesRead));
      this.#length += bytesRead;
    }
  }

  async clear(): Promise<void> {
    await this.#file.truncate(0);
    this.#length = 0;
    this.#hash = createHash('sha256');
  }

  /** Takes what is missing. @throws ImageError when it is not the blob then. */
  async fill(source: ImageSource, { signal, onBytes }: TakeBlobOptions): Promise<void> {
    const { digest, size } = this.#blob;
    if (this.#length < size || size === 0) {
      for await (const chunk of await source.open(this.#blob, this.#length, signal)) {
        signal.throwIfAborted();
        const bytes = chunk as Buffer;
        if (this.#length + bytes.length > size)
          throw new ImageError(`${source.name} sends more for blob ${digest} than its ${size} bytes.`);
        await this.#file.appendFile(bytes);
        this.#hash.update(bytes);
        this.#length += bytes.length;
        onBytes?.(this.#length);
      }
      signal.throwIfAborted();
    }
    if (this.#length < size)
      throw new ImageError(
        `${source.name} sends ${this.#length} bytes for blob ${digest} instead of ${size}.`,
      );
    const actual = `sha256:${this.#hash.copy().digest('hex')}`;
    if (actual !== digest)
      throw new ImageError(
        `${source.name} sends something else for blob ${digest}: its digest is ${actual}.`,
      );
  }

  /** Before it gets its name: a name must not outlive a power cut that the content does not. */
  sync(): Promise<void> {
    return this.#file.datasync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}

/** Runs `work` for each item, `width` at a time. The first failure aborts the others, and is thrown when they have ended. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  signal: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const either = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const rest = items.values();
  let failure: { readonly error: unknown } | undefined;
  const worker = async () => {
    for (const item of rest) {
      if (either.aborted) return;
      try {
        await work(item, either);
      } catch (error) {
        failure ??= { error };
        failed.abort(isMicrosandboxError(error) ? error : undefined);
      }
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  signal?.throwIfAborted();
  if (failure) throw failure.error;
}
