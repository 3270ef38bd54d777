import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../host/native.js';
import { withLock } from '../store/locked.js';
import type { Patch } from '../store/record.js';
import { writeWhole } from '../store/whole-file.js';
import { readBaseFiles, readBaseTree } from './base-tree.js';
import { type BaseFile, type Change, changes, copyOf } from './editable-tree.js';
import { type BlobDirectory, type Descriptor, readConfig, readManifest } from './layout.js';
import { patchFailed } from './patch.js';
import { writeLayer } from './patch-layer.js';
import { digestOf, type ReadPatch, readPatches } from './patch-source.js';
import { applyPatches } from './patch-tree.js';
import { applySettings, type ImageSettings } from './settings.js';

/** What makes another image of one. */
export interface Derivation {
  /** Of its files, one after the other. */
  readonly patches?: readonly Patch[];
  /** Of its configuration. */
  readonly settings?: ImageSettings;
}

/** Raised when the same derivation comes to mean another image. */
const format = 1;

const lockTimeoutMs = 600_000;

/** What of the image's own files is read into memory, to be appended to. */
const maxAppendedBytes = 64 * 1024 * 1024;

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const configType = 'application/vnd.oci.image.config.v1+json';
const layerType = 'application/vnd.oci.image.layer.v1.tar';

/**
 * Images that were made of others, in a store's directory. One is found again by the base's manifest and by all that makes it another,
 * with the contents of what is copied; so whoever asks for the same has the same, and it is made once.
 */
export class DerivedImages {
  readonly #root: string;
  readonly #blobs: BlobDirectory;

  /** @param root where `blobs` are, and what is remembered of derived images. */
  constructor(root: string, blobs: BlobDirectory) {
    this.#root = root;
    this.#blobs = blobs;
  }

  /** The manifest of what `derivation` makes of a base, both of this store. @throws PatchFailedError, ImageError */
  async derive(base: Descriptor, { patches = [], settings = {} }: Derivation): Promise<Descriptor> {
    const read = await readPatches(patches);
    const key = createHash('sha256')
      .update(JSON.stringify([format, base.digest, digestOf(read), settings]))
      .digest('hex');
    const note = join(this.#root, 'derived', `${key}.json`);
    const known = () => this.#known(note);
    return (
      known() ??
      (await withLock(`${note}.lock`, lockTimeoutMs, async () => {
        const meanwhile = known();
        if (meanwhile) return meanwhile;
        const made = await this.#make(base, read, settings);
        writeWhole(note, `${JSON.stringify(made)}\n`);
        return made;
      }))
    );
  }

  /** @returns undefined where it is not known, or a part of it is damaged or gone since: then it is made again. */
  #known(note: string): Descriptor | undefined {
    try {
      const manifest = JSON.parse(readFileSync(note, 'utf8')) as Descriptor;
      const { config, layers } = readManifest(this.#blobs, manifest);
      readConfig(this.#blobs, config);
      return layers.every(({ digest }) => existsSync(this.#blobs.path(digest))) ? manifest : undefined;
    } catch (error) {
      const code = errnoOf(error) ?? '';
      if (/^E[A-Z]/.test(code) && code !== 'ENOENT') throw error; // the disk's, and not what is on it
      return undefined;
    }
  }

  async #make(base: Descriptor, patches: readonly ReadPatch[], settings: ImageSettings): Promise<Descriptor> {
    const layer = patches.length === 0 ? null : await this.#layer(base, patches);
    if (!layer && Object.keys(settings).length === 0) return base;
    const { config, layers } = readManifest(this.#blobs, base);
    const document = applySettings(this.#blobs.readDocument(config), settings);
    const made = this.#document(configType, layer ? withLayer(document, layer.digest) : document);
    return this.#document(manifestType, {
      schemaVersion: 2,
      mediaType: manifestType,
      config: made,
      layers: layer ? [...layers, layer] : layers,
      annotations: { 'org.opencontainers.image.base.digest': base.digest },
    });
  }

  /** @returns null where the patches come to nothing. */
  async #layer(base: Descriptor, patches: readonly ReadPatch[]): Promise<Descriptor | null> {
    const { config, layers } = readManifest(this.#blobs, base);
    const { diffIds } = readConfig(this.#blobs, config);
    const before = await readBaseTree(this.#blobs, layers, diffIds);
    const after = copyOf(before);
    applyPatches(after, patches);
    const told = [...changes(before, after)];
    const wanted = basePartsOf(told, patches);
    const contents = await readBaseFiles(this.#blobs, layers, wanted);
    mkdirSync(join(this.#root, 'blobs', 'sha256'), { recursive: true, mode: 0o700 });
    const unfinished = join(this.#root, 'blobs', 'sha256', `.new-${randomBytes(6).toString('hex')}`);
    try {
      const written = await writeLayer(unfinished, told, contents);
      if (!written) return null;
      renameSync(unfinished, this.#blobs.path(written.digest));
      return { mediaType: layerType, ...written };
    } finally {
      rmSync(unfinished, { force: true });
    }
  }

  #document(mediaType: string, document: object): Descriptor {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    mkdirSync(join(this.#root, 'blobs', 'sha256'), { recursive: true, mode: 0o700 });
    writeWhole(this.#blobs.path(digest), bytes);
    return { mediaType, digest, size: bytes.length };
  }
}

/** The files of the base that go into others. */
function basePartsOf(told: readonly Change[], patches: readonly ReadPatch[]): Set<BaseFile> {
  const wanted = new Set<BaseFile>();
  for (const change of told) {
    if (change.kind === 'gone' || change.node.kind !== 'file') continue;
    for (const part of change.node.parts) if (part.from === 'base') wanted.add(part.file);
  }
  const bytes = [...wanted].reduce((sum, { size }) => sum + size, 0);
  const appending = patches.find(({ patch }) => patch.kind === 'append');
  if (bytes > maxAppendedBytes && appending)
    throw patchFailed(
      appending,
      `the files of the image that are appended to are ${bytes} bytes long, and ${maxAppendedBytes} are the most`,
    );
  return wanted;
}

function withLayer(document: Record<string, unknown>, diffId: string): Record<string, unknown> {
  const rootfs = document.rootfs as { readonly diff_ids: readonly string[] };
  const { history } = document;
  return {
    ...document,
    rootfs: { ...rootfs, diff_ids: [...rootfs.diff_ids, diffId] },
    ...(Array.isArray(history) ? { history: [...history, { created_by: 'msbtest patches' }] } : {}),
  };
}
