import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { ImageError } from '../errors.js';
import { conversionLimits } from './convert-layers.js';
import { Workbench } from './convert-layers.test.support.js';
import {
  base256,
  directory,
  entry,
  file,
  hardLink,
  longLink,
  longName,
  pax,
  symlink,
  tar,
} from './tar.test.support.js';

const root = mkdtempSync(join(tmpdir(), 'msb-unit-'));
afterAll(() => rmSync(root, { recursive: true }));
const workbench = new Workbench(root);

/** For longer runs than the suite's: MSB_FUZZ_SECONDS=300 npx vitest run --project unit mutated-layers */
const seconds = Number(process.env.MSB_FUZZ_SECONDS ?? 0);

const lower = tar(
  directory('./', { uid: 3 }),
  directory('d'),
  file('d/f', 'content'),
  file('d/g', 'x'.repeat(700)),
  symlink('s', 'd'),
  symlink('up', '../../d'),
  hardLink('d/h', 's/f'),
  entry('null', { type: '3', major: 1, minor: 3 }),
  entry('pipe', { type: '6' }),
);
const upper = tar(
  file('d/.wh.f'),
  file('d/.wh..wh..opq'),
  pax({ path: `d/${'n'.repeat(150)}`, 'SCHILY.xattr.user.a': 'b', mtime: '1.5', uid: '70000' }),
  file('n', 'pax'),
  longName(`s/${'l'.repeat(120)}`),
  file('l', 'gnu', { magic: 'ustar  \0' }),
  longLink(`s/${'n'.repeat(150)}`),
  hardLink('d/k', 'x'),
  pax({
    'GNU.sparse.major': '1',
    'GNU.sparse.minor': '0',
    'GNU.sparse.realsize': '9000',
    'GNU.sparse.name': 'sp',
  }),
  file('sp', `${'2\n0\n2\n8000\n2\n'.padEnd(512, '\0')}abcd`),
  entry('gnu', { type: 'S', magic: 'ustar  \0', data: 'ab', patch: { 386: '10', 398: '2', 483: '100' } }),
  file('big', '', { patch: { 108: base256(70_000, 8), 136: base256(2 ** 33) } }),
);

type Mutation =
  | { readonly kind: 'edit'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'move' | 'copy'; readonly from: number; readonly to: number }
  | { readonly kind: 'remove' | 'cut'; readonly at: number };

/** Anywhere; or in the header of some entry: its name, its attributes, its type and the name that it links to. */
const position = fc.oneof(
  fc.nat({ max: 20_000 }),
  fc
    .tuple(
      fc.nat({ max: 39 }),
      fc.oneof(fc.nat({ max: 12 }), fc.integer({ min: 100, max: 148 }), fc.integer({ min: 156, max: 170 })),
    )
    .map(([block, at]) => block * 512 + at),
);
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('edit' as const), at: position, bytes: edits() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('move' as const, 'copy' as const),
      from: position,
      to: position,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('remove' as const, 'cut' as const), at: position }),
  },
);

/** Any bytes, and those that mean something to a reader. */
function edits(): fc.Arbitrary<Uint8Array> {
  const meaningful = [
    '../',
    '/',
    '.wh.',
    '.wh..wh..opq',
    '..',
    '\0',
    '\xff',
    '\x80',
    '7777777',
    '0',
    '1',
    '2',
    '5',
    'x',
    'g',
    'L',
    'S',
    '=',
    '\n',
    ' path=',
    'd',
    's/f',
  ];
  return fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 4 }),
    fc.constantFrom(...meaningful).map((text) => Buffer.from(text, 'latin1')),
  );
}

function mutate(archive: Buffer, mutations: readonly Mutation[]): Buffer {
  let bytes = Buffer.from(archive);
  const block = (at: number) => Math.floor((at % Math.max(bytes.length, 1)) / 512) * 512;
  for (const one of mutations) {
    if ('from' in one) {
      const [from, to] = [block(one.from), block(one.to)];
      const moved = bytes.subarray(from, from + 512);
      const rest =
        one.kind === 'copy' ? bytes : Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 512)]);
      bytes = Buffer.concat([rest.subarray(0, to), moved, rest.subarray(to)]);
    } else if (one.kind === 'edit') {
      const room = Math.max(0, bytes.length - one.bytes.length);
      bytes.set(one.bytes.subarray(0, bytes.length), Math.min(one.at % Math.max(bytes.length, 1), room));
    } else if (one.kind === 'cut') bytes = bytes.subarray(0, one.at % (bytes.length + 1));
    else {
      const at = block(one.at);
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 512)]);
    }
  }
  return bytes;
}

/** Mends the checksum of whatever looks like a header, so that mutations reach what is behind it. */
function mendChecksums(bytes: Buffer): Buffer {
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const header = bytes.subarray(at, at + 512);
    if (header.toString('latin1', 257, 262) !== 'ustar') continue;
    header.fill(' ', 148, 156);
    header.write(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    );
  }
  return bytes;
}

describe('a layer that has been tampered with', () => {
  const limits = { ...conversionLimits, fileBytes: 2 ** 26 };

  it('is one that is accepted before', async () => {
    expect((await workbench.tree([lower, upper], limits)).size).toBeGreaterThan(10);
    rmSync(join(workbench.output, 'image.squashfs'));
  });

  it('becomes a tree or a typed error, and leaves nothing behind', {
    timeout: seconds * 1000 + 60_000,
  }, async () => {
    let trees = 0;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(mutation, { maxLength: 1 }),
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        fc.nat({ max: 9 }),
        async (below, above, mend) => {
          const layers = [mutate(lower, below), mutate(upper, above)].map((bytes) =>
            mend ? mendChecksums(bytes) : bytes,
          );
          try {
            const tree = await workbench.tree(layers, limits);
            trees++;
            for (const path of tree.keys()) expect(path.split('/')).not.toContain('..');
            rmSync(join(workbench.output, 'image.squashfs'));
          } catch (error) {
            expect(error).toBeInstanceOf(ImageError);
            refused++;
          }
          expect(readdirSync(workbench.output)).toEqual([]);
          for (const blob of readdirSync(join(root, 'blobs/sha256')))
            rmSync(join(root, 'blobs/sha256', blob));
        },
      ),
      seconds > 0
        ? {
            numRuns: Number.MAX_SAFE_INTEGER,
            interruptAfterTimeLimit: seconds * 1000,
            markInterruptAsFailure: false,
          }
        : { numRuns: 400 },
    );
    if (seconds > 0) console.log(`${trees} trees, ${refused} refused, in ${seconds} s`);
    // Mutations that are all refused would try nothing but the first check.
    expect(trees).toBeGreaterThan(20);
    expect(refused).toBeGreaterThan(20);
  });
});
