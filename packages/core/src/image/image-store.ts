import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type BaseImage, baseImage } from '@msbtest/guest';
import { writeReadOnlyImage } from '../disk/read-only-image.js';
import { diskError } from '../disk/upper.js';
import { ImageError, ImageNotFoundError, MissingDependencyError } from '../errors.js';
import { wallMs } from '../host/clock.js';
import { errnoOf } from '../host/native.js';
import type { Places } from '../host/paths.js';
import { withLock } from '../store/locked.js';
import { writeWhole } from '../store/whole-file.js';
import { type Derivation, DerivedImages } from './derived-image.js';
import {
  BlobDirectory,
  type Descriptor,
  findManifest,
  type ImageConfig,
  readConfig,
  readManifest,
} from './layout.js';
import { mergeLayers } from './merge-layers.js';
import { formatReference, parseReference } from './reference.js';

/** An image in the local store. */
export interface StoredImage {
  readonly reference: string;
  readonly manifest: Descriptor;
  readonly createdAt: string;
  /** Whether somebody loaded it, rather than this store by itself from `@msbtest/guest`. */
  readonly explicit?: boolean;
}

/** What an image consists of. */
export interface ImageDescription {
  readonly configDigest: string;
  readonly config: ImageConfig;
  /** As they are stored, the lowest first. */
  readonly layers: readonly Descriptor[];
}

/** What a sandbox needs of its image. */
export interface PreparedImage {
  readonly reference: string;
  readonly digest: string;
  /** The read-only root file system. */
  readonly rootfs: string;
  readonly config: ImageConfig;
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Raised when the conversion changes, so that what an older version made is not taken for today's. */
const conversion = 1;

const lockTimeoutMs = 600_000;

/**
 * The images of this machine: content-addressed, shared by all sandboxes of all homes. The base image of `@msbtest/guest` is found
 * without having been loaded; one that somebody loads under its name takes its place.
 */
export class ImageStore {
  readonly #root: string;
  readonly #blobs: BlobDirectory;
  readonly #base: BaseImage;
  readonly #derived: DerivedImages;

  constructor(places: Places, base = baseImage) {
    this.#root = join(places.cache, 'images');
    this.#blobs = new BlobDirectory(this.#root);
    this.#base = base;
    this.#derived = new DerivedImages(this.#root, this.#blobs);
  }

  /** Takes an image from an OCI layout directory and names it. Blobs that are here already are not copied again. */
  async load(layout: string, reference: string): Promise<StoredImage> {
    const name = formatReference(parseReference(reference));
    const manifest = findManifest(layout, hostArchitecture());
    return this.#naming(name, () => this.#take(layout, { ...stored(name, manifest), explicit: true }));
  }

  /** @throws ImageNotFoundError; MissingDependencyError when it is the base image and the package has none for this machine. */
  async find(reference: string): Promise<StoredImage> {
    const name = formatReference(parseReference(reference));
    if (name === this.#base.reference) return this.#findBase();
    const image = this.#read(name);
    if (image) return image;
    const known = new Set([this.#base.reference, ...this.list().map((other) => other.reference)]);
    throw new ImageNotFoundError(
      `There is no image ${name} on this machine. There are: ${[...known].join(', ')}. ` +
        'Load one from an OCI layout with Image.load or `msbtest load DIRECTORY --tag NAME`.',
    );
  }

  /** Of the package's base image, loaded or not. @throws MissingDependencyError */
  baseManifest(): Descriptor {
    try {
      return findManifest(this.#base.layout, hostArchitecture());
    } catch (error) {
      throw new MissingDependencyError(
        `The package @msbtest/guest has no base image for this machine. ${(error as Error).message} In a checkout, npm start ` +
          `makes it; elsewhere install the package again, or load an image as ${this.#base.reference}.`,
        { cause: error },
      );
    }
  }

  list(): StoredImage[] {
    try {
      return readdirSync(join(this.#root, 'refs'))
        .filter((name) => name.endsWith('.json'))
        .map((name) => JSON.parse(readFileSync(join(this.#root, 'refs', name), 'utf8')) as StoredImage)
        .sort((a, b) => a.reference.localeCompare(b.reference));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  /** What an image consists of. @throws ImageError where that is damaged. */
  describe(image: StoredImage): ImageDescription {
    const { config, layers } = readManifest(this.#blobs, image.manifest);
    return { configDigest: config.digest, config: readConfig(this.#blobs, config), layers };
  }

  /**
   * The image as something to boot, or what a derivation makes of it, which has no name then; the root file system is made at the first
   * call, once however many ask.
   */
  async prepare(reference: string, derivation?: Derivation): Promise<PreparedImage> {
    const image = await this.find(reference);
    return this.#prepare(derivation ? await this.#derive(image, derivation) : image);
  }

  /** Names what a derivation makes of an image. @throws PatchFailedError, ImageError, ImageNotFoundError */
  async build(reference: string, derivation: Derivation, name: string): Promise<StoredImage> {
    const { manifest } = await this.#derive(await this.find(reference), derivation);
    const image = { ...stored(formatReference(parseReference(name)), manifest), explicit: true };
    await this.#prepare(image);
    return this.#naming(image.reference, async () => {
      const there = this.#read(image.reference);
      return there?.explicit && there.manifest.digest === manifest.digest ? there : this.#name(image);
    });
  }

  async #derive(image: StoredImage, derivation: Derivation): Promise<StoredImage> {
    try {
      return { ...image, manifest: await this.#derived.derive(image.manifest, derivation) };
    } catch (error) {
      throw diskError(`What is derived of ${image.reference} could not be stored`, error);
    }
  }

  async #prepare(image: StoredImage): Promise<PreparedImage> {
    const { config: configDescriptor, layers } = readManifest(this.#blobs, image.manifest);
    const config = readConfig(this.#blobs, configDescriptor);
    const chain = chainId(config.diffIds);
    const rootfs = join(this.#root, 'rootfs', `${chain}.${conversion}.squashfs`);
    if (!existsSync(rootfs)) {
      await withLock(`${rootfs}.lock`, lockTimeoutMs, async () => {
        if (existsSync(rootfs)) return;
        try {
          await writeReadOnlyImage(await mergeLayers(this.#blobs, layers, config.diffIds), rootfs);
        } catch (error) {
          throw diskError(`The root file system of ${image.reference} could not be made`, error);
        }
      });
    }
    return { reference: image.reference, digest: image.manifest.digest, rootfs, config };
  }

  /** The package's base image, loaded if the store has another build of it or none; unless somebody loaded one under its name. */
  async #findBase(): Promise<StoredImage> {
    const { layout, reference } = this.#base;
    const image = this.#read(reference);
    if (image?.explicit) return image;
    const manifest = this.baseManifest();
    const isCurrent = (found: StoredImage) => found.explicit || found.manifest.digest === manifest.digest;
    if (image && isCurrent(image)) return image;
    return this.#naming(reference, async () => {
      const meanwhile = this.#read(reference);
      if (meanwhile && isCurrent(meanwhile)) return meanwhile;
      return this.#take(layout, stored(reference, manifest));
    });
  }

  #read(name: string): StoredImage | undefined {
    try {
      return JSON.parse(readFileSync(this.#referencePath(name), 'utf8')) as StoredImage;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw new ImageError(`The record of image ${name} is damaged.`, { cause: error });
    }
  }

  /** One at a time decides what an image's name stands for. */
  #naming<T>(name: string, work: () => Promise<T>): Promise<T> {
    return withLock(`${this.#referencePath(name)}.lock`, lockTimeoutMs, work);
  }

  async #take(layout: string, image: StoredImage): Promise<StoredImage> {
    const source = new BlobDirectory(layout);
    const { config, layers } = readManifest(source, image.manifest);
    readConfig(source, config);
    for (const blob of [...layers, config, image.manifest]) this.#copy(source, blob);
    await this.#prepare(image); // before it has a name: an image that cannot be booted is not in the store
    return this.#name(image);
  }

  #name(image: StoredImage): StoredImage {
    this.#makeDirectory('refs');
    writeWhole(this.#referencePath(image.reference), `${JSON.stringify(image, null, 2)}\n`);
    return image;
  }

  #copy(source: BlobDirectory, blob: Descriptor): void {
    const target = this.#blobs.path(blob.digest);
    if (existsSync(target)) return;
    this.#makeDirectory('blobs/sha256');
    const unfinished = `${target}.new-${randomBytes(6).toString('hex')}`;
    try {
      copyFileSync(source.path(blob.digest), unfinished);
      renameSync(unfinished, target);
    } catch (error) {
      rmSync(unfinished, { force: true });
      if (errnoOf(error) === 'ENOENT')
        throw new ImageError(`The layout lacks blob ${blob.digest}.`, { cause: error });
      throw diskError(`Blob ${blob.digest} could not be stored`, error);
    }
  }

  #makeDirectory(name: string): void {
    mkdirSync(join(this.#root, name), { recursive: true, mode: 0o700 });
  }

  #referencePath(name: string): string {
    return join(this.#root, 'refs', `${createHash('sha256').update(name).digest('hex').slice(0, 32)}.json`);
  }
}

const stored = (reference: string, manifest: Descriptor): StoredImage => ({
  reference,
  manifest,
  createdAt: new Date(wallMs()).toISOString(),
});

/** The name of a stack of layers, as the OCI specification defines it: a digest over the digests. */
function chainId(diffIds: readonly string[]): string {
  const chain = diffIds.reduce(
    (below, id) =>
      below === '' ? id : `sha256:${createHash('sha256').update(`${below} ${id}`).digest('hex')}`,
    '',
  );
  const hex = /^sha256:([0-9a-f]{64})$/.exec(chain)?.[1];
  if (!hex) throw new ImageError('The image has no layers, or diff ids that are not sha256 digests.');
  return hex;
}

function hostArchitecture(): string {
  return architectures[process.arch] ?? process.arch;
}
