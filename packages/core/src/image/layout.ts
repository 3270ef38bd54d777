import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ImageError } from '../errors.js';

/** A content descriptor of the OCI image specification. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture?: string; readonly os?: string; readonly variant?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** What of an image's configuration concerns a sandbox. */
export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly diffIds: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string | null;
  readonly user: string | null;
  /** The command that it was made for, both in a row. */
  readonly entrypoint: readonly string[] | null;
  readonly cmd: readonly string[] | null;
  readonly labels: Readonly<Record<string, unknown>> | null;
  readonly stopSignal: string | null;
}

export const manifestTypes: readonly string[] = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
export const indexTypes: readonly string[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];

/** Manifests and configurations are small; what claims to be larger is not one. */
export const maxDocumentBytes = 4 * 1024 * 1024;
const maxLayers = 500;
export const maxIndexDepth = 4;

/** Blobs by digest, as an image layout and our own store both keep them: `blobs/sha256/<hex>`. */
export class BlobDirectory {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  path(digest: string): string {
    const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
    if (!hex) throw new ImageError(`"${digest}" is not a sha256 digest.`);
    return join(this.#root, 'blobs', 'sha256', hex);
  }

  /** Reads a JSON document and checks it against its digest and size. */
  readDocument(descriptor: Descriptor): Record<string, unknown> {
    const bytes = readBounded(this.path(descriptor.digest), descriptor.digest);
    const actual = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    if (actual !== descriptor.digest || bytes.length !== descriptor.size) {
      throw new ImageError(
        `Blob ${descriptor.digest} is damaged: it holds ${bytes.length} bytes with digest ${actual}.`,
      );
    }
    return parseObject(bytes, descriptor.digest);
  }

  /** A layer's bytes as they are stored; the reader checks them. */
  open(descriptor: Descriptor): NodeJS.ReadableStream {
    const path = this.path(descriptor.digest);
    try {
      const { size } = statSync(path);
      if (size !== descriptor.size) {
        throw new ImageError(
          `Blob ${descriptor.digest} is ${size} bytes long; its manifest says ${descriptor.size}.`,
        );
      }
    } catch (error) {
      if (error instanceof ImageError) throw error;
      throw new ImageError(`Blob ${descriptor.digest} is missing: ${path}`, { cause: error });
    }
    return createReadStream(path);
  }
}

/** The manifest for this machine's architecture in an OCI image layout directory. */
export function findManifest(layout: string, architecture: string): Descriptor {
  const marker = parseObject(readBounded(join(layout, 'oci-layout'), 'oci-layout'), 'oci-layout');
  if (marker.imageLayoutVersion !== '1.0.0') {
    throw new ImageError(`${layout} is not an OCI image layout of version 1.0.0.`);
  }
  const blobs = new BlobDirectory(layout);
  let index = parseObject(readBounded(join(layout, 'index.json'), 'index.json'), 'index.json');
  for (let depth = 0; depth < maxIndexDepth; depth++) {
    const chosen = chooseVariant(index, architecture, `The image in ${layout}`);
    if (manifestTypes.includes(chosen.mediaType)) return chosen;
    index = blobs.readDocument(chosen);
  }
  throw nestedTooDeep(`The image in ${layout}`);
}

/**
 * Of what an index lists, the manifest or the further index for an architecture.
 *
 * @param what how messages call the image.
 * @throws ImageError where there is none; it says which there are.
 */
export function chooseVariant(
  index: Record<string, unknown>,
  architecture: string,
  what: string,
): Descriptor {
  const listed = array(index.manifests, 'manifests').map((entry) => descriptor(entry, 'a manifest'));
  const exact = listed.filter(
    ({ platform }) => platform?.os === 'linux' && platform.architecture === architecture,
  );
  // A processor's later variants come after the one that all of its kind can run.
  const plain = exact.find(({ platform }) => baseVariants.includes(platform?.variant));
  const chosen = plain ?? exact[0] ?? listed.find(({ platform }) => !platform?.architecture);
  if (!chosen) throw foreign(what, architecture, listed.map(platformOf));
  if (!manifestTypes.includes(chosen.mediaType) && !indexTypes.includes(chosen.mediaType))
    throw new ImageError(
      `${what} is of the type ${quoted(chosen.mediaType)}, which is not known here: neither a manifest nor an index.`,
    );
  return chosen;
}

const baseVariants: readonly (string | undefined)[] = [undefined, '', 'v1', 'v8'];

/** @param available such as `linux/arm64`. */
export function foreign(what: string, architecture: string, available: readonly string[]): ImageError {
  const real = [...new Set(available)].filter((platform) => platform !== 'unknown/unknown');
  return new ImageError(
    `${what} has no variant for linux/${architecture}. ${real.length > 0 ? `There is ${real.slice(0, 20).join(', ')}.` : 'There is none at all.'}`,
  );
}

export function nestedTooDeep(what: string): ImageError {
  return new ImageError(`${what} nests indexes more than ${maxIndexDepth} deep.`);
}

function platformOf({ platform }: Descriptor): string {
  const { os, architecture, variant } = platform ?? {};
  return [os, architecture, variant]
    .filter((part) => typeof part === 'string' && part !== '')
    .join('/')
    .replaceAll(/[^\w./-]/g, '?')
    .slice(0, 60);
}

/** What somebody else wrote, short and without control characters, for a message. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}

export function readManifest(blobs: BlobDirectory, of: Descriptor): Manifest {
  const document = blobs.readDocument(of);
  const layers = array(document.layers, 'layers').map((layer) => descriptor(layer, 'a layer'));
  if (layers.length > maxLayers)
    throw new ImageError(`The image has ${layers.length} layers; ${maxLayers} are allowed.`);
  return { config: descriptor(document.config, 'the configuration'), layers };
}

export function readConfig(blobs: BlobDirectory, of: Descriptor): ImageConfig {
  const document = blobs.readDocument(of);
  const rootfs = object(document.rootfs, 'rootfs');
  const config = document.config === undefined ? {} : object(document.config, 'config');
  const texts = (name: string) =>
    config[name] == null
      ? null
      : array(config[name], `config.${name}`).map((entry) => text(entry, `config.${name}`));
  return {
    architecture: text(document.architecture, 'architecture'),
    os: text(document.os, 'os'),
    diffIds: array(rootfs.diff_ids, 'rootfs.diff_ids').map((id) => text(id, 'a diff id')),
    env: texts('Env') ?? [],
    workingDir: config.WorkingDir ? text(config.WorkingDir, 'config.WorkingDir') : null,
    user: config.User ? text(config.User, 'config.User') : null,
    entrypoint: texts('Entrypoint'),
    cmd: texts('Cmd'),
    labels: config.Labels == null ? null : object(config.Labels, 'config.Labels'),
    stopSignal: config.StopSignal ? text(config.StopSignal, 'config.StopSignal') : null,
  };
}

function readBounded(path: string, what: string): Buffer {
  try {
    const { size } = statSync(path);
    if (size > maxDocumentBytes)
      throw new ImageError(`${what} is ${size} bytes long; documents end at ${maxDocumentBytes}.`);
    return readFileSync(path);
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw new ImageError(`${what} cannot be read: ${path}`, { cause: error });
  }
}

/** @throws ImageError when it is not a JSON object. */
export function parseObject(bytes: Uint8Array, what: string): Record<string, unknown> {
  try {
    return object(JSON.parse(Buffer.from(bytes).toString('utf8')), what);
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw new ImageError(`${what} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

function descriptor(value: unknown, what: string): Descriptor {
  const fields = object(value, what);
  const size = fields.size;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw new ImageError(`The size of ${what} is no size.`);
  return { ...fields, mediaType: text(fields.mediaType, what), digest: text(fields.digest, what), size };
}

function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ImageError(`${what} is not a JSON object.`);
  return value as Record<string, unknown>;
}

function array(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new ImageError(`${what} is not a JSON array.`);
  return value;
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string')
    throw new ImageError(`${what} lacks a text where the specification has one.`);
  return value;
}
