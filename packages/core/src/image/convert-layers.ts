import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { withAccessLists } from '../disk/access-lists.js';
import { ReadOnlyImage } from '../disk/read-only-image.js';
import { ImageError, isMicrosandboxError } from '../errors.js';
import { isError } from '../host/any-realm.js';
import { errnoOf } from '../host/native.js';
import { ByteStream } from './byte-stream.js';
import { decompress, layerCompression } from './decompress.js';
import type { TreeLimits } from './layer-tree.js';
import { LayerTree } from './layer-tree.js';
import type { BlobDirectory, Descriptor } from './layout.js';
import { TarReader } from './tar-reader.js';

/** What an image may come to. */
export interface ConversionLimits extends TreeLimits {
  /** Bytes that its layers unpack to, all together. */
  readonly layerBytes: number;
  /** Bytes of all files, zeros that no layer holds counted too. */
  readonly fileBytes: number;
  /** A layer that unpacks to more than this … */
  readonly bombBytes: number;
  /** … may be at most this many times as large as its blob. Text comes to ten; zeros, in gzip, to a thousand. */
  readonly bombRatio: number;
}

export const conversionLimits: ConversionLimits = {
  entries: 1_000_000,
  textBytes: 256 * 1024 ** 2,
  layerBytes: 64 * 1024 ** 3,
  fileBytes: 1024 ** 4,
  bombBytes: 4 * 1024 ** 3,
  bombRatio: 200,
};

export interface ConversionOptions {
  readonly limits?: ConversionLimits | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes one read-only image of a stack of layers, lowest first. Each is read once, and memory does not grow with its content. The file
 * appears at `path` when it is whole.
 *
 * @param diffIds the digests of the uncompressed layers; each is checked.
 * @throws ImageError where a layer is damaged, hostile, not what its digest says, or beyond the limits; the signal's reason.
 */
export async function convertLayers(
  blobs: BlobDirectory,
  layers: readonly Descriptor[],
  diffIds: readonly string[],
  path: string,
  { limits = conversionLimits, signal }: ConversionOptions = {},
): Promise<void> {
  if (layers.length !== diffIds.length)
    throw new ImageError(`The image has ${layers.length} layers but ${diffIds.length} diff ids.`);
  for (const { mediaType } of layers) layerCompression(mediaType);
  await using image = await ReadOnlyImage.create(path);
  const conversion = new Conversion(image, limits, signal);
  for (const [index, layer] of layers.entries()) {
    const diffId = await conversion.add(blobs, layer);
    if (diffId !== diffIds[index])
      throw new ImageError(`Layer ${layer.digest} unpacks to ${diffId}; its image says ${diffIds[index]}.`);
  }
  await conversion.finish();
}

class Conversion {
  readonly #image: ReadOnlyImage;
  readonly #limits: ConversionLimits;
  readonly #signal: AbortSignal | undefined;
  readonly #tree: LayerTree;
  #layerBytes = 0;
  #fileBytes = 0;

  constructor(image: ReadOnlyImage, limits: ConversionLimits, signal: AbortSignal | undefined) {
    this.#image = image;
    this.#signal = signal;
    this.#limits = limits;
    this.#tree = new LayerTree(limits);
  }

  /** @returns the digest of the uncompressed layer. */
  async add(blobs: BlobDirectory, layer: Descriptor): Promise<string> {
    const unpacked = decompress(blobs.open(layer) as Readable, layerCompression(layer.mediaType));
    const hash = createHash('sha256');
    try {
      const bytes = new ByteStream(this.#measured(unpacked, layer, (chunk) => hash.update(chunk)));
      await this.#addEntries(new TarReader(bytes));
      await bytes.drain(); // what is behind the archive's end belongs to the digest too
    } catch (error) {
      this.#signal?.throwIfAborted();
      throw this.#about(layer, error);
    } finally {
      unpacked.destroy();
    }
    return `sha256:${hash.digest('hex')}`;
  }

  async finish(): Promise<void> {
    await this.#image.finish(withAccessLists(this.#tree.root));
  }

  async #addEntries(archive: TarReader): Promise<void> {
    this.#tree.beginLayer();
    const { contents } = this.#image;
    for (let entry = await archive.next(); entry; entry = await archive.next()) {
      const inode = this.#tree.add(entry);
      if (inode?.kind !== 'file') continue;
      this.#fileBytes += entry.size;
      if (this.#fileBytes > this.#limits.fileBytes)
        throw new ImageError(
          `its files and those of the layers below have more than ${this.#limits.fileBytes} bytes`,
        );
      contents.begin();
      for (let piece = await archive.read(); piece !== null; piece = await archive.read()) {
        if (typeof piece === 'number') await contents.writeZeros(piece);
        else await contents.write(piece);
      }
      inode.content = await contents.end();
    }
  }

  async *#measured(
    unpacked: Readable,
    layer: Descriptor,
    look: (chunk: Buffer) => void,
  ): AsyncGenerator<Buffer> {
    const { layerBytes, bombBytes, bombRatio } = this.#limits;
    let bytes = 0;
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      this.#signal?.throwIfAborted();
      bytes += chunk.length;
      this.#layerBytes += chunk.length;
      if (this.#layerBytes > layerBytes)
        throw new ImageError(`it and the layers below unpack to more than ${layerBytes} bytes`);
      if (bytes > bombBytes && bytes > layer.size * bombRatio)
        throw new ImageError(
          `it unpacks to more than ${bombRatio} times its own size, as a decompression bomb does`,
        );
      look(chunk);
      yield chunk;
    }
  }

  /** Names the layer; what is the host's fault rather than the layer's stays what it is. */
  #about(layer: Descriptor, error: unknown): unknown {
    if (isMicrosandboxError(error) && error.code !== 'image' && error.code !== 'io') return error;
    const code = errnoOf(error);
    if (error instanceof ImageError && error.message.includes(layer.digest)) return error;
    if (code?.startsWith('E') && !code.startsWith('ERR_')) return error;
    const why = isError(error) ? error.message : String(error);
    return new ImageError(
      error instanceof ImageError
        ? `Layer ${layer.digest}: ${why}.`
        : `Layer ${layer.digest} is damaged: ${why}`,
      { cause: error },
    );
  }
}
