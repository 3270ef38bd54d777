import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeAll } from '../disk/file-contents.js';
import { diskError } from '../disk/upper.js';
import { ImageError, InvalidConfigError, isMicrosandboxError } from '../errors.js';
import { errnoOf } from '../host/native.js';
import { Archive } from './archive.js';
import { tarOfDirectory } from './directory-tar.js';
import { layerTypes, savedImages } from './docker-archive.js';
import { parseObject } from './layout.js';
import { bareConfig, MadeSource } from './made-source.js';
import { filesOfArchive, filesOfDirectory, type OciFiles, OciSource } from './oci-files.js';
import { formatReference, parseReference } from './reference.js';
import type { ImageSource } from './source.js';
import { openSpool, streamOf } from './spool.js';

interface LocalImage {
  /** The names that it has where it is, spelt out. */
  readonly names: readonly string[];
  /** A tag that a layout calls it by, without saying of what. */
  readonly tag?: string;
  readonly source: ImageSource;
}

const maxImages = 1000;

/**
 * The images that a path on this machine holds: an OCI image layout, a directory or an archive; an archive as `docker save` writes it; or
 * a directory or an archive that is a root file system itself, and so one image of one layer. Archives may be compressed with gzip or zstd.
 */
export class LocalImages implements AsyncDisposable {
  readonly #path: string;
  readonly #images: readonly LocalImage[];
  readonly #held: AsyncDisposable;

  private constructor(path: string, images: readonly LocalImage[], held: AsyncDisposable) {
    this.#path = path;
    this.#images = images;
    this.#held = held;
  }

  /**
   * Finds out what it is.
   *
   * @param work a directory for what has to be unpacked or packed; nothing of it outlives this.
   * @throws ImageError, also where it cannot be read; IoError where there is no room to work.
   */
  static async open(path: string, work: string): Promise<LocalImages> {
    try {
      return await LocalImages.#open(path, work);
    } catch (error) {
      const code = errnoOf(error);
      if (isMicrosandboxError(error) || code === undefined) throw error;
      if (code === 'ENOSPC' || code === 'EDQUOT') throw diskError(`${path} could not be unpacked`, error);
      throw new ImageError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
    }
  }

  static async #open(path: string, work: string): Promise<LocalImages> {
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found) throw new ImageError(`There is no image at ${path}.`);
    if (found.isDirectory()) {
      if (!existsSync(join(path, 'oci-layout'))) return await LocalImages.#ofRoot(path, work);
      return new LocalImages(path, await ociImages(filesOfDirectory(path)), nothingHeld);
    }
    if (!found.isFile()) throw new ImageError(`${path} is neither a directory nor a file, and so no image.`);
    const archive = await Archive.open(path, work);
    try {
      return new LocalImages(path, await imagesOf(archive), archive);
    } catch (error) {
      await archive[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * The images to take, each with the name to give it: all that have names there, or, where the caller has one, the image that has it
   * there, or its tag, and else the first, which then gets it.
   *
   * @throws InvalidConfigError where nobody gives one a name.
   */
  named(reference?: string): { readonly name: string; readonly source: ImageSource }[] {
    if (reference !== undefined) {
      const parsed = parseReference(reference);
      const name = formatReference(parsed);
      const chosen =
        this.#images.find(({ names }) => names.includes(name)) ??
        this.#images.find(({ tag }) => tag !== undefined && tag === parsed.tag) ??
        this.#images[0];
      if (!chosen) throw new ImageError(`${this.#path} has no image in it.`);
      return [{ name, source: chosen.source }];
    }
    const named = this.#images.flatMap(({ names, source }) => names.map((name) => ({ name, source })));
    if (named.length === 0)
      throw new InvalidConfigError(`No image in ${this.#path} has a name. Give it one: tag, or --tag.`);
    return named;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held[Symbol.asyncDispose]();
  }

  /** A directory that is a root file system: packed, so that there is a layer whose digest can be known. */
  static async #ofRoot(path: string, work: string): Promise<LocalImages> {
    const spool = await openSpool(work);
    try {
      const hash = createHash('sha256');
      let size = 0;
      for await (const chunk of tarOfDirectory(path)) {
        await writeAll(spool, chunk, size);
        hash.update(chunk);
        size += chunk.length;
      }
      const digest = `sha256:${hash.digest('hex')}`;
      const source = new MadeSource(path, {
        architecture: null,
        config: (architecture) => bareConfig(architecture, digest),
        layers: [
          {
            descriptor: { mediaType: layerTypes.none, digest, size },
            open: (offset) => streamOf(spool, offset, size - offset),
          },
        ],
      });
      return new LocalImages(path, [{ names: [], source }], spool);
    } catch (error) {
      await spool.close();
      throw error;
    }
  }
}

const nothingHeld: AsyncDisposable = { async [Symbol.asyncDispose]() {} };

async function imagesOf(archive: Archive): Promise<LocalImage[]> {
  if (archive.has('oci-layout') && archive.has('index.json')) return await ociImages(filesOfArchive(archive));
  if (archive.has('manifest.json')) {
    const saved = await savedImages(archive);
    return saved.map(({ tags, image }) => ({
      names: references(tags),
      source: new MadeSource(archive.path, image),
    }));
  }
  const { blob, content } = await archive.digests();
  const source = new MadeSource(archive.path, {
    architecture: null,
    config: (architecture) => bareConfig(architecture, content),
    layers: [
      {
        descriptor: { mediaType: layerTypes[archive.compression], digest: blob, size: archive.size },
        open: (offset) => archive.openAsItIs(offset),
      },
    ],
  });
  return [{ names: [], source }];
}

/** Manifests of one name are variants of one image, and so are those without. */
async function ociImages(files: OciFiles): Promise<LocalImage[]> {
  const marker = parseObject(await files.document('oci-layout'), `oci-layout of ${files.name}`);
  if (marker.imageLayoutVersion !== '1.0.0')
    throw new ImageError(`${files.name} is not an OCI image layout of version 1.0.0.`);
  const index = parseObject(await files.document('index.json'), `index.json of ${files.name}`);
  if (!Array.isArray(index.manifests) || index.manifests.length > maxImages)
    throw new ImageError(`index.json of ${files.name} is no list of manifests.`);
  const groups = new Map<string, unknown[]>();
  for (const manifest of index.manifests as unknown[]) {
    const { annotations } = (manifest ?? {}) as { readonly annotations?: Record<string, unknown> };
    const name =
      annotations?.['io.containerd.image.name'] ?? annotations?.['org.opencontainers.image.ref.name'] ?? '';
    const group = groups.get(String(name));
    if (group) group.push(manifest);
    else groups.set(String(name), [manifest]);
  }
  return [...groups].map(([name, manifests]) => ({
    names: references([name]),
    ...(!isWhole(name) && { tag: name }),
    source: new OciSource(files, manifests),
  }));
}

/** A layout may also call an image by a tag alone, such as `latest`. */
function isWhole(name: string): boolean {
  return /[:/]/.test(name);
}

/** Those that are whole names, spelt out. */
function references(names: readonly string[]): string[] {
  return names.flatMap((name) => {
    if (!isWhole(name)) return [];
    try {
      return [formatReference(parseReference(name))];
    } catch (error) {
      if (error instanceof InvalidConfigError) return [];
      throw error;
    }
  });
}
