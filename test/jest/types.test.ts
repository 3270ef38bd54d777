import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { checkout } from '../support/saboteurs.js';

/** Inside the checkout, so that the packages are found as a user's project would find them. */
const directory = join(checkout, 'test/dist/jest-types');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const use = `
test.msb('one', async ({ sandbox, sandboxes }) => {
  const text: string = (await sandbox.exec('id')).stdout();
  await sandboxes.create({ memory: 128 });
  // @ts-expect-error: there is no such thing in a test
  sandbox.explode(text);
});
test.msb('two', { memory: 128, timeout: 1000, keep: 'on-failure' }, () => {}, 1000);
// @ts-expect-error: it is memory
test.msb('three', { memroy: 128 }, () => {});
test.msb.each([[1, 'a'] as const])('%i %s', (n, s, { sandbox }) => void [n * 2, s === 'a', sandbox.name]);
test.msb.each([1, 2])('%i', { cpus: 2 }, (n, { sandbox }) => void [n * 2, sandbox.name]);
test.msb.each([{ n: 1 }])('$n', ({ n }, { sandbox }) => void [n * 2, sandbox.name]);
test.msb.each\`
  n
  \${1}
\`('$n', ({ n }, { sandbox }) => void [n, sandbox.name]);
test.msb.concurrent.only.failing.each([1])('%i', (n, { sandbox }) => void [n, sandbox.name]);
test.msb.todo('later');
const shared = test.msb.shared({ memory: 128 }, (sandbox) => sandbox.exec('true'));
shared.skip('shares', ({ sandbox }) => void sandbox.name);
// @ts-expect-error: jest has no other scope
test.msb.shared({ scope: 'worker' });
test('plain', () => expect(1).toBe(1));
`;

/** How a project gets its types, and what it says at the top of a file. */
const ways = [
  { name: 'globals', types: ['node', 'jest', '@msbtest/jest-env'], head: '' },
  {
    name: '@jest/globals',
    types: ['node', '@msbtest/jest-env'],
    head: "import { expect, test } from '@jest/globals';",
  },
];

const tscTimeoutMs = 60_000;

describe('the types of test.msb in jest', () => {
  it.each(ways)('hold with $name', async ({ types, head }) => {
    mkdirSync(directory, { recursive: true });
    const compilerOptions = {
      lib: ['es2023', 'esnext.disposable'],
      module: 'nodenext',
      types,
      strict: true,
      noEmit: true,
    };
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
    writeFileSync(join(directory, 'use.test.ts'), `${head}\n${use}\nexport {};\n`);
    const tsc = join(checkout, 'node_modules/.bin/tsc');
    const told = await promisify(execFile)(tsc, ['--project', directory], { timeout: tscTimeoutMs }).then(
      ({ stdout }) => stdout,
      ({ stdout }) => stdout,
    );
    expect(told).toBe('');
  });
});
