import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import { ImageError } from '../errors.js';
import type { Archive } from './archive.js';
import {
  chooseVariant,
  type Descriptor,
  manifestTypes,
  maxDocumentBytes,
  maxIndexDepth,
  nestedTooDeep,
  parseObject,
} from './layout.js';
import type { ImageSource } from './source.js';

/** The files of an OCI image layout, wherever they are. */
export interface OciFiles {
  readonly name: string;
  document(path: string): Promise<Buffer>;
  open(path: string, offset: number): Promise<Readable>;
}

export function filesOfArchive(archive: Archive): OciFiles {
  return {
    name: archive.path,
    document: (path) => archive.document(path),
    open: async (path, offset) => archive.open(path, offset),
  };
}

export function filesOfDirectory(directory: string): OciFiles {
  const open = async (path: string, offset: number) => {
    const found = await stat(join(directory, path)).catch((cause: unknown) => {
      throw new ImageError(`${directory} has no file ${path}.`, { cause });
    });
    // A pipe would keep us waiting.
    if (!found.isFile()) throw new ImageError(`${path} of ${directory} is not a file.`);
    return createReadStream(join(directory, path), { start: offset });
  };
  return {
    name: directory,
    open,
    async document(path) {
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of (await open(path, 0)) as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > maxDocumentBytes)
          throw new ImageError(
            `${path} of ${directory} is longer than documents are: ${maxDocumentBytes} bytes.`,
          );
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    },
  };
}

/** One image of an OCI layout: what its index lists under one name. */
export class OciSource implements ImageSource {
  readonly name: string;
  readonly #files: OciFiles;
  readonly #manifests: readonly unknown[];

  constructor(files: OciFiles, manifests: readonly unknown[]) {
    this.name = files.name;
    this.#files = files;
    this.#manifests = manifests;
  }

  async manifest(architecture: string): Promise<Descriptor> {
    const what = `The image in ${this.name}`;
    let index: Record<string, unknown> = { manifests: this.#manifests };
    for (let depth = 0; depth < maxIndexDepth; depth++) {
      const chosen = chooseVariant(index, architecture, what);
      if (manifestTypes.includes(chosen.mediaType)) return chosen;
      index = await this.#index(chosen);
    }
    throw nestedTooDeep(what);
  }

  async open(blob: Descriptor, offset: number, signal: AbortSignal): Promise<Readable> {
    return addAbortSignal(signal, await this.#files.open(pathOf(blob), offset));
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #index(of: Descriptor): Promise<Record<string, unknown>> {
    const bytes = await this.#files.document(pathOf(of));
    const actual = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    if (actual !== of.digest || bytes.length !== of.size)
      throw new ImageError(
        `Blob ${of.digest} of ${this.name} is damaged: it holds ${bytes.length} bytes with digest ${actual}.`,
      );
    return parseObject(bytes, of.digest);
  }
}

function pathOf({ digest }: Descriptor): string {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
  if (!hex) throw new ImageError(`"${digest.slice(0, 100)}" is not a sha256 digest.`);
  return `blobs/sha256/${hex}`;
}
