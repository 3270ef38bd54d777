import { environmentFrom } from '../engine/environment.js';
import type { ImagePruneReport } from '../image/image-pruner.js';
import type { ImageDescription, ImageStore, StoredImage } from '../image/image-store.js';
import { DerivedImageBuilder } from './derived-image-builder.js';

/** An image in the local store. */
export class ImageHandle {
  readonly reference: string;
  readonly manifestDigest: string;
  readonly createdAt: Date;
  /** When a sandbox was last made of it; of one that was never used, when it came. Null when it is gone. */
  readonly lastUsedAt: Date | null;

  readonly #describe: () => ImageDescription;

  /** @internal */
  constructor(
    image: StoredImage,
    lastUsedAt: Date | null,
    describe: (image: StoredImage) => ImageDescription,
  ) {
    this.lastUsedAt = lastUsedAt;
    this.#describe = () => describe(image);
    this.reference = image.reference;
    this.manifestDigest = image.manifest.digest;
    this.createdAt = new Date(image.createdAt);
  }

  /** Bytes of its layers as they are stored, compressed as they came. @throws ImageError where the store is damaged; so do the next. */
  get sizeBytes(): number {
    return this.#describe().layers.reduce((sum, { size }) => sum + size, 0);
  }
  get layerCount(): number {
    return this.#describe().layers.length;
  }
  /** As OCI images name it, such as `amd64`. */
  get architecture(): string {
    return this.#describe().config.architecture;
  }
  get os(): string {
    return this.#describe().config.os;
  }
}

/** What an image's own configuration says; null where it says nothing. */
export interface ImageConfigDetail {
  readonly digest: string;
  readonly env: readonly string[];
  readonly cmd: readonly string[] | null;
  readonly entrypoint: readonly string[] | null;
  readonly workingDir: string | null;
  readonly user: string | null;
  readonly labels: Readonly<Record<string, unknown>> | null;
  readonly stopSignal: string | null;
}

export interface ImageLayerDetail {
  /** Of its tar. */
  readonly diffId: string;
  /** Of what is stored. */
  readonly blobDigest: string;
  readonly mediaType: string;
  readonly compressedSizeBytes: number;
  /** Layers have no file system of their own here. */
  readonly erofsSizeBytes: null;
  /** 0 is the lowest. */
  readonly position: number;
}

export interface ImageDetail {
  readonly handle: ImageHandle;
  readonly config: ImageConfigDetail;
  readonly layers: readonly ImageLayerDetail[];
}

/** The images of this machine. */
export const Image = {
  /** @throws ImageNotFoundError */
  async get(reference: string): Promise<ImageHandle> {
    const { images } = environmentFrom();
    return handleOf(images, await images.find(reference));
  },

  /** What an image's configuration says, and its layers, the lowest first. @throws ImageNotFoundError, ImageError */
  async inspect(reference: string): Promise<ImageDetail> {
    const { images } = environmentFrom();
    const image = await images.find(reference);
    const { configDigest, config, layers } = images.describe(image);
    const { env, cmd, entrypoint, workingDir, user, labels, stopSignal } = config;
    return {
      handle: handleOf(images, image),
      config: { digest: configDigest, env, cmd, entrypoint, workingDir, user, labels, stopSignal },
      layers: layers.map(({ digest, mediaType, size }, position) => ({
        diffId: config.diffIds[position] ?? '',
        blobDigest: digest,
        mediaType,
        compressedSizeBytes: size,
        erofsSizeBytes: null,
        position,
      })),
    };
  },

  async list(): Promise<ImageHandle[]> {
    const { images } = environmentFrom();
    return images.list().map((image) => handleOf(images, image));
  },

  /** Makes another image of one that is here, without a Dockerfile; {@link DerivedImageBuilder.build} gives it its name. */
  from(reference: string): DerivedImageBuilder {
    const { images } = environmentFrom();
    return new DerivedImageBuilder(async (derivation, name) =>
      handleOf(images, await images.build(reference, derivation, name)),
    );
  },

  /**
   * Forgets an image and removes what belongs to no other.
   *
   * @param options.force also when a sandbox needs it; that keeps its root, and can be started as before. Default false.
   * @throws ImageNotFoundError, ImageInUseError
   */
  async remove(reference: string, options: { force?: boolean } = {}): Promise<void> {
    await environmentFrom().images.remove(reference, options);
  },

  /**
   * Removes the images that no sandbox needs, of whatever home, running or not; and what was left of pulls that have not ended. What a
   * process has used that still lives stays until another time. Pulls that are under way are waited for, 600,000 ms at the most.
   *
   * @throws TimeoutError
   */
  async prune(): Promise<ImagePruneReport> {
    return environmentFrom().images.prune();
  },

  /**
   * Takes the images that a path holds into the store: an OCI image layout (a directory or an archive), an archive of `docker save`, or a
   * directory or an archive that is a root file system itself. Archives may be compressed, with gzip or zstd.
   *
   * @param options `tag` takes one image, and under that name: the one that has it there, else the first. Without it all come that have
   *   names, under those.
   * @throws ImageError; InvalidConfigError where no image has a name.
   */
  async load(inputPath: string, { tag }: { tag?: string } = {}): Promise<ImageHandle[]> {
    const { images } = environmentFrom();
    return (await images.load(inputPath, tag)).map((image) => handleOf(images, image));
  },
};

function handleOf(images: ImageStore, image: StoredImage): ImageHandle {
  return new ImageHandle(image, images.lastUsed(image), (one) => images.describe(one));
}
