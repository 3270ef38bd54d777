import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Header, pack } from 'tar-stream';
import { readBaseFiles, readBaseTree } from './base-tree.js';
import { DerivedImages } from './derived-image.js';
import type { BaseFile, Directory } from './editable-tree.js';
import { BlobDirectory, type Descriptor, readConfig, readManifest } from './layout.js';

export type Entry = Partial<Header> & { name: string; content?: string };

/** A store's directory with images that a test makes entry by entry. */
export class TestImages {
  readonly path: string;
  readonly blobs: BlobDirectory;
  readonly images: DerivedImages;

  constructor(path: string) {
    this.path = path;
    mkdirSync(join(path, 'blobs/sha256'), { recursive: true });
    this.blobs = new BlobDirectory(path);
    this.images = new DerivedImages(path, this.blobs);
  }

  /** Puts an image of one layer into the store. */
  async of(entries: readonly Entry[], config: object = {}): Promise<Descriptor> {
    const layer = this.#blob(await tarOf(entries), 'application/vnd.oci.image.layer.v1.tar');
    const rootfs = { type: 'layers', diff_ids: [layer.digest] };
    const document = { architecture: 'amd64', os: 'linux', rootfs, config };
    const of = this.#blob(json(document), 'application/vnd.oci.image.config.v1+json');
    const manifest = { schemaVersion: 2, config: of, layers: [layer] };
    return this.#blob(json(manifest), 'application/vnd.oci.image.manifest.v1+json');
  }

  /** What an image has in it: each path with its kind, mode, owner and content or target. */
  async contentsOf(image: Descriptor): Promise<Record<string, string>> {
    const { config, layers } = readManifest(this.blobs, image);
    const { diffIds } = readConfig(this.blobs, config);
    const files = new Map<string, BaseFile>();
    const found: Record<string, string> = {};
    const note = (directory: Directory, prefix: string) => {
      for (const [name, node] of directory.children) {
        const path = `${prefix}${name}`;
        if (node.kind === 'special') found[path] = 'special';
        else if (node.kind === 'symlink') found[path] = `-> ${node.target}`;
        else if (node.kind === 'directory') {
          found[path] = `d${node.attributes.mode.toString(8)}`;
          note(node, `${path}/`);
        } else {
          const [part] = node.parts;
          if (part?.from !== 'base') throw new Error('an image’s files are its own');
          files.set(path, part.file);
          found[path] = `f${node.attributes.mode.toString(8)} ${node.attributes.uid} @${path}`;
        }
      }
    };
    note(await readBaseTree(this.blobs, layers, diffIds), '');
    const contents = await readBaseFiles(this.blobs, layers, new Set(files.values()));
    const shown = (what: string) =>
      what.replace(/@(.*)$/, (_, name: string) =>
        JSON.stringify(contents.get(files.get(name) as BaseFile)?.toString()),
      );
    return Object.fromEntries(Object.entries(found).map(([path, what]) => [path, shown(what)]));
  }

  #blob(bytes: Buffer, mediaType: string): Descriptor {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    writeFileSync(this.blobs.path(digest), bytes);
    return { mediaType, digest, size: bytes.length };
  }
}

const json = (value: object) => Buffer.from(JSON.stringify(value));

async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const stream = pack();
  for (const { content, ...header } of entries)
    stream.entry({ mtime: new Date(0), ...header }, content ?? '');
  stream.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
