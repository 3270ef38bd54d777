import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { blockSize } from './file-contents.js';
import type { Inode, TreeNode } from './file-tree.js';
import { ReadOnlyImage } from './read-only-image.js';
import { readSquashfs } from './squashfs.test.support.js';

const root = mkdtempSync(join(tmpdir(), 'msb-unit-'));
afterAll(() => rmSync(root, { recursive: true }));
const path = join(root, 'image.squashfs');

const blank = {
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: 0,
  xattrs: null,
  content: null,
  target: '',
  major: 0,
  minor: 0,
};
const directory = (children: ReadonlyMap<string, TreeNode> = new Map()): TreeNode => ({
  inode: { ...blank, kind: 'directory' },
  children,
});

/** A run of bytes of one value, or of zeros that are only counted. */
interface Run {
  readonly byte: number;
  readonly length: number;
  readonly counted: boolean;
}

const length = fc.oneof(
  fc.nat({ max: 300 }),
  fc.constantFrom(0, 1, blockSize - 1, blockSize, blockSize + 1, 3 * blockSize),
  fc.nat({ max: 3 * blockSize }),
);
const run: fc.Arbitrary<Run> = fc.record({ byte: fc.constantFrom(0, 0, 7), length, counted: fc.boolean() });

describe('ReadOnlyImage', () => {
  it('gives back every content, those that were dropped aside', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.array(run, { maxLength: 4 }), fc.boolean()), { maxLength: 8 }),
        async (files) => {
          await using image = await ReadOnlyImage.create(path);
          const children = new Map<string, TreeNode>();
          const expected = new Map<string, Buffer>();
          for (const [index, [runs, isKept]] of files.entries()) {
            image.contents.begin();
            for (const { byte, length: bytes, counted } of runs) {
              if (byte === 0 && counted) await image.contents.writeZeros(bytes);
              else await image.contents.write(Buffer.alloc(bytes, byte));
            }
            const content = await image.contents.end();
            const whole = Buffer.concat(runs.map(({ byte, length: bytes }) => Buffer.alloc(bytes, byte)));
            expect(content.size).toBe(whole.length);
            if (!isKept) continue;
            children.set(`f${index}`, { inode: { ...blank, kind: 'file', content }, children: null });
            expected.set(`f${index}`, whole);
          }
          await image.finish(directory(children));
          const found = readSquashfs(path);
          expect([...found.keys()].filter((name) => name !== '').sort()).toEqual([...expected.keys()].sort());
          for (const [name, content] of expected) expect(found.get(name)?.content.equals(content)).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('gives back every tree', { timeout: 60_000 }, async () => {
    const name = fc.string({
      unit: fc.integer({ min: 1, max: 255 }).map((code) => (code === 47 ? 'x' : String.fromCharCode(code))),
      minLength: 1,
      maxLength: 255,
    });
    const attributes = {
      mode: fc.nat({ max: 0o7777 }),
      uid: fc.nat({ max: 0xfffffffe }),
      gid: fc.constantFrom(0, 0xfffffffe),
      mtime: fc.nat({ max: 0xffffffff }),
      xattrs: fc.option(
        fc
          .array(fc.tuple(fc.constantFrom('user.a', 'trusted.b', 'security.c'), name), {
            minLength: 1,
            maxLength: 3,
          })
          .map((pairs) => new Map(pairs)),
      ),
    };
    const leaf = fc.record({
      ...attributes,
      kind: fc.constantFrom('fifo', 'character', 'block', 'symlink', 'file'),
      target: name,
      major: fc.nat({ max: 0xfff }),
      minor: fc.nat({ max: 0xfffff }),
      content: fc.constant(null),
    });
    const { tree } = fc.letrec<{ tree: TreeNode; node: TreeNode }>((tie) => ({
      tree: fc.record({
        inode: fc.record({
          ...attributes,
          kind: fc.constant('directory'),
          target: fc.constant(''),
          major: fc.constant(0),
          minor: fc.constant(0),
          content: fc.constant(null),
        }) as fc.Arbitrary<Inode>,
        children: fc.array(fc.tuple(name, tie('node')), { maxLength: 6 }).map((entries) => new Map(entries)),
      }),
      node: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        (leaf as fc.Arbitrary<Inode>).map((inode) => ({ inode, children: null })),
        tie('tree'),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(tree, async (made) => {
        await using image = await ReadOnlyImage.create(path);
        await image.finish(made);
        const found = readSquashfs(path);
        let count = 0;
        const check = (node: TreeNode, at: string): void => {
          count++;
          const { kind, mode, uid, gid, mtime, xattrs, target, major, minor } = node.inode;
          expect(found.get(at)).toMatchObject({
            ...{ kind, mode, uid, gid, mtime },
            xattrs: Object.fromEntries(xattrs ?? []),
            ...(kind === 'symlink' && { target }),
            ...((kind === 'block' || kind === 'character') && { device: `${major}:${minor}` }),
            ...(kind === 'directory' && {
              links:
                2 + [...(node.children ?? [])].filter(([, child]) => child.inode.kind === 'directory').length,
            }),
          });
          for (const [child, below] of node.children ?? [])
            check(below, at === '' ? child : `${at}/${child}`);
        };
        check(made, '');
        expect(found.size).toBe(count);
      }),
      { numRuns: 40 },
    );
  });

  it('leaves nothing behind when it is given up', async () => {
    rmSync(path, { force: true });
    {
      await using image = await ReadOnlyImage.create(path);
      image.contents.begin();
      await image.contents.write(Buffer.alloc(5_000_000, 1));
      expect(readdirSync(root)).toHaveLength(1);
    }
    expect(readdirSync(root)).toEqual([]);
  });

  it('refuses more owners than it can count', async () => {
    const children = new Map(
      Array.from({ length: 70_000 }, (_, n) => [
        `${n}`,
        { inode: { ...blank, kind: 'fifo', uid: n } as Inode, children: null },
      ]),
    );
    await using image = await ReadOnlyImage.create(path);
    await expect(image.finish(directory(children))).rejects.toThrow(/more than 65535 owners/);
  });
});
