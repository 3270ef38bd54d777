import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Image } from '@msbtest/core';
import { afterAll, describe, expect, it } from 'vitest';
import { convertLayers } from '#core/image/convert-layers.js';
import { BlobDirectory, findManifest, readConfig, readManifest } from '#core/image/layout.js';
import { tortureLayers } from './support/torture-image.js';
import { accessListsIn, describeTree, umociImage, umociUnpack } from './support/umoci.js';
import { usePrivateHome } from './support/vm.js';

usePrivateHome();

const work = mkdtempSync(join(tmpdir(), 'msb-images-'));
afterAll(() => rmSync(work, { recursive: true }));

const now = '"now"';

/** Owners and devices are what this is about, and only root can have them unpacked onto a disk. */
const asRoot = process.getuid?.() === 0;

/** The root that we make of an image, unpacked by the squashfs tools: somebody else's reader. */
async function ours(layout: string, architecture: string): Promise<string> {
  const blobs = new BlobDirectory(layout);
  const { config, layers } = readManifest(blobs, findManifest(layout, architecture));
  const path = join(work, 'root.squashfs');
  await convertLayers(blobs, layers, readConfig(blobs, config).diffIds, path);
  execFileSync('unsquashfs', ['-n', '-d', join(work, 'ours'), path], { stdio: ['ignore', 'ignore', 'pipe'] });
  return join(work, 'ours');
}

describe.runIf(asRoot)('an image that has everything', () => {
  it('becomes the root that umoci makes of it', async () => {
    mkdirSync(join(work, 'tars'));
    const tars = tortureLayers(join(work, 'tars')).map((layer, index) => {
      const path = join(work, `${index}.tar`);
      writeFileSync(path, layer);
      return path;
    });
    const layout = join(work, 'layout');
    umociImage(layout, tars);
    const theirs = describeTree(umociUnpack(layout, join(work, 'bundle')));
    const root = describeTree(await ours(layout, process.arch === 'x64' ? 'amd64' : process.arch));
    await Image.load(layout, { tag: 'torture' });
    const lists = await accessListsIn('torture');
    await Image.remove('torture');
    expect(lists).toHaveLength(4);
    const made = [...root, ...lists].sort();
    // What no layer describes has no time of its own, and whiteouts touch what they leave: those have the time of umoci's run.
    const untimed = new Set(theirs.filter((line) => line.includes(now)).map((line) => line.split('","')[0]));
    const timed = (lines: readonly string[]) =>
      lines.map((line) =>
        untimed.has(line.split('","')[0] ?? '') ? line.replace(/"(now|0|1000000000)"/, '"any"') : line,
      );
    expect(timed(made)).toEqual(timed(theirs));
    expect(untimed.size).toBeLessThan(30);
    expect(theirs.length).toBeGreaterThan(1000);
    // Five times 23 MB, most of which are zeros, and some more: what there is takes less than that.
    expect(statSync(join(work, 'root.squashfs')).size).toBeLessThan(70_000_000);
  });
});
