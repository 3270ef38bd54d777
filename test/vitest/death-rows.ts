import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { config } from './outcomes.js';
import { Project, type Run } from './project.js';
import { compare, type Finding, type Row } from './rows.js';

/** A test that says that its machine runs, and then does what the row is about. */
const victim = (then: string) => `
import { writeFileSync } from 'node:fs';
import { test } from '@msbtest/vitest-plugin';
test.msb('is in the middle of it', { timeout: 60_000 }, async ({ sandbox, sandboxes }) => {
  await sandbox.exec('true');
  const booting = sandboxes.create(); // and a second one on its way
  booting.catch(() => {});
  writeFileSync('worker.pid', String(process.pid));
  ${then}
});
`;
const hangs = victim('await new Promise(() => {});');

/** What comes after a death: a run that must not find anything of the one before. */
const next = `
import { expect, test } from '@msbtest/vitest-plugin';
test.msb('starts clean', async ({ sandbox }) => {
  expect((await sandbox.exec('true')).success).toBe(true);
});
`;

/** Whether it is the directory of a machine that never had a relay: its maker died first, and so nobody is left who could remove it. */
function isUnborn(leak: string): boolean {
  if (!leak.includes('/sandboxes/')) return false;
  const size = (name: string) => statSync(join(leak, name), { throwIfNoEntry: false })?.size;
  return /^\.new-/.test(basename(leak)) || (size('creating') !== undefined && size('lock') === 0);
}

interface Death {
  readonly name: string;
  /** Of vitest's configuration. */
  readonly config: string;
  readonly test?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Kills, when the test is in the middle of it. */
  readonly kill?: (run: Run, workerPid: number) => void;
  /** Whether vitest lives on, and says that something was wrong. */
  readonly mainLives: boolean;
}

function death({ name, config: more, test = hangs, env = {}, kill, mainLives }: Death): Row {
  return {
    name,
    async run(runner): Promise<Finding> {
      using project = new Project(runner, {
        'vitest.config.ts': config(more),
        'a.test.ts': test,
        'b.test.ts': next,
      });
      const run = project.start({ env: { INCLUDE: 'a.test.ts', ...env } });
      const workerPid = Number(await run.wrote('worker.pid'));
      kill?.(run, workerPid);
      const result = await run.ended;
      // A directory that was being made when its maker died is the next run's to sweep, as is the empty home of a dead run.
      const leaks = (await project.settledLeaks()).filter((leak) => !isUnborn(leak));
      const problems = mainLives
        ? compare(project, result, {
            exitCode: 1,
            says: [/microVM tests: /],
            saysNot: [/left something behind/],
          })
        : [];
      if (mainLives) leaks.push(...project.runHomes()); // it had the time to remove its own
      // The next run sweeps away even the empty home of the dead one, and finds nothing in its way.
      const after = await project.run({ env: { INCLUDE: 'b.test.ts' } });
      problems.push(
        ...compare(project, after, { tests: { 'starts clean': { state: 'passed', boots: 1 } }, exitCode: 0 }),
      );
      return {
        boots: project.boots().length,
        leaks: [...leaks, ...(await project.settledLeaks()), ...project.runHomes()],
        problems,
      };
    },
  };
}

const signals = ['SIGINT', 'SIGTERM', 'SIGKILL'] as const;
const pools = ['forks', 'threads', 'vmThreads'] as const;

export const deathRows: readonly Row[] = [
  ...signals.flatMap((signal) =>
    pools.map((pool) =>
      death({
        name: `${signal} of vitest, pool ${pool}`,
        config: `pool: '${pool}'`,
        kill: (run) => run.process.kill(signal),
        mainLives: false,
      }),
    ),
  ),
  ...signals.map((signal) =>
    death({
      name: `${signal} of a worker`,
      config: `pool: 'forks'`,
      kill: (_, worker) => process.kill(worker, signal),
      mainLives: true,
    }),
  ),
  death({
    name: 'a worker that aborts',
    config: `pool: 'forks'`,
    test: victim('process.abort();'),
    mainLives: true,
  }),
  death({
    name: 'a worker that exits',
    config: `pool: 'forks'`,
    test: victim('process.reallyExit(3);'),
    mainLives: true,
  }),
  death({
    name: 'a worker process out of memory',
    config: `pool: 'forks', execArgv: ['--max-old-space-size=100']`,
    test: victim('const kept = []; for (;;) kept.push(new Array(1e5).fill(Math.random()));'),
    mainLives: true,
  }),
  death({
    name: 'a worker thread out of memory',
    config: `pool: 'threads'`,
    env: { NODE_OPTIONS: '--max-old-space-size=150' },
    test: victim('const kept = []; for (;;) kept.push(new Array(1e5).fill(Math.random()));'),
    mainLives: false, // vitest 4 does not survive it
  }),
];
