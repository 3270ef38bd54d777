import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkout } from './support/saboteurs.js';

const source = join(checkout, 'packages/core/src');

/** Highest first: a file imports from its own layer and those below. docs/architecture.md says what each is for. */
const layers = [
  'cli',
  'conformance',
  'testing',
  'index.ts',
  'sandbox',
  'engine',
  'image',
  'guest',
  'disk',
  'vmm',
  'agent',
  'store',
  'host',
  'errors.ts',
];

function files(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
  );
}

function layerOf(path: string): number {
  return layers.indexOf(path.split('/')[0] ?? '');
}

describe('packages/core', () => {
  const all = files(source);

  it('has every file in a known layer', () => {
    expect(all.filter((file) => layerOf(file) < 0)).toEqual([]);
  });

  it.each(all)('%s imports nothing from above', (file) => {
    const text = readFileSync(join(source, file), 'utf8');
    const imports = [...text.matchAll(/from '(\.[^']+)'/g)].map(([, target]) =>
      relative(source, join(source, dirname(file), target ?? '')).replace(/\.js$/, '.ts'),
    );
    expect(imports.filter((target) => layerOf(target) < layerOf(file))).toEqual([]);
  });

  it('is known to its conformance kit by its public API only', () => {
    for (const file of all.filter((name) => name.startsWith('conformance/'))) {
      const text = readFileSync(join(source, file), 'utf8');
      const imports = [...text.matchAll(/from '(\.[^']+)'/g)].map(([, target]) =>
        relative(source, join(source, dirname(file), target ?? '')),
      );
      expect(imports.filter((target) => !/^(conformance\/|index\.js$)/.test(target))).toEqual([]);
    }
  });

  it('is known to the integrations and fixtures by its public entries only', () => {
    for (const directory of ['packages/vitest-plugin/src', 'packages/jest-env/src', 'fixtures']) {
      for (const file of files(join(checkout, directory)).filter(
        (name) => !/^(node_modules|dist|images)\b/.test(name),
      )) {
        const text = readFileSync(join(checkout, directory, file), 'utf8');
        expect(
          [
            ...text.matchAll(
              /from '(@msbtest\/core\/(?!testing'|conformance')[^']+|[^']*core\/(?:src|dist)[^']*)'/g,
            ),
          ].map(([, target]) => target),
        ).toEqual([]);
      }
    }
  });
});
