import { createHash } from 'node:crypto';
import { PassThrough, type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header, type Pack, pack } from 'tar-stream';
import { ImageError } from '../errors.js';
import { LayerTree, originKey } from './layer-tree.js';
import type { BlobDirectory, Descriptor } from './layout.js';

/** What a layer may unpack to. A bomb ends here, a real image does not. */
const maxLayerBytes = 64 * 1024 ** 3;

const decompressors: Readonly<Record<string, () => Transform>> = {
  'application/vnd.oci.image.layer.v1.tar': () => new PassThrough(),
  'application/vnd.oci.image.layer.v1.tar+gzip': () => createGunzip(),
  'application/vnd.docker.image.rootfs.diff.tar.gzip': () => createGunzip(),
};

/**
 * Adds layers up to one tar stream without whiteouts, parents before children. Reads every layer twice: once to see what
 * survives, once to copy it; so memory does not grow with the content.
 *
 * @param diffIds the digests of the uncompressed layers; each is checked.
 */
export async function mergeLayers(
  blobs: BlobDirectory,
  layers: readonly Descriptor[],
  diffIds: readonly string[],
): Promise<Readable> {
  if (layers.length !== diffIds.length) {
    throw new ImageError(`The image has ${layers.length} layers but ${diffIds.length} diff ids.`);
  }
  const tree = new LayerTree();
  const directories = new Map<string, Header>();
  for (const [layer, descriptor] of layers.entries()) {
    const diffId = await readLayer(blobs, descriptor, (header, index) => {
      tree.add({ ...header, type: header.type ?? 'file' }, { layer, index });
      if (header.type === 'directory') directories.set(originKey({ layer, index }), header);
    });
    if (diffId !== diffIds[layer]) {
      throw new ImageError(
        `Layer ${descriptor.digest} unpacks to ${diffId}; its image says ${diffIds[layer]}.`,
      );
    }
  }
  const merged = pack();
  copySurvivors(blobs, layers, tree, directories, merged).then(
    () => merged.finalize(),
    (error: unknown) => merged.destroy(error as Error),
  );
  return merged as unknown as Readable; // the typings lack what a streamx stream has beyond NodeJS.ReadableStream
}

async function copySurvivors(
  blobs: BlobDirectory,
  layers: readonly Descriptor[],
  tree: LayerTree,
  directories: ReadonlyMap<string, Header>,
  merged: Pack,
): Promise<void> {
  for (const { path, origin } of tree.directories()) {
    const header = origin && directories.get(originKey(origin));
    await writeEntry(merged, {
      mode: 0o755,
      uid: 0,
      gid: 0,
      mtime: new Date(0),
      ...header,
      name: path,
      type: 'directory',
      size: 0,
    });
  }
  const files = tree.files();
  for (const [layer, descriptor] of layers.entries()) {
    await readLayer(blobs, descriptor, async (header, index, content) => {
      const [first, ...links] = files.get(originKey({ layer, index })) ?? [];
      if (first === undefined) return;
      await writeEntry(merged, { ...header, name: first }, content);
      for (const link of links) {
        await writeEntry(merged, { ...header, name: link, type: 'link', linkname: first, size: 0 });
      }
    });
  }
}

type Visitor = (header: Header, index: number, content: Readable) => void | Promise<void>;

/** Visits a layer's entries in order and gives the digest of the uncompressed layer. */
async function readLayer(blobs: BlobDirectory, descriptor: Descriptor, visit: Visitor): Promise<string> {
  const decompressor = decompressors[descriptor.mediaType];
  if (!decompressor) throw new ImageError(`Layers of type ${descriptor.mediaType} are not understood.`);
  const hash = createHash('sha256');
  let bytes = 0;
  const measured = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(
        bytes > maxLayerBytes
          ? new ImageError(`Layer ${descriptor.digest} unpacks to more than ${maxLayerBytes} bytes.`)
          : null,
        chunk,
      );
    },
  });
  const entries = extract();
  const visiting = (async () => {
    let index = 0;
    for await (const entry of entries) {
      await visit(entry.header, index++, entry as unknown as Readable);
      entry.resume(); // what the visitor did not read
    }
  })();
  try {
    await Promise.all([pipeline(blobs.open(descriptor), decompressor(), measured, entries), visiting]);
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw new ImageError(`Layer ${descriptor.digest} is damaged: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return `sha256:${hash.digest('hex')}`;
}

function writeEntry(
  merged: Pack,
  header: Partial<Header> & { name: string },
  content?: Readable,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const entry = merged.entry(header, (error) => (error ? reject(error) : resolve()));
    if (content && header.type !== 'link' && (header.size ?? 0) > 0) {
      content.once('error', reject);
      content.pipe(entry);
    } else entry.end(undefined);
  });
}
