import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { ImageError } from '../errors.js';
import { BlobDirectory, type Descriptor, findManifest } from './layout.js';
import type { ImageSource } from './source.js';

/** An OCI image layout directory. */
export class LayoutSource implements ImageSource {
  readonly name: string;
  readonly #blobs: BlobDirectory;

  constructor(path: string) {
    this.name = path;
    this.#blobs = new BlobDirectory(path);
  }

  async manifest(architecture: string): Promise<Descriptor> {
    return findManifest(this.name, architecture);
  }

  async open(blob: Descriptor, offset: number, signal: AbortSignal): Promise<Readable> {
    const path = this.#blobs.path(blob.digest);
    const found = await stat(path).catch((cause: unknown) => {
      throw new ImageError(`The layout ${this.name} lacks blob ${blob.digest}.`, { cause });
    });
    // A pipe would keep us waiting.
    if (!found.isFile()) throw new ImageError(`Blob ${blob.digest} of ${this.name} is not a file.`);
    return addAbortSignal(signal, createReadStream(path, { start: offset }));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
