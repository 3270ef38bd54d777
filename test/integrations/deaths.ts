import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { untilWaiting, waitingMachines } from './ahead.js';
import { Project, type Run } from './project.js';
import { compare, type Expected, type Finding, type Row } from './rows.js';
import type { Configuration, Sources } from './sources.js';

/** For ever, and without a timer that a runner could find at its end. */
const hangs = 'await new Promise(() => {});';

/** What uses up the memory that a process was given. */
export const growsForEver = 'const kept = []; for (;;) kept.push(new Array(1e5).fill(Math.random()));';

/** What is going on when a run or a worker dies: a test that comes to `act`. */
const scenes = {
  /** It has a machine, and a second one is on its way; those of the tests that come next are being made. */
  making: (act: string) => `
test.msb('is in the middle of it', { timeout: 60_000 }, async ({ sandbox, sandboxes }) => {
  await sandbox.exec('true');
  sandboxes.create().catch(() => {});
  ${act}
});`,
  /** It has a machine, and those of the tests that come next wait. */
  waiting: (act: string) => `
test.msb('is in the middle of it', { timeout: 60_000 }, async ({ sandbox }) => {
  ${untilWaiting(2)}
  ${act}
});`,
  /** There are no machines but those that wait, in a process that would go on for ever. */
  onlyWaiting: (act: string) => `
test('is in the middle of it', async () => {
  setInterval(() => {}, 1000);
  while (waiting() < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  ${act}
}, 60_000);`,
} as const;

/** A file whose test says that its scene is set, and then does what the row is about. */
const victim = (sources: Sources, scene: keyof typeof scenes, act: string) => `
${waitingMachines(sources)}
${sources.api('test')}
${scenes[scene](`writeFileSync('worker.pid', String(process.pid)); ${act}`)}
test.msb('would come next', () => {});
test.msb('would come after that', () => {});
`;

/** What comes after a death, and maybe runs beside it: it must not find anything of the other. */
const other = (sources: Sources) => `
${sources.api('expect, test')}
test.msb('starts clean', async ({ sandbox }) => {
  expect((await sandbox.exec('true')).success).toBe(true);
});
`;

/**
 * Whether a directory in which nothing runs is the next run's to sweep, since nobody is left who could remove it: its machine never
 * had a relay, or had ended before its owner's death, and its owner had not come to removing it, or had not come to the end of that.
 * What runs when its owner dies, a relay ends and removes; that is never excused.
 */
function isForTheNextRun(leak: string): boolean {
  if (!leak.includes('/sandboxes/')) return false;
  const size = (name: string) => statSync(join(leak, name), { throwIfNoEntry: false })?.size;
  const name = basename(leak);
  const [, remover] = /^\.trash-(\d+)-[^-]+-\d+$/.exec(name) ?? []; // a relay's has no second number
  if (remover !== undefined) return !existsSync(`/proc/${remover}`);
  if (/^\.new-/.test(name)) return !size('lock'); // a relay writes into it
  const unborn = size('creating') !== undefined && size('lock') === 0;
  return unborn || size('exit.json') !== undefined; // which a relay writes for an owner who lives
}

export interface Death {
  readonly name: string;
  readonly configuration?: Configuration;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** What the test does when its machine runs; it hangs unless told. */
  readonly act?: string;
  /** `making` unless told. */
  readonly scene?: keyof typeof scenes;
  /** Whether the other file is in the same run; then its test must be none the worse, if the main process lives. */
  readonly beside?: boolean;
  /** Kills, when the test is in the middle of it. */
  readonly kill?: (run: Run, workerPid: number) => void;
  /** Whether the runner's main process lives on, and says that something was wrong. */
  readonly mainLives: boolean;
}

export const signals = ['SIGINT', 'SIGTERM', 'SIGKILL'] as const;

export const killsMain = (signal: NodeJS.Signals) => (run: Run) => {
  run.process.kill(signal);
};

export const killsWorker = (signal: NodeJS.Signals) => (_: Run, worker: number) => {
  process.kill(worker, signal);
};

/** A row of a run that dies or loses a worker, and of the next one. */
export function death(sources: Sources, options: Death): Row {
  const { name, configuration, args = [], env = {}, act = hangs, kill, mainLives } = options;
  const { scene = 'making', beside = false } = options;
  const [first, second] = [sources.testFile('a'), sources.testFile('b')];
  const clean = (boots: Expected['boots']) => ({ 'starts clean': { state: 'passed', boots } }) as const;
  return {
    name,
    async run(runner): Promise<Finding> {
      using project = new Project(runner, {
        ...sources.configuration(configuration),
        [first]: victim(sources, scene, act),
        [second]: other(sources),
      });
      const run = project.start({ args: [...args, ...(beside ? [] : [first])], env });
      const workerPid = Number(await run.wrote('worker.pid'));
      kill?.(run, workerPid);
      const result = await run.ended;
      // The empty home of a dead run is left to the next run, too.
      const leaks = (await project.settledLeaks()).filter((leak) => !isForTheNextRun(leak));
      const problems: string[] = [];
      if (mainLives) {
        const says = [/microVM tests: /];
        problems.push(...compare(project, result, { exitCode: 1, says, saysNot: [/left something behind/] }));
        if (beside && result.tests['starts clean']?.state !== 'passed')
          problems.push('a death has harmed the test beside it');
        leaks.push(...project.runHomes()); // it had the time to remove its own
      }
      // The next run sweeps away even the empty home of the dead one, and finds nothing in its way.
      const before = project.bootsByTest()['starts clean'] ?? 0;
      const after = await project.run({ args: [second] });
      problems.push(...compare(project, after, { tests: clean(before + 1), exitCode: 0 }));
      return {
        boots: project.boots().length,
        leaks: [...leaks, ...(await project.settledLeaks()), ...project.runHomes()],
        problems,
      };
    },
  };
}
