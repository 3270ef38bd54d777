import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { Patch } from '../store/record.js';
import { type Entry, TestImages } from './derived-image.test.support.js';

const root = mkdtempSync(join(tmpdir(), 'msb-unit-'));
afterAll(() => rmSync(root, { recursive: true }));
const store = new TestImages(root);

/** A tree as a list of paths, which is all that the model below knows of one. */
type Model = Map<string, { kind: 'd' } | { kind: 'f'; content: string } | { kind: 'l'; target: string }>;

/** What patches are meant to do, one path at a time. @throws when one cannot be applied. */
function applyToModel(model: Model, patch: Patch): void {
  const split = (path: string) => path.split('/').filter((part) => part !== '');
  const enter = (parts: string[], make: boolean): string | null => {
    const todo = [...parts];
    let path = '';
    for (let links = 0; todo.length > 0; ) {
      const name = todo.shift();
      if (name === '..') {
        path = path.slice(0, Math.max(0, path.lastIndexOf('/')));
        continue;
      }
      const next = `${path}/${name}`;
      const there = model.get(next);
      if (there?.kind === 'f') throw new Error('no directory');
      if (there?.kind === 'l') {
        if (++links > 40) throw new Error('links');
        if (there.target.startsWith('/')) path = '';
        todo.unshift(...split(there.target));
        continue;
      }
      if (!there && !make) return null;
      if (!there) model.set(next, { kind: 'd' });
      path = next;
    }
    return path;
  };
  const remove = (path: string) => {
    for (const other of [...model.keys()])
      if (other === path || other.startsWith(`${path}/`)) model.delete(other);
  };
  const put = (
    path: string,
    node: { kind: 'f'; content: string } | { kind: 'l'; target: string },
    replace?: boolean,
  ) => {
    const parts = split(path);
    const place = `${enter(parts.slice(0, -1), true)}/${parts.at(-1)}`;
    const there = model.get(place);
    if (there?.kind === 'd' || (there && !replace)) throw new Error('there');
    model.set(place, node);
  };
  switch (patch.kind) {
    case 'text':
      put(patch.path, { kind: 'f', content: patch.content }, patch.replace);
      return;
    case 'symlink':
      put(patch.link, { kind: 'l', target: patch.target }, patch.replace);
      return;
    case 'mkdir':
      enter(split(patch.path), true);
      return;
    case 'remove': {
      const parts = split(patch.path);
      let parent: string | null = null;
      try {
        parent = enter(parts.slice(0, -1), false);
      } catch {}
      if (parent !== null) remove(`${parent}/${parts.at(-1)}`);
      return;
    }
    case 'append': {
      let parts = split(patch.path);
      for (let links = 0; links <= 40; links++) {
        const parent = parts.at(-1) === '..' ? null : enter(parts.slice(0, -1), false);
        const there = parent === null ? undefined : model.get(`${parent}/${parts.at(-1)}`);
        if (!there || there.kind === 'd') throw new Error('no file');
        if (there.kind === 'f') {
          model.set(`${parent}/${parts.at(-1)}`, { kind: 'f', content: there.content + patch.content });
          return;
        }
        parts = there.target.startsWith('/')
          ? split(there.target)
          : [...parts.slice(0, -1), ...split(there.target)];
      }
      throw new Error('links');
    }
  }
  throw new Error(`the model has no ${patch.kind}`);
}

describe('any patches of any tree', () => {
  const path = fc
    .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
    .map((p) => `/${p.join('/')}`);
  const target = fc.oneof(
    path,
    path.map((absolute) => absolute.slice(1)),
    fc.constantFrom('..', '../a', '../../b/c', 'a/../b'),
  );
  const content = fc.constantFrom('x', 'y', '');
  const replace = fc.constantFrom(true, true, true, undefined); // a list that fails says less than one that does not
  const made = fc.oneof(
    fc.record({ kind: fc.constant('text' as const), path, content, replace }),
    fc.record({ kind: fc.constant('symlink' as const), link: path, target, replace }),
    fc.record({ kind: fc.constant('mkdir' as const), path }),
  );
  const patch = fc.oneof(
    { weight: 3, arbitrary: made },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), path }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('append' as const), path, content }) },
  );

  it('come to what a simple model says, or fail where it does', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(made, { maxLength: 8 }),
        fc.array(patch, { minLength: 1, maxLength: 6 }),
        async (tree, patches) => {
          const model: Model = new Map();
          for (const one of tree) {
            try {
              applyToModel(model, one);
            } catch {} // half of them make no sense; what does is the tree
          }
          const image = await store.of(
            [...model].map(([name, node]): Entry => {
              if (node.kind === 'd') return { name: name.slice(1), type: 'directory' };
              if (node.kind === 'l') return { name: name.slice(1), type: 'symlink', linkname: node.target };
              return { name: name.slice(1), content: node.content };
            }),
          );
          let failed = 0;
          for (const [index, one] of patches.entries()) {
            try {
              if (failed === 0) applyToModel(model, one);
            } catch {
              failed = index + 1;
            }
          }
          if (failed > 0) {
            await expect(store.images.derive(image, { patches })).rejects.toMatchObject({
              code: 'patchFailed',
              number: failed,
            });
            return;
          }
          const expected = [...model].map(([name, node]) => [
            name.slice(1),
            node.kind === 'd'
              ? 'd755'
              : node.kind === 'l'
                ? `-> ${node.target}`
                : `f644 0 ${JSON.stringify(node.content)}`,
          ]);
          expect(await store.contentsOf(await store.images.derive(image, { patches }))).toEqual(
            Object.fromEntries(expected),
          );
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);
});
