import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Found, readSquashfs } from '../disk/squashfs.test.support.js';
import { type ConversionLimits, convertLayers } from './convert-layers.js';
import { BlobDirectory, type Descriptor } from './layout.js';

export const tarType = 'application/vnd.oci.image.layer.v1.tar';

export const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A directory of blobs, and conversions of what is in it. */
export class Workbench {
  readonly blobs: BlobDirectory;
  readonly output: string;

  constructor(root: string) {
    mkdirSync(join(root, 'blobs/sha256'), { recursive: true });
    mkdirSync(join(root, 'out'));
    this.blobs = new BlobDirectory(root);
    this.output = join(root, 'out');
  }

  store(bytes: Buffer, mediaType = tarType): Descriptor {
    const digest = digestOf(bytes);
    writeFileSync(this.blobs.path(digest), bytes);
    return { mediaType, digest, size: bytes.length };
  }

  /** What tars add up to, by path. */
  async tree(layers: readonly Buffer[], limits?: ConversionLimits): Promise<Map<string, Found>> {
    return this.convert(
      layers.map((layer) => this.store(layer)),
      layers.map(digestOf),
      limits,
    );
  }

  async convert(
    layers: readonly Descriptor[],
    diffIds: readonly string[],
    limits?: ConversionLimits,
  ): Promise<Map<string, Found>> {
    const path = join(this.output, 'image.squashfs');
    await convertLayers(this.blobs, layers, diffIds, path, limits);
    return readSquashfs(path);
  }
}

/** A tree as lines to compare: kind, path, and what makes it what it is. Modes, owners and times are not in it. */
export function lines(tree: ReadonlyMap<string, Found>): string[] {
  const first = new Map<number, string>();
  const seen: string[] = [];
  for (const [path, { kind, content, target, device, inode }] of tree) {
    const known = first.get(inode);
    if (known !== undefined) seen.push(`link ${path} = ${known}`);
    else {
      first.set(inode, path);
      if (kind === 'directory') seen.push(`${path}/`);
      else if (kind === 'file') seen.push(`${path} "${content.toString('latin1')}"`);
      else if (kind === 'symlink') seen.push(`${path} -> ${target}`);
      else seen.push(`${kind} ${path}${device && ` ${device}`}`);
    }
  }
  return seen.filter((line) => line !== '/').sort();
}
