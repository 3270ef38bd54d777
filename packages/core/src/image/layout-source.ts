import { createReadStream } from 'node:fs';
import { addAbortSignal, type Readable } from 'node:stream';
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
    return addAbortSignal(signal, createReadStream(this.#blobs.path(blob.digest), { start: offset }));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
