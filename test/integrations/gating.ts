import { hidingHypervisor } from './hypervisor.js';
import { Project, type RunOptions } from './project.js';
import { type Demands, finding, type Row } from './rows.js';
import type { Sources } from './sources.js';

const reason = /no (KVM|HVF): .* failed with E[A-Z]+/;
const remedy = /MSB_ACCEL=tcg/;
const skipped = { state: 'skipped', boots: 0 } as const;
const passed = { state: 'passed', boots: 1 } as const;

/** What the tests of {@link gatedFiles} come to where none may run. */
export const allSkipped = {
  plain: { state: 'passed', boots: 0 },
  runs: skipped,
  'suite of microVM tests > runs too': skipped,
  'left out': skipped,
} as const;
const allRun = { ...allSkipped, runs: passed, 'suite of microVM tests > runs too': passed };

/** A project with a test of each kind that the gate tells apart. */
export const gatedFiles = (sources: Sources, bare = false): Readonly<Record<string, string>> => ({
  ...sources.configuration({ bare }),
  [sources.testFile('a')]: `
${sources.api('beforeAll, describe, expect, test')}
test('plain', () => {});
test.msb('runs', async ({ sandbox }) => {
  expect((await sandbox.exec('id', ['-u'])).stdout()).toBe('0\\n');
});
describe('suite of microVM tests', () => {
  beforeAll(() => { process.stdout.write('beforeAll was run'); });
  test.msb('runs too', () => {});
});
test.msb.skip('left out', () => {});
`,
});

/** The machine as one without a hypervisor, where nobody has chosen emulation. */
export const incapable = (env: NodeJS.ProcessEnv = {}): RunOptions => ({
  prefix: hidingHypervisor(),
  env: { MSB_ACCEL: undefined, ...env },
});

/** A row of one run; `more` looks into its reports. */
export function gate(
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

/** A row of a run that a mistake ends before any machine. */
export const wrong = (name: string, files: Readonly<Record<string, string>>, says: RegExp): Row =>
  gate(name, files, () => ({}), { exitCode: 1, boots: 0, says: [says] });

/** For a runner whose reports have a place for the reason of a skip. */
export const reportsReason = (sources: Sources): Row =>
  gate(
    'auto, no hypervisor: the reports have the reason',
    gatedFiles(sources),
    () => incapable(),
    { tests: allSkipped, exitCode: 0 },
    ({ junit, json }) => [
      ...(reason.test(junit) && remedy.test(junit) ? [] : [`JUnit's report lacks the reason: ${junit}`]),
      ...(reason.test(json) ? [] : [`the JSON report lacks the reason: ${json}`]),
    ],
  );

/** Every mode, on a machine with and without a hypervisor; `part` is what a user may leave out of the integration. */
export function gatingRows(sources: Sources, part: string): readonly Row[] {
  const whole = gatedFiles(sources);
  const bare = gatedFiles(sources, true);
  const configuration = sources.configuration();
  const one = (text: string) => ({
    ...configuration,
    [sources.testFile('a')]: `${sources.api('describe, test')}\n${text}`,
  });
  const only = one(`
test.msb.only('is the only one', () => {});
test('is not', () => {});
`);
  const noneRuns = one(`
test('plain', () => {});
describe.skip('out of order', () => { test.msb('would run', () => {}); });
`);
  return [
    gate('auto, no hypervisor', whole, () => incapable(), {
      tests: allSkipped,
      exitCode: 0,
      says: [reason, remedy, /microVM tests: 0 ran, 2 skipped \(no (KVM|HVF): .*\), 1 left out/],
      saysNot: [/beforeAll was run/, /::warning/],
    }),
    gate('auto, no hypervisor, on GitHub Actions', whole, () => incapable({ GITHUB_ACTIONS: 'true' }), {
      tests: allSkipped,
      exitCode: 0,
      says: [/^::warning title=microVM tests skipped::2 microVM tests were skipped: no (KVM|HVF)/m],
    }),
    gate('auto, emulation chosen', whole, () => ({}), {
      tests: allRun,
      exitCode: 0,
      says: [/microVM tests: 2 ran on tcg, 0 skipped, 1 left out/],
    }),
    gate(`auto, no hypervisor, without the ${part}`, bare, () => incapable(), {
      tests: allSkipped,
      exitCode: 0,
      says: [reason, remedy, /microVM tests of a\.test\.\w+ are skipped: no (KVM|HVF)/],
      saysNot: [/beforeAll was run/],
    }),
    gate(`auto, emulation chosen, without the ${part}`, bare, () => ({}), { tests: allRun, exitCode: 0 }),
    gate('auto, no hypervisor, .only', only, () => incapable(), {
      tests: { 'is the only one': skipped, 'is not': skipped },
      exitCode: 0,
      says: [reason, /microVM tests: 0 ran, 1 skipped/],
    }),
    gate('require, no hypervisor', whole, () => incapable({ MSB_TEST: 'require' }), {
      exitCode: 1,
      boots: 0,
      says: [/MSB_TEST=require, but this machine cannot run microVM tests/, reason, remedy],
      saysNot: [/plain/],
    }),
    gate(`require, no hypervisor, without the ${part}`, bare, () => incapable({ MSB_TEST: 'require' }), {
      tests: {
        ...allSkipped,
        runs: { state: 'failed', boots: 0, message: /MSB_TEST=require, but .*no (KVM|HVF)/ },
        'suite of microVM tests > runs too': { state: 'failed', boots: 0, message: /MSB_TEST=require/ },
      },
      exitCode: 1,
    }),
    gate('require, emulation chosen', whole, () => ({ env: { MSB_TEST: 'require' } }), {
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
      whole,
      () => ({ env: { MSB_TEST: 'require' }, args: ['-t', 'plain'] }),
      { exitCode: 1, boots: 0, says: [/none of the 3 microVM tests ran/] },
    ),
    gate('off', whole, () => ({ env: { MSB_TEST: 'off' } }), {
      tests: allSkipped,
      exitCode: 0,
      says: [/microVM tests: 0 ran, 2 skipped \(MSB_TEST=off\)/],
    }),
    gate('a mode that is none', whole, () => ({ env: { MSB_TEST: 'yes' } }), {
      exitCode: 1,
      boots: 0,
      says: [/MSB_TEST is "yes"; it can be auto, require or off/],
    }),
    wrong(
      'a wrong option of a test',
      one(`test.msb('wrong', { cpu: 2 }, () => {});`),
      /test\.msb\("wrong"\): "cpu" is not an option of a machine; is it "cpus"\?/,
    ),
  ];
}
