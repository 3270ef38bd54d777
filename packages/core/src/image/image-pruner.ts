import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ImageError, ImageInUseError } from '../errors.js';
import { errnoOf, native } from '../host/native.js';
import type { ImageNames, StoredImage } from './image-names.js';
import type { ImageDescription } from './image-store.js';
import type { ImageUsers } from './image-users.js';

/** What was cleared away. */
export interface ImagePruneReport {
  readonly imageRefsRemoved: number;
  readonly manifestsRemoved: number;
  readonly layersRemoved: number;
  /** Root file systems, made of layers. */
  readonly rootsRemoved: number;
  /** Formats of `microsandbox` that there are none of here. */
  readonly fsmetaRemoved: 0;
  readonly vmdkRemoved: 0;
  readonly bytesReclaimed: number;
}

interface Needs {
  readonly blobs: Set<string>;
  readonly roots: Set<string>;
}

/** What an image consists of, and the file that its root is in. */
export type Describe = (image: StoredImage) => ImageDescription & { readonly rootfs: string };

/**
 * Clears away what nobody needs. Whoever uses it holds the store's lock alone: nothing comes meanwhile, and whatever has come has a name
 * or is nobody's.
 */
export class ImagePruner {
  readonly #root: string;
  readonly #names: ImageNames;
  readonly #users: ImageUsers;
  readonly #describe: Describe;

  constructor(root: string, names: ImageNames, users: ImageUsers, describe: Describe) {
    this.#root = root;
    this.#names = names;
    this.#users = users;
    this.#describe = describe;
  }

  /** Removes all images that no sandbox needs, and then what belongs to none. */
  prune(): ImagePruneReport {
    const used = new Set(this.#users.sandboxes().map(({ image }) => image.rootfs));
    const idle = this.#names.list().filter((image) => {
      const rootfs = this.#described(image)?.rootfs;
      return rootfs === undefined || !(used.has(rootfs) || isHeld(rootfs));
    });
    const manifests = new Set(idle.map(({ manifest }) => manifest.digest));
    for (const image of idle) this.#names.remove(image);
    for (const { manifest } of this.#names.list()) manifests.delete(manifest.digest);
    return { ...this.sweep(), imageRefsRemoved: idle.length, manifestsRemoved: manifests.size };
  }

  /** @throws ImageInUseError unless `force`; a sandbox keeps its root in any case. */
  remove(image: StoredImage, force: boolean): void {
    const users = this.#users
      .sandboxes()
      .filter(
        ({ image: used }) => used.reference === image.reference && used.digest === image.manifest.digest,
      );
    if (users.length > 0 && !force) {
      const names = users.map(({ config }) => `"${config.name}"`);
      throw new ImageInUseError(
        `Image ${image.reference} is needed by ${names.length === 1 ? 'the sandbox' : 'the sandboxes'} ${names.slice(0, 10).join(', ')}` +
          `${names.length > 10 ? ` and ${names.length - 10} more` : ''}. Remove them first, or use force.`,
      );
    }
    this.#names.remove(image);
    this.sweep();
  }

  /** Removes what belongs to no image and no sandbox: blobs, roots, what was left half-made, locks that nobody can be waiting for. */
  sweep(): ImagePruneReport {
    const needs = this.#needs();
    let bytes = 0;
    let layers = 0;
    let roots = 0;
    for (const [path, name] of this.#files('blobs/sha256')) {
      if (needs.blobs.has(name)) continue;
      layers += /^[0-9a-f]{64}$/.test(name) ? 1 : 0;
      bytes += removed(path);
    }
    for (const [path, name] of this.#files('rootfs')) {
      const root = path.replace(/\.(?:lock|use|new-.*)$/, '');
      if (needs.roots.has(root) || isHeld(root)) continue;
      roots += name.endsWith('.squashfs') ? 1 : 0;
      bytes += removed(path);
    }
    for (const [path] of this.#files('locks')) removed(path);
    // What is remembered of derived images whose parts have gone.
    for (const [path] of this.#files('derived')) if (!needs.blobs.has(manifestOf(path))) removed(path);
    return {
      imageRefsRemoved: 0,
      manifestsRemoved: 0,
      layersRemoved: layers,
      rootsRemoved: roots,
      fsmetaRemoved: 0,
      vmdkRemoved: 0,
      bytesReclaimed: bytes,
    };
  }

  #needs(): Needs {
    const blobs = new Set<string>();
    const roots = new Set(this.#users.sandboxes().map(({ image }) => image.rootfs));
    for (const image of this.#names.list()) {
      const described = this.#described(image);
      const digests = [
        image.manifest.digest,
        described?.configDigest,
        ...(described?.layers ?? []).map(({ digest }) => digest),
      ];
      for (const digest of digests) if (digest !== undefined) blobs.add(digest.replace(/^sha256:/, ''));
      if (described) roots.add(described.rootfs);
    }
    return { blobs, roots };
  }

  /** undefined for an image that is damaged: then nothing is known of what it needs. */
  #described(image: StoredImage): ReturnType<Describe> | undefined {
    try {
      return this.#describe(image);
    } catch (error) {
      if (error instanceof ImageError) return undefined;
      throw error;
    }
  }

  #files(directory: string): [path: string, name: string][] {
    try {
      const names = readdirSync(join(this.#root, directory));
      return names.map((name) => [join(this.#root, directory, name), name]);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  }
}

/** Whether a process that lives has asked for a root file system. */
function isHeld(rootfs: string): boolean {
  const path = `${rootfs}.use`;
  if (!existsSync(path)) return false;
  const fd = native.tryLockFile(path);
  if (fd === null) return true;
  native.closeFd(fd);
  return false;
}

/** Of a derived image; nothing where it is not to be read, or a lock, which nobody can be waiting for. */
function manifestOf(note: string): string {
  try {
    const { digest } = JSON.parse(readFileSync(note, 'utf8')) as { digest?: unknown };
    return String(digest).replace(/^sha256:/, '');
  } catch {
    return '';
  }
}

function removed(path: string): number {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  rmSync(path, { force: true });
  return bytes;
}
