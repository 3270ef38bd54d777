import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { ImageError } from '../errors.js';
import { BlobDirectory, type Descriptor, findManifest, readConfig, readManifest } from './layout.js';

const layout = mkdtempSync(join(tmpdir(), 'msb-layout-'));
mkdirSync(join(layout, 'blobs', 'sha256'), { recursive: true });
afterAll(() => rmSync(layout, { recursive: true }));

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';

/** Stores a blob, right in all that a digest says, whatever is in it. */
function store(text: string, mediaType: string): Descriptor {
  const bytes = Buffer.from(text);
  const hex = createHash('sha256').update(bytes).digest('hex');
  writeFileSync(join(layout, 'blobs', 'sha256', hex), bytes);
  return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
}

const config = {
  architecture: 'amd64',
  os: 'linux',
  rootfs: { type: 'layers', diff_ids: ['sha256:0'] },
  config: { Env: ['A=b'] },
};

/** What a reader makes of it: something, or an error that says that the image is no good. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    expect(error).toBeInstanceOf(ImageError);
    return undefined;
  }
}

/** One of the keys that are looked at, or none of them, with any value: documents that nearly are what they should be. */
const document = (keys: string[]) =>
  fc.oneof(
    fc.json(),
    fc.string(),
    fc
      .dictionary(fc.constantFrom(...keys), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 6 })
      .map((value) => JSON.stringify(value)),
  );

describe('an image layout', () => {
  it('that is as it should be is read', () => {
    const of = store(JSON.stringify(config), 'config');
    const manifest = store(JSON.stringify({ config: of, layers: [of] }), manifestType);
    const index = store(
      JSON.stringify({ manifests: [{ ...manifest, platform: { architecture: 'amd64', os: 'linux' } }] }),
      indexType,
    );
    writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion": "1.0.0"}');
    writeFileSync(join(layout, 'index.json'), JSON.stringify({ manifests: [index] }));
    const blobs = new BlobDirectory(layout);
    const found = findManifest(layout, 'amd64');
    expect(found.digest).toBe(manifest.digest);
    expect(readConfig(blobs, readManifest(blobs, found).config)).toMatchObject({
      env: ['A=b'],
      workingDir: null,
    });
    expect(() => findManifest(layout, 'riscv64')).toThrow(ImageError);
  });

  it('gives a manifest or a typed error, whatever its files say', () => {
    const descriptor = fc.record(
      {
        mediaType: fc.constantFrom<unknown>(manifestType, indexType, 'text/plain', 7),
        digest: fc.oneof<fc.Arbitrary<unknown>[]>(
          fc.constant(`sha256:${'0'.repeat(64)}`),
          fc.string(),
          fc.constant('sha256:../../etc'),
        ),
        size: fc.oneof<fc.Arbitrary<unknown>[]>(fc.integer(), fc.double(), fc.string()),
        platform: fc.oneof<fc.Arbitrary<unknown>[]>(
          fc.constant({ architecture: 'amd64', os: 'linux' }),
          fc.jsonValue({ maxDepth: 1 }),
        ),
      },
      { requiredKeys: [] },
    );
    const index = fc.oneof(
      fc.array(descriptor, { maxLength: 3 }).map((manifests) => JSON.stringify({ manifests })),
      document(['manifests', '__proto__']),
    );
    fc.assert(
      fc.property(
        index,
        fc.oneof(fc.constant('{"imageLayoutVersion": "1.0.0"}'), fc.json()),
        (text, marker) => {
          writeFileSync(join(layout, 'oci-layout'), marker);
          writeFileSync(join(layout, 'index.json'), text);
          const found = readable(() => findManifest(layout, 'amd64'));
          if (!found) return;
          expect(typeof found.digest).toBe('string');
          // A digest is checked before it becomes a path.
          readable(() =>
            expect(new BlobDirectory(layout).path(found.digest)).toMatch(/\/blobs\/sha256\/[0-9a-f]{64}$/),
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  it('gives manifests and configurations of the right types or a typed error, whatever the blobs say', () => {
    const blobs = new BlobDirectory(layout);
    const manifests = document(['config', 'layers', 'mediaType', 'digest', 'size']);
    const configs = document(['architecture', 'os', 'rootfs', 'config', 'Env', 'WorkingDir']);
    fc.assert(
      fc.property(manifests, configs, (manifest, configuration) => {
        const read = readable(() => readManifest(blobs, store(manifest, manifestType)));
        for (const layer of read?.layers ?? []) expect(Number.isSafeInteger(layer.size)).toBe(true);
        const of = readable(() => readConfig(blobs, store(configuration, 'config')));
        for (const entry of [...(of?.env ?? []), ...(of?.diffIds ?? [])]) expect(typeof entry).toBe('string');
      }),
      { numRuns: 500 },
    );
  });

  it('does not take a blob for what it is not: another size or another content', () => {
    const blobs = new BlobDirectory(layout);
    const good = store('{"a": 1}', manifestType);
    expect(blobs.readDocument(good)).toEqual({ a: 1 });
    expect(() => blobs.readDocument({ ...good, size: good.size + 1 })).toThrow(ImageError);
    writeFileSync(blobs.path(good.digest), '{"a": 2}');
    expect(() => blobs.readDocument(good)).toThrow(/damaged/);
  });
});
