import { config as configuration } from './outcomes.js';
import { hidingHypervisor, Project, type RunOptions } from './project.js';
import { type Demands, finding, type Row } from './rows.js';

const config = configuration();
const bare = `
import { defineConfig } from 'vitest/config';
export default defineConfig({ test: { include: ['*.test.ts'] } });
`;
const tests = `
import { beforeAll, describe, expect, test } from '@msbtest/vitest-plugin';
test('plain', () => {});
test.msb('runs', async ({ sandbox }) => {
  expect((await sandbox.exec('id', ['-u'])).stdout()).toBe('0\\n');
});
describe('suite of microVM tests', () => {
  beforeAll(() => { process.stdout.write('beforeAll was run'); });
  test.msb('runs too', () => {});
});
test.msb.skip('left out', () => {});
`;

const reason = /no (KVM|HVF): .* failed with E[A-Z]+/;
const remedy = /MSB_ACCEL=tcg/;
const skipped = { state: 'skipped', boots: 0 } as const;
const passed = { state: 'passed', boots: 1 } as const;
const allSkipped = {
  plain: { state: 'passed', boots: 0 },
  runs: skipped,
  'suite of microVM tests > runs too': skipped,
  'left out': skipped,
} as const;
const allRun = { ...allSkipped, runs: passed, 'suite of microVM tests > runs too': passed };

/** The machine as one without a hypervisor, where nobody has chosen emulation. */
const incapable = (env: NodeJS.ProcessEnv = {}): RunOptions => ({
  prefix: hidingHypervisor(),
  env: { MSB_ACCEL: undefined, ...env },
});

function gate(
  name: string,
  files: Readonly<Record<string, string>>,
  options: () => RunOptions,
  demands: Demands,
  more: (reports: { junit: string; json: string }) => string[] = () => [],
): Row {
  return {
    name,
    async run(runner) {
      using project = new Project(runner, files);
      const result = await project.run(options());
      const found = await finding(project, result, demands);
      const problems = more({ junit: result.junit, json: JSON.stringify(result.tests) });
      return { ...found, problems: [...found.problems, ...problems] };
    },
  };
}

const withPlugin = { 'vitest.config.ts': config, 'a.test.ts': tests };
const withoutPlugin = { 'vitest.config.ts': bare, 'a.test.ts': tests };
const only = {
  'vitest.config.ts': config,
  'a.test.ts': `
import { test } from '@msbtest/vitest-plugin';
test.msb.only('is the only one', () => {});
test('is not', () => {});
`,
};
const noneRuns = {
  'vitest.config.ts': config,
  'a.test.ts': `
import { describe, test } from '@msbtest/vitest-plugin';
test('plain', () => {});
describe.skip('out of order', () => { test.msb('would run', () => {}); });
`,
};
const wrong = (test: string, changed = config) => ({
  'vitest.config.ts': changed,
  'a.test.ts': `import { describe, test } from '@msbtest/vitest-plugin';\n${test}`,
});

export const gatingRows: readonly Row[] = [
  gate(
    'auto, no hypervisor',
    withPlugin,
    () => incapable(),
    {
      tests: allSkipped,
      exitCode: 0,
      says: [reason, remedy, /microVM tests: 0 ran, 2 skipped \(no (KVM|HVF): .*\), 1 left out/],
      saysNot: [/beforeAll was run/, /::warning/],
    },
    ({ junit, json }) => [
      ...(reason.test(junit) && remedy.test(junit) ? [] : [`JUnit's report lacks the reason: ${junit}`]),
      ...(reason.test(json) ? [] : [`the JSON report lacks the reason: ${json}`]),
    ],
  ),
  gate('auto, no hypervisor, on GitHub Actions', withPlugin, () => incapable({ GITHUB_ACTIONS: 'true' }), {
    tests: allSkipped,
    exitCode: 0,
    says: [/^::warning title=microVM tests skipped::2 microVM tests were skipped: no (KVM|HVF)/m],
  }),
  gate('auto, emulation chosen', withPlugin, () => ({}), {
    tests: allRun,
    exitCode: 0,
    says: [/microVM tests: 2 ran on tcg, 0 skipped, 1 left out/],
  }),
  gate('auto, no hypervisor, without the plugin', withoutPlugin, () => incapable(), {
    tests: allSkipped,
    exitCode: 0,
    says: [reason, remedy],
  }),
  gate('auto, emulation chosen, without the plugin', withoutPlugin, () => ({}), {
    tests: allRun,
    exitCode: 0,
  }),
  gate('auto, no hypervisor, .only', only, () => incapable(), {
    tests: { 'is the only one': skipped, 'is not': skipped },
    exitCode: 0,
    says: [reason, /microVM tests: 0 ran, 1 skipped/],
  }),
  gate('require, no hypervisor', withPlugin, () => incapable({ MSB_TEST: 'require' }), {
    exitCode: 1,
    boots: 0,
    says: [/MSB_TEST=require, but this machine cannot run microVM tests/, reason, remedy],
    saysNot: [/plain/],
  }),
  gate(
    'require, no hypervisor, without the plugin',
    withoutPlugin,
    () => incapable({ MSB_TEST: 'require' }),
    {
      tests: {
        ...allSkipped,
        runs: { state: 'failed', boots: 0, message: /MSB_TEST=require, but .*no (KVM|HVF)/ },
        'suite of microVM tests > runs too': { state: 'failed', boots: 0, message: /MSB_TEST=require/ },
      },
      exitCode: 1,
    },
  ),
  gate('require, emulation chosen', withPlugin, () => ({ env: { MSB_TEST: 'require' } }), {
    tests: allRun,
    exitCode: 0,
  }),
  gate('require, none runs', noneRuns, () => ({ env: { MSB_TEST: 'require' } }), {
    exitCode: 1,
    boots: 0,
    says: [/MSB_TEST=require, and none of the 1 microVM tests ran/],
  }),
  gate(
    'require, all filtered out',
    withPlugin,
    () => ({ env: { MSB_TEST: 'require' }, args: ['-t', 'plain'] }),
    {
      exitCode: 1,
      boots: 0,
      says: [/none of the 3 microVM tests ran/],
    },
  ),
  gate('off', withPlugin, () => ({ env: { MSB_TEST: 'off' } }), {
    tests: allSkipped,
    exitCode: 0,
    says: [/microVM tests: 0 ran, 2 skipped \(MSB_TEST=off\)/],
  }),
  gate('a mode that is none', withPlugin, () => ({ env: { MSB_TEST: 'yes' } }), {
    exitCode: 1,
    boots: 0,
    says: [/MSB_TEST is "yes"; it can be auto, require or off/],
  }),
  gate('the tag selects', withPlugin, () => ({ args: ['--tags-filter=!msb'] }), {
    tests: allSkipped,
    exitCode: 0,
    says: [/microVM tests: 0 ran, 0 skipped, 3 left out/],
  }),
  gate('a wrong option of a test', wrong(`test.msb('wrong', { cpu: 2 }, () => {});`), () => ({}), {
    exitCode: 1,
    boots: 0,
    says: [/test\.msb\("wrong"\): "cpu" is not an option of a machine; is it "cpus"\?/],
  }),
  gate(
    'a wrong value in a suite',
    wrong(`describe('s', { meta: { msb: { memory: 'big' } } }, () => { test.msb('t', () => {}); });`),
    () => ({}),
    {
      exitCode: 1,
      boots: 0,
      says: [/describe\("s"\), meta\.msb: memory is "big"; it is a whole number/],
    },
  ),
  gate(
    'a wrong option in the configuration',
    wrong(`test('t', () => {});`, config.replace('memory: 256', 'memroy: 256')),
    () => ({}),
    {
      exitCode: 1,
      boots: 0,
      says: [/msb\(\) in the vitest configuration: "memroy" is not an option.*"memory"/],
    },
  ),
];
