import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkout } from './support/saboteurs.js';
import { usePrivateHome } from './support/vm.js';

usePrivateHome();

/** Inside the checkout, so that `@msbtest/core` is found as a user's project would find it. */
const directory = join(checkout, 'test/dist/readme');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const examplesOf = (document: string) =>
  [...readFileSync(join(checkout, document), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(
    ([, code]) => code ?? '',
  );
const examples = examplesOf('README.md');
/** These name registries that are not there: their types are checked, by the compiler, and they are not run. */
const others = examplesOf('docs/images.md');

beforeAll(async () => {
  mkdirSync(directory, { recursive: true });
  examples.forEach((code, index) => {
    writeFileSync(join(directory, `example-${index}.mts`), code);
  });
  others.forEach((code, index) => {
    writeFileSync(join(directory, `images-${index}.mts`), code);
  });
  const compilerOptions = {
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable'],
    module: 'nodenext',
    types: ['node'],
    strict: true,
    skipLibCheck: true,
  };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  await promisify(execFile)(join(checkout, 'node_modules/.bin/tsc'), ['--project', directory]);
});

/** What each example prints, by the comments behind its console.log lines. */
const printed = [
  '-1 9\n',
  'graceful\ntrue\nhello-705\n',
  'from the guest\n',
  '/srv/data/greeting /srv/data/package.json\nENOENT\n',
  'stdout one\nstderr two\n',
];

describe('README.md', () => {
  it.each(examples.map((_, index) => ({ index })))('example $index does what it says', async ({ index }) => {
    const { stdout } = await promisify(execFile)(process.execPath, [join(directory, `example-${index}.mjs`)]);
    expect(stdout).toBe(printed[index]);
  });

  it('has as many examples as are checked', () => {
    expect(examples).toHaveLength(printed.length);
  });
});
