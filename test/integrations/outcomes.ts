import type { Expected } from './rows.js';
import type { Sources } from './sources.js';

/** The head of a file with {@link outcomes}. */
export const outcomesHead = (sources: Sources) => `
${sources.imports('readFileSync', 'node:fs')}
${sources.imports('dirname, join', 'node:path')}
${sources.imports('Sandbox', '@msbtest/core')}
${sources.api('afterEach, beforeEach, describe, expect, test')}
`;

/** The ways in which a test can end that all runners have, each once. */
export const outcomes = `
test('plain', () => {});

test.msb('passes', async ({ sandbox }) => {
  expect((await sandbox.exec('id', ['-u'])).stdout()).toBe('0\\n');
});

test.msb('fails', async ({ sandbox }) => {
  await sandbox.shell('echo a word to the reader | tee /dev/console');
  expect(1).toBe(2);
});

test.msb('times out', { timeout: 400 }, async () => {
  await new Promise(() => {});
});

test.msb('is late, though its machine came in time', { timeout: 1500 }, async ({ sandbox }) => {
  const begin = performance.now();
  await sandbox.exec('true');
  expect(performance.now() - begin).toBeLessThan(1500);
});

test.msb('has no such image', { image: '127.0.0.1:1/no-such-image' }, () => {});

test.msb('boots too slowly', { bootTimeout: 100, coldBoot: true }, () => {});

describe('beforeEach', () => {
  beforeEach(() => {
    throw new Error('thrown before');
  });
  test.msb('throws', () => {});
});

describe('afterEach', () => {
  afterEach(() => {
    throw new Error('thrown after');
  });
  test.msb('throws', () => {});
});

test.msb('has a guest that panics', { timeout: 60_000 }, async ({ sandbox }) => {
  await sandbox.shell('(sleep 0.2; echo c > /proc/sysrq-trigger) > /dev/null 2>&1 &');
  await new Promise(() => {});
});

test.msb('has a guest that panics under a command', { timeout: 60_000 }, async ({ sandbox }) => {
  await sandbox.shell('echo c > /proc/sysrq-trigger');
});

/** The process above a machine, and the machine's own, which is its only child. */
const relayOf = (sandbox) => parseInt(readFileSync(join(dirname(sandbox.diskPath), 'lock'), 'utf8'));
const vmmOf = (sandbox) => parseInt(readFileSync('/proc/' + relayOf(sandbox) + '/task/' + relayOf(sandbox) + '/children', 'utf8'));

test.msb('has a VMM that dies', { timeout: 60_000 }, async ({ sandbox }) => {
  process.kill(vmmOf(sandbox), 'SIGKILL');
  await new Promise(() => {});
});

test.msb('loses its relay', { timeout: 60_000 }, async ({ sandbox }) => {
  process.kill(relayOf(sandbox), 'SIGKILL');
  await new Promise(() => {});
});

test.msb('stops its machine itself', async ({ sandbox }) => {
  expect((await sandbox.stop()).outcome).toBe('graceful');
});

test.msb('detaches, stops and starts again', { timeout: 60_000 }, async ({ sandbox }) => {
  await sandbox.shell('printf hello-705 > /root/marker');
  await sandbox.detach();
  const handle = await Sandbox.get(sandbox.name);
  await handle.stop();
  const again = await handle.start();
  expect((await again.exec('cat', ['/root/marker'])).stdout()).toBe('hello-705');
});

test.msb('removes its machine itself', async ({ sandbox }) => {
  await sandbox.kill();
  await Sandbox.remove(sandbox.name);
});

test.msb('has two machines', { timeout: 60_000 }, async ({ sandbox, sandboxes }) => {
  const other = await sandboxes.create({ memory: 128, env: { WHO: 'the other' } });
  expect((await other.shell('echo $WHO')).stdout()).toBe('the other\\n');
  expect((await sandbox.shell('echo $WHO')).stdout()).toBe('\\n');
});

test.msb('does not await its second machine', async ({ sandboxes }) => {
  sandboxes.create().catch(() => {});
});

test.msb.skip('is left out', () => {});
test.msb.todo('is to be written');
`;

/** Two tests that share a machine, of which the options are `machine`, the inside of an object. */
export const sharedOutcomes = (machine: string) => `
const shared = test.msb.shared({ ${machine} }, (sandbox) => sandbox.shell('echo 1 > /count'));
shared('shares a machine, first', async ({ sandbox }) => {
  expect((await sandbox.shell('cat /count; echo 2 > /count')).stdout()).toBe('1\\n');
});
shared('shares a machine, second', async ({ sandbox }) => {
  expect((await sandbox.shell('cat /count')).stdout()).toBe('2\\n');
});
`;

const panics: Expected = {
  state: 'failed',
  boots: 1,
  message: /TestMachineError\]?: The microVM of .* ended by itself \(run\).*Kernel panic/s,
};

/** What they come to. */
export const expected: Readonly<Record<string, Expected>> = {
  plain: { state: 'passed', boots: 0 },
  passes: { state: 'passed', boots: 1 },
  fails: { state: 'failed', boots: 1, message: /expected 1 to be 2|Expected: 2\s+Received: 1/ },
  'times out': { state: 'failed', boots: 1 },
  'is late, though its machine came in time': { state: 'passed', boots: 1 },
  'has no such image': {
    state: 'failed',
    boots: 0,
    message: /TestMachineError\]?: .* did not come up \(boot\): 127\.0\.0\.1:1 cannot be talked to/,
  },
  'boots too slowly': {
    state: 'failed',
    boots: 1,
    message: /did not come up \(boot, .*not ready within 100 ms/s,
  },
  'beforeEach > throws': { state: 'failed', boots: 1, message: /thrown before/ },
  'afterEach > throws': { state: 'failed', boots: 1, message: /thrown after/ },
  'has a guest that panics': panics,
  'has a guest that panics under a command': panics,
  'has a VMM that dies': { state: 'failed', boots: 1, message: /ended by itself \(run\).*signal 9/s },
  'loses its relay': { state: 'failed', boots: 1, message: /ended by itself \(run\).*its relay is gone/s },
  'stops its machine itself': { state: 'passed', boots: 1 },
  'detaches, stops and starts again': { state: 'passed', boots: 2 },
  'removes its machine itself': { state: 'passed', boots: 1 },
  'has two machines': { state: 'passed', boots: 2 },
  'does not await its second machine': { state: 'passed', boots: [1, 2] },
  'is left out': { state: 'skipped', boots: 0 },
  'is to be written': { state: 'todo', boots: 0 },
};

export const sharedExpected: Readonly<Record<string, Expected>> = {
  'shares a machine, first': { state: 'passed', boots: 0 },
  'shares a machine, second': { state: 'passed', boots: 0 },
};
