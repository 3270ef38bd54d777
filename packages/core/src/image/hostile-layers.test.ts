import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { ImageError } from '../errors.js';
import { conversionLimits } from './convert-layers.js';
import { digestOf, lines, Workbench } from './convert-layers.test.support.js';
import { hostileCases } from './hostile-layers.test.cases.js';
import { file, pax, tar } from './tar.test.support.js';

const root = mkdtempSync(join(tmpdir(), 'msb-unit-'));
afterAll(() => rmSync(root, { recursive: true }));
const workbench = new Workbench(root);

describe('layers that are hostile or damaged', { timeout: 60_000 }, () => {
  it.each(hostileCases)('%s', async (_name, make, expected) => {
    const stack = make();
    if (expected instanceof RegExp) {
      const failure = await workbench.tree(stack).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(ImageError);
      expect((failure as Error).message).toMatch(expected);
      expect((failure as Error).message).toMatch(/^Layer sha256:[0-9a-f]{64}/);
      expect(readdirSync(workbench.output)).toEqual([]);
    } else {
      const tree = await workbench.tree(stack);
      if (expected) expect(lines(tree)).toEqual([...expected].sort());
      expect([...tree.keys()].flatMap((path) => path.split('/'))).not.toContain('..');
      rmSync(join(workbench.output, 'image.squashfs'));
    }
  });

  it('are more than a handful', () => {
    expect(new Set(hostileCases.map(([name]) => name)).size).toBe(hostileCases.length);
    expect(hostileCases.length).toBeGreaterThan(60);
  });
});

describe('bounds', { timeout: 60_000 }, () => {
  const failing = async (stack: Buffer[], limits: Partial<typeof conversionLimits>, mediaType?: string) => {
    const diffIds = stack.map(digestOf);
    const blobs = stack.map((layer) =>
      mediaType ? workbench.store(gzipSync(layer), mediaType) : workbench.store(layer),
    );
    const failure = await workbench
      .convert(blobs, diffIds, { ...conversionLimits, ...limits })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ImageError);
    expect(readdirSync(workbench.output)).toEqual([]);
    return (failure as Error).message;
  };
  const gzip = 'application/vnd.oci.image.layer.v1.tar+gzip';

  it('end too many entries, over all layers', async () => {
    const layer = tar(...Array.from({ length: 30 }, (_, n) => file(`f${n}`)));
    expect(await failing([layer, layer], { entries: 50 })).toMatch(/more than 50 entries/);
    expect(await failing([tar(file('a/'.repeat(40)))], { entries: 30 })).toMatch(/more than 30 entries/);
  });

  it('end too much text', async () => {
    const stack = [tar(pax({ 'SCHILY.xattr.user.a': 'x'.repeat(5000) }), file('f'))];
    expect(await failing(stack, { textBytes: 4000 })).toMatch(/more than 4000 bytes of names/);
  });

  it('end a bomb, by its ratio and by its size', async () => {
    const stack = [tar(file('zeros', Buffer.alloc(3_000_000)))];
    expect(await failing(stack, { bombBytes: 1_000_000 }, gzip)).toMatch(/more than 200 times its own size/);
    expect(await failing(stack, { layerBytes: 2_000_000 }, gzip)).toMatch(
      /unpack to more than 2000000 bytes/,
    );
    expect(await failing(stack, { fileBytes: 2_000_000 }, gzip)).toMatch(/more than 2000000 bytes/);
    await workbench.convert([workbench.store(gzipSync(stack[0] as Buffer), gzip)], stack.map(digestOf));
    rmSync(join(workbench.output, 'image.squashfs'));
  });
});
