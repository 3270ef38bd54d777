import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Image } from '@msbtest/core';
import { baseImage } from '@msbtest/guest';
import { pack } from 'tar-stream';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Programs by their paths in the guest, laid over the base image. */
export type Programs = Readonly<Record<string, Uint8Array>>;

/**
 * Loads an image that is the base image with one more layer.
 *
 * @param config laid over the configuration of the base image's.
 */
export async function loadLayered(
  tag: string,
  programs: Programs,
  config: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const layout = mkdtempSync(join(tmpdir(), 'msb-layout-'));
  const blobs = join(layout, 'blobs', 'sha256');
  mkdirSync(blobs, { recursive: true });
  const read = ({ digest }: Descriptor) =>
    JSON.parse(readFileSync(join(baseImage.layout, 'blobs', 'sha256', hexOf(digest)), 'utf8'));
  const add = (mediaType: string, data: Buffer): Descriptor => {
    const digest = `sha256:${createHash('sha256').update(data).digest('hex')}`;
    writeFileSync(join(blobs, hexOf(digest)), data);
    return { mediaType, digest, size: data.length };
  };
  const addJson = (mediaType: string, value: unknown) => add(mediaType, Buffer.from(JSON.stringify(value)));
  try {
    const index = JSON.parse(readFileSync(join(baseImage.layout, 'index.json'), 'utf8'));
    const [entry] = index.manifests;
    const manifest = read(entry);
    for (const { digest } of manifest.layers)
      copyFileSync(join(baseImage.layout, 'blobs', 'sha256', hexOf(digest)), join(blobs, hexOf(digest)));
    const layer = add('application/vnd.oci.image.layer.v1.tar', await tarOf(programs));
    const base = read(manifest.config);
    const changed = addJson(manifest.config.mediaType, {
      ...base,
      config: { ...base.config, ...config },
      rootfs: { ...base.rootfs, diff_ids: [...base.rootfs.diff_ids, layer.digest] },
      history: undefined,
    });
    const made = addJson(entry.mediaType, {
      ...manifest,
      config: changed,
      layers: [...manifest.layers, layer],
    });
    writeFileSync(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    writeFileSync(
      join(layout, 'index.json'),
      JSON.stringify({ ...index, manifests: [{ ...made, platform: entry.platform }] }),
    );
    await Image.load(layout, { tag });
  } finally {
    rmSync(layout, { recursive: true });
  }
}

async function tarOf(programs: Programs): Promise<Buffer> {
  const tar = pack();
  for (const [path, data] of Object.entries(programs))
    tar.entry({ name: path.slice(1), mode: 0o755, size: data.length }, Buffer.from(data));
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function hexOf(digest: string): string {
  return basename(digest.replace(/^sha256:/, ''));
}
