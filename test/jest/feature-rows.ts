import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { featureRows as commonRows } from '../integrations/features.js';
import { Project } from '../integrations/project.js';
import { compare, finding, type Row } from '../integrations/rows.js';
import { inBand, inWorkers } from './runners.js';
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

/**
 * What a file leaves in its global object, jest takes apart, but for what was made outside of the file's world. The library is from
 * there, and all files have the same: were that to change, the second file would find it in pieces.
 */
const cleanUp: Row = {
  name: 'a clean-up of globals leaves the library whole',
  async run(runner) {
    const text = `
globalThis.kept = require('@msbtest/core');
globalThis.Kept = kept.Sandbox;
test.msb('passes', async ({ sandbox }) => {
  expect(typeof Kept.builder).toBe('function');
  expect((await sandbox.exec('true')).success).toBe(true);
});
`;
    using project = new Project(runner, {
      ...sources.configuration({
        settings: "testEnvironmentOptions: { globalsCleanup: 'on', msb: { memory: 128 } }",
      }),
      [sources.testFile('a')]: text,
      [sources.testFile('b')]: text,
    });
    return await finding(project, await project.run({ args: inBand }), { exitCode: 0, boots: 2 });
  },
};

const projects: Row = {
  name: 'two projects that run the same file are told apart',
  async run(runner) {
    const one = (memory: number) => `{
  testEnvironment: '@msbtest/jest-env',
  testEnvironmentOptions: { msb: { memory: ${memory} } },
  testMatch: ['**/*.test.js'],
  transform: {},
}`;
    using project = new Project(runner, {
      ...sources.configuration({ settings: `projects: [${one(128)}, ${one(160)}]` }),
      [sources.testFile('a')]: `
test.msb('fails', async ({ sandbox }) => {
  throw new Error('it has ' + (await sandbox.config()).memoryMib);
});
`,
    });
    const found = await finding(project, await project.run({ args: inWorkers }), {
      exitCode: 1,
      boots: 2,
      says: [/it has 128/, /it has 160/, /microVM tests: 2 ran on tcg/],
    });
    const evidence = readdirSync(join(project.path, sources.evidence)).length;
    const problems = evidence === 2 ? [] : [`the evidence is of ${evidence} tests`];
    return { ...found, problems: [...found.problems, ...problems] };
  },
};

const keepRetried: Row = {
  name: 'keep on failure, of a block that is retried as a whole: only what has failed in the end',
  async run(runner) {
    using project = new Project(runner, {
      ...sources.configuration(),
      [sources.testFile('a')]: `
describe('retried', () => {
  jest.retryTimes(1, { entireDescribe: true });
  let tries = 0;
  test.msb('passes at its second try', { keep: 'on-failure' }, () => { expect(++tries).toBe(2); });
});
`,
    });
    return await finding(project, await project.run(), { exitCode: 0, boots: 2, saysNot: [/was kept/] });
  },
};

export const featureRows: readonly Row[] = [...commonRows(sources), bail, cleanUp, projects, keepRetried];
