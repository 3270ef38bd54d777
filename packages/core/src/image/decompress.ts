import { pipeline, type Readable, type Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ImageError } from '../errors.js';
import { filterTool } from '../host/filter-tool.js';

export type Compression = 'none' | 'gzip' | 'zstd';

const layerTypes: Readonly<Record<string, Compression>> = {
  'application/vnd.oci.image.layer.v1.tar': 'none',
  'application/vnd.oci.image.layer.v1.tar+gzip': 'gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd': 'zstd',
  'application/vnd.docker.image.rootfs.diff.tar': 'none',
  'application/vnd.docker.image.rootfs.diff.tar.gzip': 'gzip',
  'application/vnd.docker.image.rootfs.diff.tar.zstd': 'zstd',
};
const foreignTypes =
  /^application\/vnd\.(oci\.image\.layer\.nondistributable|docker\.image\.rootfs\.foreign)\./;

const chunkSize = 256 * 1024;
/** A frame that wants more memory to be read is refused; it is what zstd itself takes unless told to take more. */
const zstdMemoryMiB = 128;
/** A gigabyte takes a few seconds. */
const zstdTimeoutMs = 600_000;

/** How a layer's blob is compressed. @throws ImageError where it is of a type that cannot be unpacked. */
export function layerCompression(mediaType: string): Compression {
  const compression = Object.hasOwn(layerTypes, mediaType) ? layerTypes[mediaType] : undefined;
  if (compression) return compression;
  if (foreignTypes.test(mediaType)) {
    throw new ImageError(
      `Layers of type ${mediaType} may not be passed on, and are not in the image: it needs files that come with a licence of their own.`,
    );
  }
  throw new ImageError(`Layers of type ${mediaType} are not understood.`);
}

/** By the first bytes of a file. */
export function detectCompression(head: Buffer): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  // A zstd archive may begin with a frame that is to be skipped.
  if (
    head.length >= 4 &&
    (head.readUInt32LE() === 0xfd2fb528 || (head.readUInt32LE() & ~0xf) >>> 0 === 0x184d2a50)
  )
    return 'zstd';
  return 'none';
}

/**
 * What a compressed stream holds. Several members or frames in a row are one content. Destroying it destroys `compressed`, whose errors
 * are its own.
 *
 * @throws MissingDependencyError where zstd is needed and not installed.
 */
export function decompress(compressed: Readable, compression: Compression): Readable {
  if (compression === 'none') return compressed;
  if (compression === 'gzip') return through(compressed, createGunzip({ chunkSize }));
  // Node has a zstd of its own since 22.15, which takes the first frame for all: it drops the others, and sees no truncation.
  return filterTool('zstd', ['-d', '-c', '-q', '--no-progress', `--memory=${zstdMemoryMiB}MB`], compressed, {
    timeoutMs: zstdTimeoutMs,
    remedy: 'Images with layers in zstd need it. On Debian: apt-get install zstd',
  });
}

function through(compressed: Readable, transform: Transform): Readable {
  pipeline(compressed, transform, () => {}); // an error of either destroys the transform with it
  return transform;
}
