/** `msbTest(…)` for Node's own test runner: a test with a microVM of its own. */
import '../host/dispose-symbols.js';
import { join } from 'node:path';
import { type TestContext, type TestOptions, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { InvalidConfigError, TimeoutError } from '../errors.js';
import type { EvidenceFile } from './evidence.js';
import type { MsbFixtures } from './fixtures.js';
import { decideGate, requireGate, skipNote } from './gate.js';
import type { MachineOptions } from './machine-options.js';
import { parseTestArguments } from './test-arguments.js';
import { TestAttempt } from './test-attempt.js';
import { testIdentity } from './test-machine.js';

/** Options of a microVM test: its machine's, and `node:test`'s own; `timeout` is in milliseconds for the function, the boot not counted; default none. */
export interface MsbTestOptions extends MachineOptions, TestOptions {}

/** What a microVM test is given: its machine, and `node:test`'s own context as `t`. */
export interface MsbTestFixtures extends MsbFixtures {
  readonly t: TestContext;
}

type Body = (fixtures: MsbTestFixtures) => unknown;

interface Collect {
  (name: string, body: Body): Promise<void>;
  (name: string, options: MsbTestOptions, body: Body): Promise<void>;
}

/** For tests that are not run, or not yet written. */
interface CollectIdle extends Collect {
  (name: string, options?: MsbTestOptions): Promise<void>;
}

const nodeOptionNames = ['concurrency', 'only', 'plan', 'signal', 'skip', 'timeout', 'todo'] as const;

/** The longest that a timer can take. */
const longestTimeout = 2 ** 31 - 1;

const collector = (mode: TestOptions): Collect =>
  function msbTest(name: string, ...args: readonly unknown[]) {
    const parsed = parseTestArguments<TestOptions>('msbTest', name, args, nodeOptionNames);
    const { where, machine, runner, body } = parsed;
    const { timeout, ...options } = { ...runner, ...mode };
    if (!body && (options.todo || options.skip)) return test(name, options);
    if (!body) throw new InvalidConfigError(`${where} has no function to run.`);
    // Node's own time-out would count the boot, so it is as long as it can be.
    return test(name, { ...options, timeout: longestTimeout }, (t) => run(t, machine, body as Body, timeout));
  };

/** `msbTest('boots', async ({ sandbox }) => …)`: as {@link test}, with a machine. */
export const msbTest = Object.assign(collector({}), {
  only: collector({ only: true }),
  skip: collector({ skip: true }) as CollectIdle,
  todo: collector({ todo: true }) as CollectIdle,
});

async function run(t: TestContext, machine: MachineOptions, body: Body, timeout: number | undefined) {
  const gate = decideGate();
  requireGate(gate);
  if (!gate.open) return t.skip(skipNote(gate));
  const over = new AbortController();
  let interrupt: (reason: unknown) => void = () => {};
  const interrupted = new Promise<never>((_, reject) => {
    interrupt = reject;
  });
  t.signal.addEventListener('abort', () => interrupt(t.signal.reason), { signal: over.signal });
  const { filePath = process.argv[1] } = t as { readonly filePath?: string }; // not there in Node 20
  const identity = testIdentity(filePath ?? '', '', [t.fullName]);
  const attempt = new TestAttempt(identity, machine, interrupt);
  const { sandboxes } = attempt;
  const passed = (async () => {
    const sandbox = await Promise.race([attempt.sandbox, interrupted]);
    await Promise.race([body({ sandbox, sandboxes, t }), interrupted, late(timeout, over.signal)]);
  })();
  let verdict: 'passed' | 'failed' = 'failed';
  try {
    await passed.catch(() => {});
    const death = await attempt.death(); // first: a command that was lost with the machine may have failed the test instead
    if (death) throw death;
    await passed;
    verdict = 'passed';
  } finally {
    over.abort();
    const attach = async (files: readonly EvidenceFile[]) => {
      for (const { shown } of files) t.diagnostic(`microVM: ${shown}`);
    };
    await attempt.end({ verdict, last: true, evidence: join(process.cwd(), '.node-test', 'msb'), attach });
  }
}

/** Rejects when the time is over; never without a time-out. */
async function late(timeout: number | undefined, signal: AbortSignal): Promise<never> {
  if (timeout === undefined || timeout === Infinity) return new Promise(() => {});
  await delay(timeout, undefined, { signal });
  throw new TimeoutError(
    `The test took longer than its time-out of ${timeout} ms, its machine's boot not counted.`,
  );
}
