import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ImageError } from '../errors.js';
import { native } from '../host/native.js';
import { sharedLock, withLock } from '../store/locked.js';
import { convertLayers } from './convert-layers.js';
import type { BlobDirectory, Descriptor } from './layout.js';
import type { PullListener } from './pull-progress.js';

/** Raised when the conversion changes, so that what an older version made is not taken for today's. */
const conversion = 3;

/** As long as the conversion of an image of many gigabytes takes. */
const lockTimeoutMs = 600_000;

/** Those that this process has asked for; each is locked for as long as it lives, since its machines need them. */
const inUse = new Set<string>();

/** The read-only roots that images boot from; one for each stack of layers, whatever the images that have it are called. */
export class RootFileSystems {
  readonly #root: string;
  readonly #blobs: BlobDirectory;

  /** @param root the directory of images. */
  constructor(root: string, blobs: BlobDirectory) {
    this.#root = root;
    this.#blobs = blobs;
  }

  /** Where that of a stack of layers is, or would be. @throws ImageError */
  path(diffIds: readonly string[]): string {
    return join(this.#root, 'rootfs', `${chainId(diffIds)}.${conversion}.squashfs`);
  }

  /** Its path; it is made at the first call, once however many ask. @throws what {@link convertLayers} throws; TimeoutError. */
  async make(
    layers: readonly Descriptor[],
    diffIds: readonly string[],
    {
      signal,
      onProgress,
    }: { readonly signal?: AbortSignal | undefined; readonly onProgress?: PullListener | undefined },
  ): Promise<string> {
    const path = this.path(diffIds);
    if (existsSync(path)) return path;
    const convert = async () => {
      if (existsSync(path)) return;
      onProgress?.({ kind: 'stitchMergingTrees', layerCount: layers.length });
      await convertLayers(this.#blobs, layers, diffIds, path, { signal });
      onProgress?.({ kind: 'stitchComplete' });
    };
    await withLock(`${path}.lock`, lockTimeoutMs, convert, signal);
    return path;
  }

  /** Says that this process needs one from now on. */
  async use(path: string): Promise<void> {
    if (inUse.has(path)) return;
    native.ownFd(await sharedLock(`${path}.use`, lockTimeoutMs));
    inUse.add(path);
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
