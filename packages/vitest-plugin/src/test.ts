import type { Sandbox } from '@msbtest/core';
import {
  checkSharing,
  isSkipped,
  type MachineOptions,
  parseSharedOptions,
  parseTestArguments,
  SharedMachine,
} from '@msbtest/core/testing';
import {
  test as base,
  type RunnerTestCase,
  type TestAPI,
  type TestContext,
  type TestOptions,
  TestRunner,
} from 'vitest';
import type { MsbTest, MsbTestAPI, SharedOptions } from './api.js';
import { plan, sandboxesOf, sandboxOf, skipAtCollection } from './attempt.js';
import { machineFor, vitestOptionNames } from './options.js';
import { currentRun, hasPlugin } from './run.js';

type Chain = Record<string, unknown>;
type TestName = Parameters<MsbTestAPI>[0];

/** Collects a test the way vitest does, whatever stands before the parentheses: `.only`, `.skip`, fixtures, … */
function collect(chain: Chain, name: TestName, options: object, body: unknown): RunnerTestCase {
  const suite = TestRunner.getCurrentSuite();
  const { fn } = suite.test as unknown as { fn: (...args: unknown[]) => void };
  fn.call(chain, name, options, body);
  return suite.tasks.at(-1) as RunnerTestCase;
}

function collectMicroVmTest(
  chain: Chain,
  name: TestName,
  first: unknown,
  second: unknown,
  shared: MachineOptions | undefined,
): void {
  const parsed = parseTestArguments<TestOptions>('test.msb', name, [first, second], vitestOptionNames);
  const { where, machine, runner: vitest, body } = parsed;
  const { gate, defaults } = currentRun();
  const suite = TestRunner.getCurrentSuite().suite;
  if (shared) checkSharing(machine, where);
  const asked = shared ?? machineFor(suite, [vitest.meta?.msb ?? {}, machine], defaults);
  const tags = [vitest.tags ?? [], hasPlugin() ? 'msb' : []].flat();
  const task = collect(chain, name, { ...vitest, tags, meta: { ...vitest.meta, msb: asked } }, body);
  if (task.mode !== 'run' && task.mode !== 'only') return;
  // One that is marked `only` keeps the others from running, also where it cannot run itself: it is skipped when its turn comes.
  if (!isSkipped(gate) || task.mode === 'only') plan(task, shared ? null : asked);
  else skipAtCollection(task, gate);
}

/** A `test.msb` whose tests share a machine, or, without `shared`, have one each. */
function microVmTest(shared?: MachineOptions) {
  return TestRunner.createTaskCollector(function (this: Chain, ...[name, first, second]: unknown[]) {
    collectMicroVmTest(this, name as string, first, second, shared);
  } as never) as unknown as TestAPI;
}

/** None of the fixtures is automatic: vitest would ask for it in every hook, the one that boots its machine included. */
function withSandbox(api: TestAPI): MsbTestAPI {
  return api
    .extend('sandbox', ({ task }: TestContext) => sandboxOf({ task } as TestContext))
    .extend('sandboxes', ({ task }: TestContext) =>
      sandboxesOf({ task } as TestContext),
    ) as unknown as MsbTestAPI;
}

function shareMachine(options: SharedOptions, prepare?: (sandbox: Sandbox) => unknown): MsbTestAPI {
  const { scope, machine: own } = parseSharedOptions(options, ['file', 'worker']);
  const machine = machineFor(TestRunner.getCurrentSuite().suite, [own], currentRun().defaults);
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the first parameter to learn what the fixture needs
  const fixture = ({}: object, { onCleanup }: { onCleanup(cleanup: () => Promise<void>): void }) => {
    const shared = new SharedMachine(scope, machine, prepare);
    onCleanup(() => shared[Symbol.asyncDispose]());
    return shared;
  };
  const api = microVmTest(machine).extend('msbShared', { scope } as { scope: 'file' }, fixture);
  return withSandbox(api as unknown as TestAPI);
}

/** Vitest's `test`, as a function of our own: what hangs on it must not hang on everybody's. */
const plain = TestRunner.createTaskCollector(function (this: Chain, ...[name, first, second]: unknown[]) {
  const { fn } = base as unknown as { fn: (...args: unknown[]) => void };
  fn.call(this, name, first, second);
} as never) as unknown as TestAPI;

/** A test with a microVM of its own: `msbTest('boots', async ({ sandbox }) => …)`. The same as `test.msb`. */
export const msbTest: MsbTest = Object.assign(withSandbox(microVmTest()), { shared: shareMachine });

/** Vitest's `test`, with `test.msb` for tests that have a microVM of their own. */
export const test: TestAPI & { readonly msb: MsbTest } = Object.assign(plain, { msb: msbTest });

export { test as it };
