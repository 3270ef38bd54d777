import { createHash } from 'node:crypto';
import { addAbortSignal, Readable } from 'node:stream';
import { ImageError } from '../errors.js';
import { type Descriptor, foreign } from './layout.js';
import type { ImageSource } from './source.js';

/** A layer that somebody hands out. */
export interface MadeLayer {
  readonly descriptor: Descriptor;
  readonly open: (offset: number) => Readable;
}

/** What a source without a manifest has instead of one. */
export interface MadeImage {
  /** Of the variant that there is; null where any will do. */
  readonly architecture: string | null;
  /** The configuration's bytes. */
  readonly config: (architecture: string) => Buffer;
  /** Lowest first. */
  readonly layers: readonly MadeLayer[];
}

/** A source whose manifest is made up: by the same parts, always the same. */
export class MadeSource implements ImageSource {
  readonly name: string;
  readonly #image: MadeImage;
  readonly #documents = new Map<string, Buffer>();

  constructor(name: string, image: MadeImage) {
    this.name = name;
    this.#image = image;
  }

  async manifest(architecture: string): Promise<Descriptor> {
    const { architecture: own, config, layers } = this.#image;
    if (own !== null && own !== architecture) throw foreign(this.name, architecture, [`linux/${own}`]);
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = {
      schemaVersion: 2,
      mediaType,
      config: this.#document('application/vnd.oci.image.config.v1+json', config(architecture)),
      layers: layers.map(({ descriptor }) => descriptor),
    };
    return this.#document(mediaType, Buffer.from(JSON.stringify(manifest)));
  }

  async open({ digest }: Descriptor, offset: number, signal: AbortSignal): Promise<Readable> {
    const document = this.#documents.get(digest);
    if (document) return Readable.from([document.subarray(offset)]);
    const layer = this.#image.layers.find(({ descriptor }) => descriptor.digest === digest);
    if (!layer) throw new ImageError(`${this.name} has no blob ${digest}.`);
    return addAbortSignal(signal, layer.open(offset));
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #document(mediaType: string, bytes: Buffer): Descriptor {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    this.#documents.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }
}

/** The configuration of an image that has none: one layer, and nothing said of how to run it. */
export function bareConfig(architecture: string, diffId: string): Buffer {
  const rootfs = { type: 'layers', diff_ids: [diffId] };
  return Buffer.from(JSON.stringify({ architecture, os: 'linux', config: {}, rootfs }));
}
