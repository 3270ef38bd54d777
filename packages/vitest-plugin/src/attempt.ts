import type { Sandbox } from '@msbtest/core';
import { TestMachineError } from '@msbtest/core';
import {
  type EvidenceFile,
  type Gate,
  type MachineOptions,
  type MsbFixtures,
  nextMachines,
  requireGate,
  type SharedMachine,
  say,
  skipNote,
  skippedFileNote,
  skippedRecord,
  TestAttempt,
  type TestIdentity,
  testIdentity,
} from '@msbtest/core/testing';
import {
  aroundEach,
  beforeAll,
  type RunnerTestCase,
  type RunnerTestFile,
  type RunnerTestSuite,
  type TestContext,
  TestRunner,
} from 'vitest';
import { currentRun, hasPlugin } from './run.js';

/** What was decided about a test when it was collected: the machine that it asks for; `null` for one that shares another's. */
const plans = new WeakMap<RunnerTestCase, MachineOptions | null>();

/** The running attempts. A retry is another attempt, with another machine. */
const attempts = new Map<RunnerTestCase, TestAttempt>();

/** Suites whose tests have our hook around them. */
const hooked = new WeakSet<object>();

/** Files of which it was said that their tests are skipped; where the plugin is, its reporter says so for the run. */
const toldFiles = new WeakSet<object>();

/** Files at whose end what is left of them is looked for. */
const watchedFiles = new WeakSet<object>();

/** Notes what a test asks for, and sees to it that the test gets it: see {@link around}. */
export function plan(task: RunnerTestCase, machine: MachineOptions | null): void {
  plans.set(task, machine);
  const suite = task.suite ?? task.file;
  if (hooked.has(suite)) return;
  hooked.add(suite);
  // No time-out of vitest's: what is in it has bounds of its own, and the wait for a place is counted against nobody.
  aroundEach(around, 0);
  beforeAll(() => {
    if (!currentRun().gate.open) return;
    watchFile(task.file);
    nextMachines.foresee(ahead(task.file));
  });
}

/** The machines of the tests of a file that have not begun, in the file's order. */
function* ahead({ tasks }: RunnerTestSuite): Generator<MachineOptions> {
  for (const task of tasks) {
    if (task.type === 'suite') yield* ahead(task);
    else {
      const machine = plans.get(task);
      if (machine && isAhead(task)) yield machine;
    }
  }
}

/** The identity that reports know the test by. */
function identify({ file, name, suite }: RunnerTestCase): TestIdentity {
  const names = [name];
  for (let level = suite; level; level = level.suite) names.unshift(level.name);
  return testIdentity(file.filepath, file.projectName ?? '', names);
}

type AroundContext = TestContext & { readonly msbShared?: SharedMachine };

/**
 * Goes around an attempt of a test: the machine boots before anything of the test, its hooks included, and goes after all of it.
 * So neither counts against the test's time-outs, and vitest has no way around the `finally`.
 */
async function around(
  runTest: () => Promise<void>,
  { task, signal, skip, annotate, msbShared }: AroundContext,
): Promise<void> {
  const machine = plans.get(task);
  if (machine === undefined || attempts.has(task)) return runTest(); // not ours, or an outer suite's hook has it
  const { gate } = currentRun();
  requireGate(gate);
  if (!gate.open) {
    task.meta.msbRecord = skippedRecord(gate);
    Object.assign(task.result ?? {}, { note: skipNote(gate) }); // which vitest forgets of a skip that comes from here
    return skip();
  }
  watchFile(task.file);
  const interrupted = interruption(signal);
  const attempt = new TestAttempt(identify(task), msbShared ?? machine ?? {}, interrupted.by);
  attempts.set(task, attempt);
  try {
    await attempt.sandbox;
    nextMachines.foresee(ahead(task.file));
    await runTest();
    // If nothing was interrupted, a command that was lost with the machine may have failed the test instead, or nothing may have.
    const death = await attempt.death();
    if (death && !(interrupted.fired() && task.result?.state === 'fail')) throw death;
  } finally {
    interrupted.over();
    attempts.delete(task);
    try {
      await attempt.end({
        verdict: verdictOn(task),
        last: !willRetry(task),
        evidence: currentRun().evidence,
        attach: (files) => attach(task, annotate, files),
      });
    } finally {
      task.meta.msbRecord = attempt.record(task.meta.msbRecord);
    }
  }
}

/** Whether vitest will run it, and has not begun. */
function isAhead({ mode, result }: RunnerTestCase): boolean {
  return (mode === 'run' || mode === 'queued') && (result === undefined || result.state === 'queued');
}

/** A test that is to fail has done what it should when it has. */
function verdictOn({ result, fails }: RunnerTestCase): 'passed' | 'failed' | 'neither' {
  if (result?.state === 'pass') return 'passed';
  return result?.state === 'skip' || fails ? 'neither' : 'failed';
}

/** Whether vitest will try once more after this failure. */
function willRetry({ retry, result }: RunnerTestCase): boolean {
  const most = typeof retry === 'object' ? (retry.count ?? 0) : (retry ?? 0);
  return (result?.retryCount ?? 0) < most;
}

/**
 * Attaches files to the test, as its annotations, which vitest's reports show. Vitest takes none of a test whose state is `fail`, so
 * the state is another for the moment of asking.
 */
async function attach(
  task: RunnerTestCase,
  annotate: TestContext['annotate'],
  files: readonly EvidenceFile[],
): Promise<void> {
  const { result } = task;
  if (!result || files.length === 0) return;
  const attached = files.map(({ path, shown, contentType }) => {
    const { state } = result;
    result.state = 'run';
    try {
      return annotate(`microVM: ${shown}`, 'msb', { path, contentType });
    } finally {
      result.state = state;
    }
  });
  await Promise.allSettled(attached); // the files are there, whether or not the reports show them
}

/**
 * Makes vitest give up the running test function when its machine has died. Vitest listens to the test's own signal for that, which
 * it aborts itself at a time-out; to the function, too, the signal says that it is over.
 */
function interruption(signal: AbortSignal) {
  let fired = false;
  return {
    fired: () => fired,
    by(reason: Error): void {
      if (signal.aborted) return;
      fired = true;
      Object.defineProperty(signal, 'reason', { value: reason, configurable: true });
      Object.defineProperty(signal, 'aborted', { value: true, configurable: true });
      signal.dispatchEvent(new Event('abort'));
    },
    /** The next attempt gets the same signal from vitest 4. */
    over(): void {
      Reflect.deleteProperty(signal, 'reason');
      Reflect.deleteProperty(signal, 'aborted');
    },
  };
}

/**
 * At the end of a file, nothing of it may be left: the machines that nobody has taken go, and there is a net below {@link around}, which
 * leaves nothing.
 */
function watchFile(file: RunnerTestFile): void {
  if (watchedFiles.has(file)) return;
  watchedFiles.add(file);
  TestRunner.getSuiteHooks(file).afterAll.unshift(async () => {
    await nextMachines.end();
    const left = [...attempts].filter(([task]) => task.file === file);
    for (const [task, attempt] of left) {
      attempts.delete(task);
      await attempt.end({ verdict: 'neither', last: true, evidence: currentRun().evidence });
    }
    if (left.length === 0) return;
    const names = left.map(([task]) => `"${identify(task).name}"`);
    throw new TestMachineError(
      `At the end of the file, machines were left of ${names.join(', ')}.`,
      'leak check',
      '',
    );
  });
}

/** Says of a test why it does not run, where reports look for it. */
export function skipAtCollection(task: RunnerTestCase, gate: Gate & { readonly open: false }): void {
  const reason = skipNote(gate);
  task.mode = 'skip';
  task.result = { state: 'skip', note: reason } as NonNullable<typeof task.result>; // the types lack the note
  task.meta.msbRecord = skippedRecord(gate);
  task.annotations.push({ message: reason, type: 'msb' }); // JUnit's report has annotations, and no notes
  if (hasPlugin() || toldFiles.has(task.file)) return;
  toldFiles.add(task.file);
  say(skippedFileNote(identify(task).file, gate));
}

/** The value of the `sandbox` fixture. */
export function sandboxOf({ task }: TestContext): Promise<Sandbox> {
  return (attempts.get(task) ?? absent(task)).sandbox;
}

/** The value of the `sandboxes` fixture. */
export function sandboxesOf({ task }: TestContext): MsbFixtures['sandboxes'] {
  return (attempts.get(task) ?? absent(task)).sandboxes;
}

/** Something around the test asked for its machine before it was booted. */
function absent(task: RunnerTestCase): never {
  throw new TestMachineError(
    `The sandbox of "${task.name}" was asked for before it was booted: an aroundEach that uses it must stand in the suite of a microVM test, after one.`,
    'boot',
    '',
  );
}
