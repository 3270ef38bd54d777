import { mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { type BaseImage, baseImage } from '@msbtest/guest';
import { diskError } from '../disk/upper.js';
import { ImageError, ImageNotFoundError, IoError, MissingDependencyError, TimeoutError } from '../errors.js';
import { wallMs } from '../host/clock.js';
import type { Places } from '../host/paths.js';
import { withLock, withSharedLock } from '../store/locked.js';
import { BlobStore, downloadLockTimeoutMs, inParallel } from './blob-store.js';
import { type Derivation, DerivedImages } from './derived-image.js';
import { ImageNames, type StoredImage } from './image-names.js';
import { type ImagePruneReport, ImagePruner } from './image-pruner.js';
import { ImageUsers } from './image-users.js';
import {
  BlobDirectory,
  type Descriptor,
  findManifest,
  foreign,
  type ImageConfig,
  maxDocumentBytes,
  readConfig,
  readManifest,
} from './layout.js';
import { LayoutSource } from './layout-source.js';
import { LocalImages } from './local-images.js';
import type { PullListener, PullPolicy } from './pull-progress.js';
import { formatReference, type ImageReference, parseReference } from './reference.js';
import { RootFileSystems } from './root-file-systems.js';
import type { ImageSource } from './source.js';

export type { StoredImage } from './image-names.js';

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

/** How somebody wants an image to come. */
export interface TakeOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: PullListener | undefined;
}

export interface PrepareOptions extends TakeOptions {
  /** What is to be made of it. */
  readonly derivation?: Derivation | undefined;
}

export interface PullOptions extends TakeOptions {
  /** Default `if-missing`. */
  readonly policy?: PullPolicy | undefined;
  /** Opens the registry that a reference names. */
  readonly open: (reference: ImageReference) => ImageSource | Promise<ImageSource>;
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

const lockTimeoutMs = 600_000;

/** More at once bring nothing on one line, and registries refuse those who ask for much more. */
const downloadsAtOnce = 4;

/**
 * The images of this machine: content-addressed, shared by all sandboxes of all homes. The base image of `@msbtest/guest` is found
 * without having been loaded; one that somebody loads under its name takes its place.
 */
export class ImageStore {
  readonly #root: string;
  readonly #blobs: BlobDirectory;
  readonly #store: BlobStore;
  readonly #roots: RootFileSystems;
  readonly #names: ImageNames;
  readonly #users: ImageUsers;
  readonly #pruner: ImagePruner;
  readonly #base: BaseImage;
  readonly #derived: DerivedImages;

  constructor(places: Places, base = baseImage) {
    this.#root = join(places.cache, 'images');
    this.#blobs = new BlobDirectory(this.#root);
    this.#store = new BlobStore(this.#root, this.#blobs);
    this.#roots = new RootFileSystems(this.#root, this.#blobs);
    this.#names = new ImageNames(this.#root);
    this.#users = new ImageUsers(this.#root, places.home);
    this.#pruner = new ImagePruner(this.#root, this.#names, this.#users, (image) => {
      const description = this.describe(image);
      return { ...description, rootfs: this.#roots.path(description.config.diffIds) };
    });
    this.#base = base;
    this.#derived = new DerivedImages(this.#root, this.#blobs);
  }

  /**
   * Takes the images that a path holds, whatever it is: see {@link LocalImages}.
   *
   * @param reference takes one image only, by this name.
   * @throws ImageError, IoError, InvalidConfigError, TimeoutError; the signal's reason.
   */
  async load(path: string, reference?: string, options: TakeOptions = {}): Promise<StoredImage[]> {
    await using found = await LocalImages.open(path, join(this.#root, 'work'));
    const taken: StoredImage[] = [];
    for (const { name, source } of found.named(reference)) taken.push(await this.take(source, name, options));
    return taken;
  }

  /**
   * Takes an image from a source and names it, whatever has the name so far. Blobs that are here already are not asked for.
   *
   * @throws ImageError, IoError, TimeoutError; what the source throws; the signal's reason.
   */
  take(source: ImageSource, reference: string, options: TakeOptions = {}): Promise<StoredImage> {
    const name = formatReference(parseReference(reference));
    const take = () => this.#take(source, name, { ...options, explicit: true });
    return this.#replacing(name, () => this.#naming(name, take, options.signal));
  }

  /**
   * The image of a name, from its registry where the policy says so: with `if-missing` once, however many processes ask at once. The
   * package's base image is in no registry.
   *
   * @throws ImageNotFoundError, ImageError, HttpError, IoError, TimeoutError; the signal's reason.
   */
  async pull(
    reference: string,
    { policy = 'if-missing', open, ...options }: PullOptions,
  ): Promise<StoredImage> {
    const parsed = parseReference(reference);
    const name = formatReference(parsed);
    if (policy === 'never' || name === this.#base.reference) return this.find(name);
    const present = () => (policy === 'if-missing' ? this.#names.read(name) : undefined);
    const found = present();
    if (found) return found;
    options.onProgress?.({ kind: 'resolving', reference: name });
    const take = async () => {
      const meanwhile = present();
      if (meanwhile) return meanwhile;
      await using source = await open(parsed);
      return await this.#take(source, name, options);
    };
    return this.#replacing(name, () => this.#naming(name, take, options.signal));
  }

  /**
   * Forgets an image, and removes what belongs to no other and to no sandbox.
   *
   * @throws ImageNotFoundError; ImageInUseError when a sandbox needs it, unless `force`: then that keeps its root, and the name goes.
   */
  async remove(
    reference: string,
    { force = false }: { readonly force?: boolean | undefined } = {},
  ): Promise<void> {
    const name = formatReference(parseReference(reference));
    await withLock(this.#storeLock, lockTimeoutMs, async () => {
      const image = this.#names.read(name);
      if (!image) throw this.#unknown(name);
      this.#pruner.remove(image, force);
    });
  }

  /** Removes all images that no sandbox needs, and what belongs to none. Pulls that are under way are waited for. */
  prune(): Promise<ImagePruneReport> {
    return withLock(this.#storeLock, lockTimeoutMs, async () => this.#pruner.prune());
  }

  /** What an image consisted of that its name does not stand for any more goes, unless somebody is at work: then it goes another time. */
  async #replacing(name: string, work: () => Promise<StoredImage>): Promise<StoredImage> {
    const before = this.#names.read(name);
    const image = await work();
    if (before && before.manifest.digest !== image.manifest.digest) {
      await withLock(this.#storeLock, 0, async () => this.#pruner.sweep()).catch((error: unknown) => {
        if (!(error instanceof TimeoutError)) throw error;
      });
    }
    return image;
  }

  /** @throws ImageNotFoundError; MissingDependencyError when it is the base image and the package has none for this machine. */
  async find(reference: string): Promise<StoredImage> {
    const name = formatReference(parseReference(reference));
    if (name === this.#base.reference) return this.#findBase();
    const image = this.#names.read(name);
    if (image) return image;
    throw this.#unknown(name);
  }

  #unknown(name: string): ImageNotFoundError {
    const known = new Set([this.#base.reference, ...this.list().map((other) => other.reference)]);
    return new ImageNotFoundError(
      `There is no image ${name} on this machine. There are: ${[...known].join(', ')}. ` +
        'Pull it with `msbtest pull NAME`, or load it from a file with `msbtest load`.',
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
    return this.#names.list();
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
  async prepare(reference: string, { derivation, ...options }: PrepareOptions = {}): Promise<PreparedImage> {
    return withSharedLock(
      this.#storeLock,
      lockTimeoutMs,
      async () => {
        const image = await this.find(reference);
        const wanted = derivation ? await this.#derive(image, derivation) : image;
        const prepared = await this.#prepare(wanted, options);
        this.#users.note();
        await this.#roots.use(prepared.rootfs);
        this.#names.touch(image);
        return prepared;
      },
      options.signal,
    );
  }

  /** Names what a derivation makes of an image. @throws PatchFailedError, ImageError, ImageNotFoundError, IoError */
  build(reference: string, derivation: Derivation, as: string): Promise<StoredImage> {
    const name = formatReference(parseReference(as));
    const build = async () => {
      const { manifest } = await this.#derive(await this.find(reference), derivation);
      const createdAt = new Date(wallMs()).toISOString();
      const image: StoredImage = { reference: name, manifest, createdAt, explicit: true };
      await this.#prepare(image, {});
      return withLock(this.#names.lock(name), downloadLockTimeoutMs, async () => {
        const there = this.#names.read(name);
        if (there?.explicit && there.manifest.digest === manifest.digest) return there;
        this.#names.write(image);
        return image;
      });
    };
    return this.#replacing(name, () => withSharedLock(this.#storeLock, lockTimeoutMs, build));
  }

  async #derive(image: StoredImage, derivation: Derivation): Promise<StoredImage> {
    try {
      return { ...image, manifest: await this.#derived.derive(image.manifest, derivation) };
    } catch (error) {
      throw diskError(`What is derived of ${image.reference} could not be stored`, error);
    }
  }

  /** When it was last made ready for a sandbox. */
  lastUsed(image: StoredImage): Date | null {
    return this.#names.lastUsed(image);
  }

  async #prepare(image: StoredImage, options: TakeOptions): Promise<PreparedImage> {
    const { config: configDescriptor, layers } = readManifest(this.#blobs, image.manifest);
    const config = readConfig(this.#blobs, configDescriptor);
    try {
      const rootfs = await this.#roots.make(layers, config.diffIds, options);
      return { reference: image.reference, digest: image.manifest.digest, rootfs, config };
    } catch (error) {
      throw diskError(`The root file system of ${image.reference} could not be made`, error);
    }
  }

  /** The package's base image, loaded if the store has another build of it or none; unless somebody loaded one under its name. */
  async #findBase(): Promise<StoredImage> {
    const { layout, reference } = this.#base;
    const image = this.#names.read(reference);
    if (image?.explicit) return image;
    const manifest = this.baseManifest();
    const isCurrent = (found: StoredImage) => found.explicit || found.manifest.digest === manifest.digest;
    if (image && isCurrent(image)) return image;
    return this.#naming(reference, async () => {
      const meanwhile = this.#names.read(reference);
      if (meanwhile && isCurrent(meanwhile)) return meanwhile;
      await using source = new LayoutSource(layout);
      return await this.#take(source, reference, {});
    });
  }

  /** One at a time decides what an image's name stands for; nothing is cleared away meanwhile. */
  #naming<T>(name: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const named = () => withLock(this.#names.lock(name), downloadLockTimeoutMs, work, signal);
    return withSharedLock(this.#storeLock, lockTimeoutMs, named, signal);
  }

  async #take(
    source: ImageSource,
    reference: string,
    { explicit, signal, onProgress }: TakeOptions & { explicit?: boolean },
  ): Promise<StoredImage> {
    const architecture = hostArchitecture();
    const manifest = await source.manifest(architecture, signal);
    const never = new AbortController().signal;
    await this.#takeDocument(source, manifest, signal ?? never);
    const { config, layers } = readManifest(this.#blobs, manifest);
    const missing = distinct(layers).filter(({ blob }) => !this.#store.has(blob));
    const totalDownloadBytes = missing.reduce((sum, { blob }) => sum + blob.size, 0);
    onProgress?.({
      kind: 'resolved',
      reference,
      manifestDigest: manifest.digest,
      layerCount: layers.length,
      totalDownloadBytes,
    });
    await this.#takeDocument(source, config, signal ?? never);
    const { architecture: actual, os } = readConfig(this.#blobs, config);
    if (actual !== architecture || os !== 'linux')
      throw foreign(`The image in ${source.name}`, architecture, [`${os}/${actual}`]);
    this.#expectRoom(reference, totalDownloadBytes);
    await inParallel(missing, downloadsAtOnce, signal, async ({ blob, layerIndex }, either) => {
      const about = { layerIndex, digest: blob.digest };
      await this.#store.take(source, blob, {
        signal: either,
        onBytes: (downloadedBytes) =>
          onProgress?.({ kind: 'layerDownloadProgress', ...about, downloadedBytes, totalBytes: blob.size }),
      });
      onProgress?.({ kind: 'layerDownloadComplete', ...about, downloadedBytes: blob.size });
    });
    const createdAt = new Date(wallMs()).toISOString();
    const image: StoredImage = { reference, manifest, createdAt, ...(explicit ? { explicit } : {}) };
    await this.#prepare(image, { signal, onProgress }); // before it has a name: an image that cannot be booted is not in the store
    this.#names.write(image);
    onProgress?.({ kind: 'complete', reference, layerCount: layers.length });
    return image;
  }

  async #takeDocument(source: ImageSource, document: Descriptor, signal: AbortSignal): Promise<void> {
    if (document.size > maxDocumentBytes)
      throw new ImageError(
        `Document ${document.digest} of ${source.name} is said to have ${document.size} bytes; documents end at ${maxDocumentBytes}.`,
      );
    await this.#store.take(source, document, { signal });
  }

  /** An image that cannot fit is not begun. */
  #expectRoom(reference: string, bytes: number): void {
    this.#makeDirectory('blobs/sha256');
    const { bavail, bsize } = statfsSync(this.#root);
    if (bytes <= bavail * bsize) return;
    throw new IoError(
      `${reference} has ${bytes} bytes to download, and the disk of ${this.#root} has ${bavail * bsize} left. Free some space ` +
        '(`msbtest prune` removes what no sandbox uses), or put MSB_CACHE on another disk.',
    );
  }

  get #storeLock(): string {
    return join(this.#root, 'store.lock');
  }

  #makeDirectory(name: string): void {
    mkdirSync(join(this.#root, name), { recursive: true, mode: 0o700 });
  }
}

/** Each blob once, with the first layer that it is. */
function distinct(layers: readonly Descriptor[]): { blob: Descriptor; layerIndex: number }[] {
  const first = new Map<string, { blob: Descriptor; layerIndex: number }>();
  for (const [layerIndex, blob] of layers.entries())
    if (!first.has(blob.digest)) first.set(blob.digest, { blob, layerIndex });
  return [...first.values()];
}

function hostArchitecture(): string {
  return architectures[process.arch] ?? process.arch;
}
