import { featureRows as commonRows } from '../integrations/features.js';
import { Project } from '../integrations/project.js';
import { compare, type Row } from '../integrations/rows.js';
import { inWorkers } from './runners.js';
import { sources } from './sources.js';

const bail: Row = {
  name: 'bail in workers: the machines of files that still run go',
  async run(runner) {
    using project = new Project(runner, {
      ...sources.configuration(),
      [sources.testFile('a')]: `
${sources.imports('existsSync', 'node:fs')}
test.msb('fails', { timeout: 60_000 }, async ({ sandbox }) => {
  while (!existsSync('running')) await sandbox.exec('true');
  throw new Error('and so bails');
});
`,
      [sources.testFile('b')]: `
${sources.imports('writeFileSync', 'node:fs')}
test.msb('runs beside it', { timeout: 60_000 }, async ({ sandbox }) => {
  await sandbox.exec('true');
  writeFileSync('running', '');
  await sandbox.exec('sleep', ['60']);
});
`,
    });
    const result = await project.run({ args: [...inWorkers, '--bail'] });
    const problems = compare(project, result, { exitCode: 1, boots: 2, says: [/and so bails/] });
    // Jest exits and leaves its workers to end by themselves; so the run's home may stay, but for the next run.
    const leaks = await project.settledLeaks();
    return { boots: project.boots().length, leaks, problems };
  },
};

export const featureRows: readonly Row[] = [...commonRows(sources), bail];
