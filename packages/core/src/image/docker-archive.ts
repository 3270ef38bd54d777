import { ImageError } from '../errors.js';
import { type Archive, digest } from './archive.js';
import { type Compression, detectCompression } from './decompress.js';
import { parseObject } from './layout.js';
import type { MadeImage, MadeLayer } from './made-source.js';

/** What `docker save` writes of an image. */
interface SavedImage {
  readonly config: string;
  readonly tags: readonly string[];
  readonly layers: readonly string[];
}

const maxImages = 1000;
const maxLayers = 500;

export const layerTypes: Readonly<Record<Compression, string>> = {
  none: 'application/vnd.oci.image.layer.v1.tar',
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
};

/** The images of a `docker save` archive, with the names that it gives them. @throws ImageError */
export async function savedImages(
  archive: Archive,
): Promise<{ readonly tags: readonly string[]; readonly image: MadeImage }[]> {
  const list = parseList(await archive.document('manifest.json'), `manifest.json of ${archive.path}`);
  const digests = new Map<string, Promise<string>>();
  return await Promise.all(
    list.map(async (saved) => ({ tags: saved.tags, image: await imageOf(archive, saved, digests) })),
  );
}

async function imageOf(
  archive: Archive,
  { config: path, layers: paths }: SavedImage,
  digests: Map<string, Promise<string>>,
): Promise<MadeImage> {
  const config = await archive.document(path);
  const what = `${path} of ${archive.path}`;
  const document = parseObject(config, what);
  const rootfs = document.rootfs as { readonly diff_ids?: unknown } | undefined;
  const diffIds = Array.isArray(rootfs?.diff_ids) ? (rootfs.diff_ids as unknown[]) : [];
  if (diffIds.length !== paths.length)
    throw new ImageError(`${what} names ${diffIds.length} layers, and manifest.json ${paths.length}.`);
  const layers: MadeLayer[] = [];
  for (const [index, layer] of paths.entries()) {
    const compression = detectCompression(await archive.head(layer));
    const size = archive.sizeOf(layer);
    const diffId = diffIds[index];
    // A layer as it is has the digest that the configuration says; whoever stores it finds out if it has not.
    let found =
      compression === 'none' && typeof diffId === 'string' ? Promise.resolve(diffId) : digests.get(layer);
    if (!found) {
      found = digest(archive.open(layer, 0));
      digests.set(layer, found);
    }
    layers.push({
      descriptor: { mediaType: layerTypes[compression], digest: await found, size },
      open: (offset) => archive.open(layer, offset),
    });
  }
  const { architecture } = document;
  return {
    architecture: typeof architecture === 'string' ? architecture : null,
    config: () => config,
    layers,
  };
}

function parseList(bytes: Buffer, what: string): SavedImage[] {
  let list: unknown;
  try {
    list = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new ImageError(`${what} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  if (!Array.isArray(list) || list.length > maxImages) throw new ImageError(`${what} is no list of images.`);
  return list.map((entry: unknown) => {
    const { Config: config, RepoTags: tags, Layers: layers } = (entry ?? {}) as Record<string, unknown>;
    if (
      typeof config !== 'string' ||
      !isTexts(layers) ||
      layers.length > maxLayers ||
      !(tags == null || isTexts(tags))
    )
      throw new ImageError(`${what} has an image without a configuration or without layers.`);
    return { config: bytesOf(config), tags: tags ?? [], layers: layers.map(bytesOf) };
  });
}

/** Names in archives are bytes, one character for each. */
function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
