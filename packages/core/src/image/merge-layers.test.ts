import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { extract, type Header, pack } from 'tar-stream';
import { afterAll, describe, expect, it } from 'vitest';
import { ImageError } from '../errors.js';
import { BlobDirectory, type Descriptor } from './layout.js';
import { mergeLayers } from './merge-layers.js';

const root = mkdtempSync(join(tmpdir(), 'msb-unit-'));
mkdirSync(join(root, 'blobs/sha256'), { recursive: true });
afterAll(() => rmSync(root, { recursive: true }));
const blobs = new BlobDirectory(root);

type Entry = Partial<Header> & { name: string; content?: string };

async function tar(entries: readonly Entry[]): Promise<Buffer> {
  const stream = pack();
  for (const { content, ...header } of entries) stream.entry(header, content ?? '');
  stream.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function store(bytes: Buffer, mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip'): Descriptor {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  writeFileSync(blobs.path(digest), bytes);
  return { mediaType, digest, size: bytes.length };
}

const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Merges layers given as entries, and gives what comes out, by path. */
async function merge(...layers: Entry[][]): Promise<Map<string, Header & { content: string }>> {
  const tars = await Promise.all(layers.map(tar));
  return read(
    await mergeLayers(
      blobs,
      tars.map((bytes) => store(gzipSync(bytes))),
      tars.map(digestOf),
    ),
  );
}

async function read(
  stream: Awaited<ReturnType<typeof mergeLayers>>,
): Promise<Map<string, Header & { content: string }>> {
  const found = new Map<string, Header & { content: string }>();
  const entries = extract();
  stream.on('error', (error: Error) => entries.destroy(error));
  stream.pipe(entries as unknown as NodeJS.WritableStream);
  for await (const entry of entries) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    found.set(entry.header.name.replace(/\/$/, ''), {
      ...entry.header,
      content: Buffer.concat(chunks).toString(),
    });
  }
  return found;
}

describe('mergeLayers', () => {
  it('gives one tree with parents first, attributes kept and whiteouts gone', async () => {
    const merged = await merge(
      [
        { name: 'etc/', type: 'directory', mode: 0o750, uid: 3 },
        { name: 'etc/passwd', content: 'old', mode: 0o644 },
        { name: 'etc/gone', content: 'x' },
        { name: 'bin/su', content: 'su', mode: 0o4755, uid: 0, gid: 7 },
        { name: 'dev/null', type: 'character-device', devmajor: 1, devminor: 3 },
        { name: 'bin/link', type: 'link', linkname: 'bin/su' },
        { name: 'bin/sym', type: 'symlink', linkname: '../etc/passwd' },
      ],
      [
        { name: 'etc/passwd', content: 'new', mode: 0o600 },
        { name: 'etc/.wh.gone', content: '' },
      ],
    );
    expect([...merged.keys()]).toEqual([
      'etc',
      'bin',
      'dev',
      'bin/su',
      'bin/link',
      'dev/null',
      'bin/sym',
      'etc/passwd',
    ]);
    expect(merged.get('etc')).toMatchObject({ type: 'directory', mode: 0o750, uid: 3 });
    expect(merged.get('etc/passwd')).toMatchObject({ content: 'new', mode: 0o600 });
    expect(merged.get('bin/su')).toMatchObject({ content: 'su', mode: 0o4755, gid: 7 });
    expect(merged.get('bin/link')).toMatchObject({ type: 'link', linkname: 'bin/su' });
    expect(merged.get('bin/sym')).toMatchObject({ type: 'symlink', linkname: '../etc/passwd' });
    expect(merged.get('dev/null')).toMatchObject({ type: 'character-device', devmajor: 1, devminor: 3 });
  });

  it('keeps the content of a hard link whose first name an upper layer removed', async () => {
    const merged = await merge(
      [
        { name: 'a', content: 'shared' },
        { name: 'b', type: 'link', linkname: 'a' },
      ],
      [{ name: '.wh.a', content: '' }],
    );
    expect([...merged.keys()]).toEqual(['b']);
    expect(merged.get('b')).toMatchObject({ type: 'file', content: 'shared' });
  });

  it('refuses paths that lead out of the root', async () => {
    await expect(merge([{ name: '../../etc/passwd', content: 'x' }])).rejects.toThrow(ImageError);
    await expect(merge([{ name: 'l', type: 'link', linkname: '../x' }])).rejects.toThrow(ImageError);
  });

  it('refuses a layer that is not what its digests say', async () => {
    const bytes = await tar([{ name: 'a', content: 'x' }]);
    const zipped = gzipSync(bytes);
    await expect(mergeLayers(blobs, [store(zipped)], [`sha256:${'0'.repeat(64)}`])).rejects.toThrow(
      /unpacks to sha256:.*its image says/,
    );
    await expect(mergeLayers(blobs, [store(zipped.subarray(0, 40))], [digestOf(bytes)])).rejects.toThrow(
      /is damaged/,
    );
    await expect(mergeLayers(blobs, [{ ...store(zipped), size: 7 }], [digestOf(bytes)])).rejects.toThrow(
      /bytes long; its manifest says 7/,
    );
    await expect(mergeLayers(blobs, [store(zipped, 'text/plain')], [digestOf(bytes)])).rejects.toThrow(
      /text\/plain are not understood/,
    );
    await expect(mergeLayers(blobs, [], [digestOf(bytes)])).rejects.toThrow(/0 layers but 1 diff ids/);
  });

  it('turns whatever a tar says into a tree or a typed error', async () => {
    const valid = await tar([
      { name: 'd/', type: 'directory' },
      { name: 'd/f', content: 'content' },
      { name: 'l', type: 'link', linkname: 'd/f' },
    ]);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat({ max: valid.length - 1 }), fc.nat({ max: 255 })), {
          minLength: 1,
          maxLength: 8,
        }),
        async (edits) => {
          const bytes = Buffer.from(valid);
          for (const [at, value] of edits) bytes[at] = value;
          const layer = store(bytes, 'application/vnd.oci.image.layer.v1.tar');
          try {
            for (const path of (await read(await mergeLayers(blobs, [layer], [digestOf(bytes)]))).keys()) {
              expect(path.split('/')).not.toContain('..');
            }
          } catch (error) {
            expect(error).toBeInstanceOf(ImageError);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
