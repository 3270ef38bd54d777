import { Project } from '../integrations/project.js';
import { finding, type Row } from '../integrations/rows.js';
import { expected, fewExpected, fewOutcomes, outcomes, sharedFile } from './outcomes.js';
import { sources } from './sources.js';

const both = (pool: string): Row => ({
  name: `every outcome, pool ${pool}`,
  async run(runner) {
    using project = new Project(runner, {
      ...sources.configuration({ settings: `pool: '${pool}'` }),
      'outcomes.test.ts': outcomes,
    });
    return await finding(project, await project.run(), {
      tests: expected,
      exitCode: 1,
      says: [/microVM tests: \d+ ran on tcg, 0 skipped, 3 left out/],
    });
  },
});

const notIsolated = (pool: string): Row => ({
  name: `main outcomes in two files, pool ${pool}, not isolated`,
  async run(runner) {
    using project = new Project(runner, {
      ...sources.configuration({ settings: `pool: '${pool}', isolate: false, fileParallelism: false` }),
      'a.test.ts': fewOutcomes('a'),
      'b.test.ts': fewOutcomes('b'),
      'shared.ts': sharedFile,
    });
    const tests = { ...fewExpected('a'), ...fewExpected('b') };
    const found = await finding(project, await project.run(), { tests, exitCode: 1 });
    const shared = project.boots().filter(({ test }) => test === 'shared machine').length;
    const wanted = pool === 'vmThreads' ? 2 : 1; // there a worker's scope is a file
    const problems = shared === wanted ? [] : [`${shared} shared machines, not ${wanted}`];
    return { ...found, problems: [...found.problems, ...problems] };
  },
});

const concurrent: Row = {
  name: 'concurrent tests, one of which fails, and bail',
  async run(runner) {
    using project = new Project(runner, {
      ...sources.configuration({ settings: 'bail: 1' }),
      'a.test.ts': `
import { test } from '@msbtest/vitest-plugin';
test.msb.concurrent('fails', async ({ sandbox }) => { await sandbox.exec('true'); throw new Error('and so bails'); });
test.msb.concurrent('runs beside it', { timeout: 60_000 }, async ({ sandbox }) => { await sandbox.exec('sleep', ['30']); });
test.msb('comes after', () => {});
`,
    });
    const result = await project.run();
    return await finding(project, result, { exitCode: 1, says: [/and so bails/] });
  },
};

export const outcomeRows: readonly Row[] = [
  both('forks'),
  both('threads'),
  both('vmThreads'),
  notIsolated('forks'),
  notIsolated('threads'),
  concurrent,
];

/** The one that also the less common runners are tried with. */
export const shortRow = notIsolated('forks');
