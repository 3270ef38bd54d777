import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeReadOnlyImage } from '../disk/read-only-image.js';
import { diskError } from '../disk/upper.js';
import { ImageError, ImageNotFoundError } from '../errors.js';
import { errnoOf } from '../host/native.js';
import type { Places } from '../host/paths.js';
import { withLock } from '../store/locked.js';
import { writeWhole } from '../store/whole-file.js';
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

/** The images of this machine: content-addressed, shared by all sandboxes of all homes. */
export class ImageStore {
  readonly #root: string;
  readonly #blobs: BlobDirectory;

  constructor(places: Places) {
    this.#root = join(places.cache, 'images');
    this.#blobs = new BlobDirectory(this.#root);
  }

  /** Takes an image from an OCI layout directory and names it. Blobs that are here already are not copied again. */
  async load(layout: string, reference: string): Promise<StoredImage> {
    const name = formatReference(parseReference(reference));
    const source = new BlobDirectory(layout);
    const manifest = findManifest(layout, hostArchitecture());
    const { config, layers } = readManifest(source, manifest);
    readConfig(source, config);
    for (const blob of [...layers, config, manifest]) this.#take(source, blob);
    const stored: StoredImage = { reference: name, manifest, createdAt: new Date().toISOString() };
    await this.#prepare(stored); // before it has a name: an image that cannot be booted is not in the store
    this.#makeDirectory('refs');
    writeWhole(this.#referencePath(name), `${JSON.stringify(stored, null, 2)}\n`);
    return stored;
  }

  /** @throws ImageNotFoundError */
  find(reference: string): StoredImage {
    const name = formatReference(parseReference(reference));
    try {
      return JSON.parse(readFileSync(this.#referencePath(name), 'utf8')) as StoredImage;
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT')
        throw new ImageError(`The record of image ${name} is damaged.`, { cause: error });
      const known = this.list().map((image) => image.reference);
      throw new ImageNotFoundError(
        `There is no image ${name} on this machine. ${known.length ? `There are: ${known.join(', ')}.` : 'There are none yet.'} ` +
          'Load one from an OCI layout with Image.load or `msbtest load DIRECTORY --tag NAME`.',
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

  /** The image as something to boot; the root file system is made at the first call, once however many ask. */
  async prepare(reference: string): Promise<PreparedImage> {
    return this.#prepare(this.find(reference));
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

  #take(source: BlobDirectory, blob: Descriptor): void {
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
