import { IoError, OutputLimitError } from '../errors.js';
import type { FsOptions } from './fs-types.js';

const defaultLimitBytes = 8 * 1024 ** 3;
/** Far more than anybody's tree has; a guest that makes them up must come to an end. */
const entriesLimit = 1_000_000;
const depthLimit = 512;

/** How far a copy has come. */
export interface CopyProgress {
  /** What is being copied: its path on the side that it comes from. */
  readonly path: string;
  /** Files, directories and links that are there so far. */
  readonly entries: number;
  /** Bytes of files so far, holes not counted. */
  readonly bytes: number;
}

export interface CopyOptions extends FsOptions {
  /** Told after each entry, and after each piece of a long one. */
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
  /** Bytes of files that are copied at the most, holes not counted; default 8 GiB. */
  readonly limitBytes?: number | undefined;
}

/** Counts what is copied, tells of it, and ends what would have no end. @internal */
export class CopyTally {
  readonly #options: CopyOptions;
  #entries = 0;
  #bytes = 0;

  constructor(options: CopyOptions) {
    this.#options = options;
  }

  /** @throws OutputLimitError; the signal's reason. */
  piece(path: string, bytes: number): void {
    const limit = this.#options.limitBytes ?? defaultLimitBytes;
    this.#bytes += bytes;
    if (this.#bytes > limit)
      throw new OutputLimitError(
        `The copy has come to more than ${limit} bytes at ${path}. { limitBytes } allows more.`,
      );
    this.#tell(path);
  }

  /** @throws OutputLimitError; the signal's reason. */
  entry(path: string): void {
    if (++this.#entries > entriesLimit)
      throw new OutputLimitError(`The copy has come to more than ${entriesLimit} entries at ${path}.`);
    this.#tell(path);
  }

  /** @throws OutputLimitError */
  checkDepth(path: string, depth: number): void {
    if (depth > depthLimit)
      throw new OutputLimitError(
        `${path.slice(0, 200)}… is more than ${depthLimit} directories deep, the most that are copied.`,
      );
  }

  #tell(path: string): void {
    this.#options.signal?.throwIfAborted();
    this.#options.onProgress?.({ path, entries: this.#entries, bytes: this.#bytes });
  }
}

/** What this host refuses, as an error that says what was being done. @internal @throws IoError */
export async function onHost<T>(what: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (typeof code !== 'string' || !(error as { syscall?: unknown }).syscall) throw error;
    throw new IoError(`This host could not ${what} ${path}: ${(error as Error).message}`, { cause: error });
  }
}
