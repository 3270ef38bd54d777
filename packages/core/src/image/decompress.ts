import { pipeline, type Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { ImageError } from '../errors.js';
import { filterTool } from '../host/filter-tool.js';

export type Compression = 'none' | 'gzip' | 'zstd';

/** What of Node's zstd is used; Node has it since 22.15, the types that we build with do not. */
interface Zstd {
  readonly createZstdDecompress?: (options: {
    chunkSize: number;
    params: Record<number, number>;
  }) => Transform;
  readonly constants: { readonly ZSTD_d_windowLogMax?: number };
}

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
/** 128 MiB: what zstd itself takes unless told to take more. A frame that wants more memory to be read is refused. */
const zstdWindowLog = 27;
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
 * @throws MissingDependencyError where zstd is needed and neither Node nor the machine has it.
 */
export function decompress(compressed: Readable, compression: Compression): Readable {
  if (compression === 'none') return compressed;
  if (compression === 'gzip') return through(compressed, zlib.createGunzip({ chunkSize }));
  const { createZstdDecompress, constants } = zlib as unknown as Zstd;
  if (createZstdDecompress && constants.ZSTD_d_windowLogMax !== undefined) {
    const params = { [constants.ZSTD_d_windowLogMax]: zstdWindowLog };
    return through(compressed, createZstdDecompress({ chunkSize, params }));
  }
  return filterTool(
    'zstd',
    ['-d', '-c', '-q', '--no-progress', `--memory=${2 ** (zstdWindowLog - 20)}MB`],
    compressed,
    {
      timeoutMs: zstdTimeoutMs,
      remedy: 'On Debian: apt-get install zstd; or take Node.js 22.15 or later, which can do without.',
    },
  );
}

function through(compressed: Readable, transform: Transform): Readable {
  pipeline(compressed, transform, () => {}); // an error of either destroys the transform with it
  return transform;
}
