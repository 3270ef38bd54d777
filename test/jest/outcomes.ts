import * as common from '../integrations/outcomes.js';
import type { Expected } from '../integrations/rows.js';
import { sources } from './sources.js';

/** The inside of the machine's options in the configuration of {@link outcomes}. */
export const machine = `memory: 256, env: { ONE: 'configuration', TWO: 'configuration', THREE: 'configuration' }`;

/** Every way in which a test can end, each once. */
export const outcomes = `/**
 * @msb {"memory": 128, "env": {"TWO": "docblock", "THREE": "docblock"}}
 */
${common.outcomesHead(sources)}${common.outcomes}
it.msb('goes by its other name', async ({ sandbox }) => {
  expect((await sandbox.exec('true')).success).toBe(true);
});

test.msb.failing('fails as expected', () => {
  throw new Error('as expected');
});

test.msb.failing('passes, though it should fail', () => {});

test.msb('times out by its last argument', async () => {
  await new Promise(() => {});
}, 400);

test.msb('does not make all of its assertions', async ({ sandbox }) => {
  expect.assertions(2);
  expect((await sandbox.exec('true')).success).toBe(true);
});

const patches = [{ kind: 'text', path: '/patched', content: 'by the test' }];
test.msb('has options from everywhere', { env: { THREE: 'test' }, patches }, async ({ sandbox }) => {
  expect((await sandbox.shell('cat /patched')).stdout()).toBe('by the test');
  expect((await sandbox.shell('echo $ONE $TWO $THREE')).stdout()).toBe('configuration docblock test\\n');
  expect((await sandbox.config()).memoryMib).toBe(128);
});

describe.each([['after the others', {}], ['at once', { retryImmediately: true }]])('retries %s', (_, options) => {
  beforeAll(() => { jest.retryTimes(2, options); });
  afterAll(() => { jest.retryTimes(0); });
  let tries = 0;
  test.msb('passes at its second try', async ({ sandbox }) => {
    expect((await sandbox.shell('cat /mark; touch /mark')).stdout()).toBe('');
    expect(++tries).toBe(2);
  });
  let late = 0;
  test.msb('times out, then passes', { timeout: 700 }, async () => {
    if (late++ === 0) await new Promise(() => {});
  });
});

describe('retries all', () => {
  jest.retryTimes(1, { entireDescribe: true });
  let tries = 0;
  test.msb('passes twice', async ({ sandbox }) => {
    expect((await sandbox.shell('test ! -e /mark && touch /mark')).success).toBe(true);
  });
  test.msb('passes at its second try', () => {
    expect(++tries).toBe(2);
  });
});

describe('beforeAll', () => {
  beforeAll(() => {
    throw new Error('thrown before all');
  });
  test.msb('boots nothing', () => {});
});

describe('hooks', () => {
  let names;
  beforeEach(async () => {
    names = (await Sandbox.list()).sandboxes.map(({ name }) => name);
  });
  test.msb('come after the boot', ({ sandbox }) => {
    expect(names).toContain(sandbox.name);
  });
});

test.msb.each([['a', 1], ['b', 2]])('case %s %i', (letter, number, { sandbox }) => {
  expect(sandbox.name).toContain('case-' + letter + '-' + number);
});
test.msb.each(['c'])('single %s', { hostname: 'single' }, async (letter, { sandbox }) => {
  expect((await sandbox.exec('hostname')).stdout()).toBe('single\\n');
  expect(letter).toBe('c');
});
test.msb.each\`
  letter | number
  \${'d'} | \${4}
\`('template $letter', ({ letter, number }, { sandbox }) => {
  expect([letter, number]).toEqual(['d', 4]);
  expect(sandbox.name).toContain('template-d');
});
test.msb.failing.each([5])('failing %i', (number, { sandbox }) => {
  expect(sandbox.name).toBe(number);
});
test.msb.skip.each([6])('skipped %i', () => {});
xit.msb('is left out under another name', () => {});

test.msb.concurrent('runs beside others', async ({ sandbox }) => {
  expect(sandbox.name).toContain('runs-beside-others');
});
test.msb.concurrent.each([1, 2])('runs beside others %i', async (number, { sandbox }) => {
  expect(sandbox.name).toContain('runs-beside-others-' + number);
});
test.msb.concurrent('fails beside others', async ({ sandbox }) => {
  await sandbox.exec('true');
  throw new Error('thrown beside others');
});
test.msb.concurrent.failing('fails beside others as expected', async () => {
  throw new Error('as expected');
});
test.msb.concurrent.skip('is left out beside others', async () => {});

test.msb('has fake timers', async ({ sandbox }) => {
  jest.useFakeTimers();
  expect((await sandbox.exec('sleep', ['0.2'])).success).toBe(true);
});
test.msb('has real timers again', async ({ sandbox }) => {
  jest.useRealTimers();
  expect((await sandbox.exec('sleep', ['0.2'])).success).toBe(true);
});

test.msb('has errors and bytes of its own realm', async ({ sandbox }) => {
  const { SandboxNotFoundError, isMicrosandboxError } = require('@msbtest/core');
  const error = await Sandbox.get('is-not-there').catch((error) => error);
  expect(error).toBeInstanceOf(SandboxNotFoundError);
  expect(isMicrosandboxError(error)).toBe(true);
  await expect(Sandbox.get('is-not-there')).rejects.toThrow(SandboxNotFoundError);
  const bytes = (await sandbox.shell('printf hi')).stdoutBytes();
  expect(bytes).toBeInstanceOf(Uint8Array);
  expect(bytes).toEqual(new Uint8Array([104, 105]));
  expect(sandbox).toBeInstanceOf(Sandbox);
});
${common.sharedOutcomes('memory: 128')}
shared.each([1])('shares a machine, case %i', async (number, { sandbox }) => {
  expect((await sandbox.shell('cat /count')).stdout()).toBe('2\\n');
});
shared.skip('shares a machine, but not now', () => {});
`;

const passed = { state: 'passed', boots: 1 } as const;
const skipped = { state: 'skipped', boots: 0 } as const;
const atSecondTry = { state: 'passed', boots: 2 } as const;

/** What {@link outcomes} come to; of the machine that tests share, only that it is one is demanded. */
export const expected: Readonly<Record<string, Expected>> = {
  ...common.expected,
  ...common.sharedExpected,
  'goes by its other name': passed,
  'fails as expected': passed,
  'passes, though it should fail': { state: 'failed', boots: 1, message: /supposed to fail/ },
  'times out by its last argument': { state: 'failed', boots: 1, message: /Exceeded timeout of 400 ms/ },
  'does not make all of its assertions': {
    state: 'failed',
    boots: 1,
    message: /Expected two assertions to be called but received one/,
  },
  'has options from everywhere': passed,
  'retries after the others > passes at its second try': atSecondTry,
  'retries after the others > times out, then passes': atSecondTry,
  'retries at once > passes at its second try': atSecondTry,
  'retries at once > times out, then passes': atSecondTry,
  'retries all > passes twice': atSecondTry,
  'retries all > passes at its second try': atSecondTry,
  'beforeAll > boots nothing': { state: 'failed', boots: 0, message: /thrown before all/ },
  'hooks > come after the boot': passed,
  'case a 1': passed,
  'case b 2': passed,
  'single c': passed,
  'template d': passed,
  'failing 5': passed,
  'skipped 6': skipped,
  'is left out under another name': skipped,
  'runs beside others': passed,
  'runs beside others 1': passed,
  'runs beside others 2': passed,
  'fails beside others': { state: 'failed', boots: 1, message: /thrown beside others/ },
  'fails beside others as expected': passed,
  'is left out beside others': skipped,
  'has fake timers': passed,
  'has real timers again': passed,
  'has errors and bytes of its own realm': passed,
  'shares a machine, case 1': { state: 'passed', boots: 0 },
  'shares a machine, but not now': skipped,
};

/** Tests that fail, and so have evidence where they had a machine that came up; and those that must have none. */
export const evident = ['fails', 'does not make all of its assertions', 'fails beside others'];
export const notEvident = ['passes', 'fails as expected', 'goes by its other name', 'failing 5'];

/** A second file, for there are no workers for one. */
export const beside = `
test('plain, beside', () => {});
test.msb('passes beside', async ({ sandbox }) => {
  expect((await sandbox.exec('true')).success).toBe(true);
});
`;
export const besideExpected: Readonly<Record<string, Expected>> = {
  'plain, beside': { state: 'passed', boots: 0 },
  'passes beside': passed,
};

/** The main outcomes, in an ECMAScript module. */
export const moduleOutcomes = `
import { isMicrosandboxError, Sandbox, SandboxNotFoundError } from '@msbtest/core';
import { describe, expect, test } from '@jest/globals';
test('plain', () => {});
test.msb('passes', async ({ sandbox }) => {
  expect((await sandbox.exec('id', ['-u'])).stdout()).toBe('0\\n');
  expect(sandbox).toBeInstanceOf(Sandbox);
});
test.msb('fails', () => {
  expect(1).toBe(2);
});
describe('suite', () => {
  test.msb.each([[1, 2]])('case %i %i', (one, two, { sandbox }) => {
    expect(sandbox.name).toContain('case-' + one + '-' + two);
  });
});
test.msb('has errors of its own realm', async () => {
  const error = await Sandbox.get('is-not-there').catch((error) => error);
  expect(error).toBeInstanceOf(SandboxNotFoundError);
  expect(isMicrosandboxError(error)).toBe(true);
});
globalThis.test.msb('is the global one', () => {});
`;
export const moduleExpected: Readonly<Record<string, Expected>> = {
  plain: { state: 'passed', boots: 0 },
  passes: passed,
  fails: { state: 'failed', boots: 1, message: /Expected: 2\s+Received: 1/ },
  'suite > case 1 2': passed,
  'has errors of its own realm': passed,
  'is the global one': passed,
};

/** Where there are no globals, timers are fake from the start, and the options come from jest's own pragma. */
export const importedOutcomes = `/**
 * @jest-environment-options {"msb": {"memory": 128}}
 */
const { expect, it, test } = require('@jest/globals');
if (typeof globalThis.test !== 'undefined') throw new Error('there is a global test');
test.msb('passes', async ({ sandbox }) => {
  expect((await sandbox.exec('sleep', ['0.2'])).success).toBe(true);
  expect((await sandbox.config()).memoryMib).toBe(128);
});
it.msb('times out', { timeout: 400 }, async () => {
  await new Promise(() => {});
});
`;
export const importedExpected: Readonly<Record<string, Expected>> = {
  passes: passed,
  'times out': { state: 'failed', boots: 1, message: /Exceeded timeout of 400 ms/ },
};

/** Everything that can be the only one. */
export const onlyOutcomes = `
test('plain', () => {});
test.msb('is not', () => {});
test.msb.failing('is not, and fails', () => {});
test.msb.concurrent('is not, and concurrent', async () => {});
test.msb.only('is', () => {});
test.msb.only.each([1])('is case %i', (number, { sandbox }) => { expect(sandbox.name).toContain('is-case-1'); });
test.msb.only.failing('is, and fails', () => { throw new Error('as expected'); });
test.msb.concurrent.only('is, and concurrent', async ({ sandbox }) => { await sandbox.exec('true'); });
`;
export const onlyExpected: Readonly<Record<string, Expected>> = {
  plain: skipped,
  'is not': skipped,
  'is not, and fails': skipped,
  'is not, and concurrent': skipped,
  is: passed,
  'is case 1': passed,
  'is, and fails': passed,
  'is, and concurrent': passed,
};
