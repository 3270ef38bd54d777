import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { ImageError } from '../errors.js';
import { wallMs } from '../host/clock.js';
import { errnoOf } from '../host/native.js';
import { writeWhole } from '../store/whole-file.js';
import type { Descriptor } from './layout.js';

/** An image in the local store. */
export interface StoredImage {
  readonly reference: string;
  readonly manifest: Descriptor;
  readonly createdAt: string;
  /** Whether somebody loaded it, rather than this store by itself, from `@msbtest/guest` or a registry. */
  readonly explicit?: boolean;
}

/** What the names of images stand for: a file for each, whose time says when it was last used. */
export class ImageNames {
  readonly #directory: string;

  constructor(root: string) {
    this.#directory = join(root, 'refs');
  }

  /** @throws ImageError */
  read(name: string): StoredImage | undefined {
    try {
      return JSON.parse(readFileSync(this.#path(name), 'utf8')) as StoredImage;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw new ImageError(`The record of image ${name} is damaged.`, { cause: error });
    }
  }

  list(): StoredImage[] {
    try {
      return readdirSync(this.#directory)
        .filter((name) => name.endsWith('.json'))
        .map((name) => JSON.parse(readFileSync(join(this.#directory, name), 'utf8')) as StoredImage)
        .sort((a, b) => a.reference.localeCompare(b.reference));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  write(image: StoredImage): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    writeWhole(this.#path(image.reference), `${JSON.stringify(image, null, 2)}\n`);
  }

  remove({ reference }: StoredImage): void {
    rmSync(this.#path(reference), { force: true });
  }

  /** The lock of whoever decides what a name stands for. */
  lock(name: string): string {
    return `${this.#path(name)}.lock`;
  }

  touch({ reference }: StoredImage): void {
    const now = wallMs() / 1000;
    utimesSync(this.#path(reference), now, now);
  }

  lastUsed({ reference }: StoredImage): Date | null {
    return statSync(this.#path(reference), { throwIfNoEntry: false })?.mtime ?? null;
  }

  #path(name: string): string {
    return join(this.#directory, `${createHash('sha256').update(name).digest('hex').slice(0, 32)}.json`);
  }
}
