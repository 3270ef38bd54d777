import type { TestResult } from './project.js';

/** What a test of {@link outcomes} must come to. */
export interface Expected {
  readonly state: TestResult['state'];
  /** Machines that were started for it; where that is a matter of timing, at least and at most. */
  readonly boots: number | readonly [number, number];
  /** Of one of its errors. */
  readonly message?: RegExp;
}

/** A configuration with the plugin; `more` are settings of vitest's. Of several files, `INCLUDE` chooses. */
export const config = (more = '') => `
import { msb } from '@msbtest/vitest-plugin/plugin';
import { defineConfig } from 'vitest/config';
export default defineConfig({
  plugins: [msb({ memory: 256 })],
  test: { include: [process.env.INCLUDE ?? '*.test.ts'], testTimeout: 5000, ${more} },
});
`;

/** Every way in which a test can end, each once. */
export const outcomes = `
import { afterEach, beforeEach, describe, expect, test } from '@msbtest/vitest-plugin';

test('plain', () => {});

test.msb('passes', async ({ sandbox }) => {
  expect((await sandbox.exec('id', ['-u'])).stdout()).toBe('0\\n');
});

test.msb('fails', async ({ sandbox }) => {
  await sandbox.exec('echo', ['a word to the reader']);
  expect(1).toBe(2);
});

test.msb('fails as expected', { fails: true }, () => {
  throw new Error('as expected');
});

test.msb('times out', { timeout: 400 }, async () => {
  await new Promise(() => {});
});

test.msb('is late, though its machine came in time', { timeout: 1500 }, async ({ sandbox }) => {
  const begin = performance.now();
  await sandbox.exec('true');
  expect(performance.now() - begin).toBeLessThan(1500);
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

test.msb('has no such image', { image: 'no-such-image' }, () => {});

test.msb('boots too slowly', { bootTimeout: 30 }, () => {});

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

test.msb('has a guest that panics', { timeout: 60_000 }, async ({ sandbox }) => {
  await sandbox.shell('(sleep 0.2; echo c > /proc/sysrq-trigger) > /dev/null 2>&1 &');
  await new Promise(() => {});
});

test.msb('has a guest that panics under a command', { timeout: 60_000 }, async ({ sandbox }) => {
  await sandbox.shell('echo c > /proc/sysrq-trigger');
});

/** Kills the process of a machine whose program is called that. */
async function killProcess(program, sandbox) {
  const { readdirSync, readFileSync } = await import('node:fs');
  const { basename } = await import('node:path');
  for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
    let args = [];
    try {
      args = readFileSync('/proc/' + pid + '/cmdline', 'utf8').split('\\0');
    } catch {}
    if (basename(args[0] ?? '').startsWith(program) && args.join(' ').includes(sandbox.diskPath))
      process.kill(Number(pid), 'SIGKILL');
  }
}

test.msb('has a VMM that dies', { timeout: 60_000 }, async ({ sandbox }) => {
  await killProcess('qemu-system', sandbox);
  await new Promise(() => {});
});

test.msb('loses its relay', { timeout: 60_000 }, async ({ sandbox }) => {
  await killProcess('msb-relay', sandbox);
  await new Promise(() => {});
});

test.msb('stops its machine itself', async ({ sandbox }) => {
  expect((await sandbox.stop()).outcome).toBe('graceful');
});

test.msb('detaches, stops and starts again', { timeout: 60_000 }, async ({ sandbox }) => {
  const { Sandbox } = await import('@msbtest/core');
  await sandbox.shell('printf hello-705 > /root/marker');
  await sandbox.detach();
  const handle = await Sandbox.get(sandbox.name);
  await handle.stop();
  const again = await handle.start();
  expect((await again.exec('cat', ['/root/marker'])).stdout()).toBe('hello-705');
});

test.msb('removes its machine itself', async ({ sandbox }) => {
  const { Sandbox } = await import('@msbtest/core');
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

const shared = test.msb.shared({ scope: 'file', memory: 128 }, (sandbox) => sandbox.shell('echo 1 > /count'));
shared('shares a machine, first', async ({ sandbox }) => {
  expect((await sandbox.shell('cat /count; echo 2 > /count')).stdout()).toBe('1\\n');
});
shared('shares a machine, second', async ({ sandbox }) => {
  expect((await sandbox.shell('cat /count')).stdout()).toBe('2\\n');
});

describe('meta', { meta: { msb: { env: { LEVEL: 'suite' }, memory: 128 } } }, () => {
  test.msb('comes from the suite', async ({ sandbox }) => {
    expect((await sandbox.shell('echo $LEVEL')).stdout()).toBe('suite\\n');
    expect((await sandbox.config()).memoryMib).toBe(128);
  });
});

test.msb.for([['a'], ['b']])('case %s', ([letter], { sandbox }) => {
  expect(sandbox.name).toContain('case-' + letter);
});

test.msb.each([1])('each %i', (n) => expect(n).toBe(1));

test.msb.skip('is left out', () => {});
test.msb.skipIf(true)('is left out by a condition', () => {});
test.msb.runIf(true)('is run by a condition', () => {});
test.msb.todo('is to be written');
`;

export const expected: Readonly<Record<string, Expected>> = {
  plain: { state: 'passed', boots: 0 },
  passes: { state: 'passed', boots: 1 },
  fails: { state: 'failed', boots: 1, message: /expected 1 to be 2/ },
  'fails as expected': { state: 'passed', boots: 1 },
  'times out': { state: 'failed', boots: 1 },
  'is late, though its machine came in time': { state: 'passed', boots: 1 },
  'passes at its second try': { state: 'passed', boots: 2 },
  'times out, then passes': { state: 'passed', boots: 2 },
  repeats: { state: 'passed', boots: 2 },
  'is skipped when it runs': { state: 'skipped', boots: 1 },
  'has no such image': {
    state: 'failed',
    boots: 0,
    message: /TestMachineError: .* did not come up \(boot\): There is no image .*no-such-image/,
  },
  'boots too slowly': {
    state: 'failed',
    boots: 1,
    message: /did not come up \(boot, .*not ready within 30 ms/s,
  },
  'beforeEach > throws': { state: 'failed', boots: 1, message: /thrown before/ },
  'afterEach > throws': { state: 'failed', boots: 1, message: /thrown after/ },
  'has a fixture that throws': { state: 'failed', boots: 1, message: /thrown by a fixture/ },
  'has a cleanup that throws': { state: 'failed', boots: 1, message: /thrown by a cleanup/ },
  'has a guest that panics': {
    state: 'failed',
    boots: 1,
    message: /TestMachineError: The microVM of .* ended by itself \(run\).*Kernel panic/s,
  },
  'has a guest that panics under a command': {
    state: 'failed',
    boots: 1,
    message: /TestMachineError: The microVM of .* ended by itself \(run\).*Kernel panic/s,
  },
  'has a VMM that dies': { state: 'failed', boots: 1, message: /ended by itself \(run\).*signal 9/s },
  'loses its relay': { state: 'failed', boots: 1, message: /ended by itself \(run\).*its relay is gone/s },
  'stops its machine itself': { state: 'passed', boots: 1 },
  'detaches, stops and starts again': { state: 'passed', boots: 2 },
  'removes its machine itself': { state: 'passed', boots: 1 },
  'has two machines': { state: 'passed', boots: 2 },
  'does not await its second machine': { state: 'passed', boots: [1, 2] },
  'shares a machine, first': { state: 'passed', boots: 0 },
  'shares a machine, second': { state: 'passed', boots: 0 },
  'meta > comes from the suite': { state: 'passed', boots: 1 },
  'case a': { state: 'passed', boots: 1 },
  'case b': { state: 'passed', boots: 1 },
  'each 1': { state: 'passed', boots: 1 },
  'is left out': { state: 'skipped', boots: 0 },
  'is left out by a condition': { state: 'skipped', boots: 0 },
  'is run by a condition': { state: 'passed', boots: 1 },
  'is to be written': { state: 'todo', boots: 0 },
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
