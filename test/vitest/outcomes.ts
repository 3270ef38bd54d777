import * as common from '../integrations/outcomes.js';
import type { Expected } from '../integrations/rows.js';
import { sources } from './sources.js';

/** Every way in which a test can end, each once. */
export const outcomes = `${common.outcomesHead(sources)}${common.outcomes}
test.msb('fails as expected', { fails: true }, () => {
  throw new Error('as expected');
});

let tries = 0;
test.msb('passes at its second try', { retry: 2 }, async ({ sandbox }) => {
  expect((await sandbox.shell('cat /mark; touch /mark')).stdout()).toBe('');
  expect(++tries).toBe(2);
});

let late = 0;
test.msb('times out, then passes', { retry: 1, timeout: 700 }, async () => {
  if (late++ === 0) await new Promise(() => {});
});

test.msb('repeats', { repeats: 1 }, async ({ sandbox }) => {
  expect((await sandbox.shell('test ! -e /mark && touch /mark')).success).toBe(true);
});

test.msb('is skipped when it runs', ({ skip }) => skip('thought better of it'));

test.msb.extend('broken', async ({ sandbox }) => {
  await sandbox.exec('true');
  throw new Error('thrown by a fixture');
})('has a fixture that throws', ({ broken }) => broken);

test.msb.extend('messy', ({ sandbox }, { onCleanup }) => {
  onCleanup(() => {
    throw new Error('thrown by a cleanup');
  });
  return sandbox;
})('has a cleanup that throws', ({ messy }) => void messy);

const patches = [{ kind: 'text' as const, path: '/level', content: 'suite ' }];
describe('meta', { meta: { msb: { env: { LEVEL: 'suite' }, memory: 128, patches } } }, () => {
  test.msb('comes from the suite', async ({ sandbox }) => {
    expect((await sandbox.shell('echo $LEVEL')).stdout()).toBe('suite\\n');
    expect((await sandbox.config()).memoryMib).toBe(128);
  });
  describe('inner', () => {
    const own = [{ kind: 'append' as const, path: '/level', content: 'test' }];
    test.msb('adds to it', { patches: own }, async ({ sandbox }) => {
      expect((await sandbox.shell('cat /level')).stdout()).toBe('suite test');
    });
  });
});

test.msb.for([['a'], ['b']])('case %s', ([letter], { sandbox }) => {
  expect(sandbox.name).toContain('case-' + letter);
});

test.msb.each([1])('each %i', (n) => expect(n).toBe(1));

test.msb.skipIf(true)('is left out by a condition', () => {});
test.msb.runIf(true)('is run by a condition', () => {});
${common.sharedOutcomes(`scope: 'file', memory: 128`)}`;

export const expected: Readonly<Record<string, Expected>> = {
  ...common.expected,
  ...common.sharedExpected,
  'fails as expected': { state: 'passed', boots: 1 },
  'passes at its second try': { state: 'passed', boots: 2 },
  'times out, then passes': { state: 'passed', boots: 2 },
  repeats: { state: 'passed', boots: 2 },
  'is skipped when it runs': { state: 'skipped', boots: 1 },
  'has a fixture that throws': { state: 'failed', boots: 1, message: /thrown by a fixture/ },
  'has a cleanup that throws': { state: 'failed', boots: 1, message: /thrown by a cleanup/ },
  'meta > comes from the suite': { state: 'passed', boots: 1 },
  'meta > inner > adds to it': { state: 'passed', boots: 1 },
  'case a': { state: 'passed', boots: 1 },
  'case b': { state: 'passed', boots: 1 },
  'each 1': { state: 'passed', boots: 1 },
  'is left out by a condition': { state: 'skipped', boots: 0 },
  'is run by a condition': { state: 'passed', boots: 1 },
};

/** The main outcomes, for two files that run in one worker and share a machine there. */
export const fewOutcomes = (file: string) => `
import { expect, test } from '@msbtest/vitest-plugin';
import { shared } from './shared';

test.msb('${file} passes', async ({ sandbox }) => {
  expect((await sandbox.exec('true')).success).toBe(true);
});
test.msb('${file} fails', () => {
  expect(1).toBe(2);
});
let tries = 0;
test.msb('${file} times out, then passes', { retry: 1, timeout: 500 }, async () => {
  if (tries++ === 0) await new Promise(() => {});
});
shared('${file} shares', async ({ sandbox }) => {
  expect((await sandbox.shell('cat /prepared')).stdout()).toBe('1\\n');
});
`;

export const sharedFile = `
import { test } from '@msbtest/vitest-plugin';
export const shared = test.msb.shared({ scope: 'worker', memory: 128 }, (sandbox) => sandbox.shell('echo 1 > /prepared'));
`;

export const fewExpected = (file: string): Record<string, Expected> => ({
  [`${file} passes`]: { state: 'passed', boots: 1 },
  [`${file} fails`]: { state: 'failed', boots: 1 },
  [`${file} times out, then passes`]: { state: 'passed', boots: 2 },
  [`${file} shares`]: { state: 'passed', boots: 0 },
});
