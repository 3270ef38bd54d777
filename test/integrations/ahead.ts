import { Project } from './project.js';
import { type Expected, finding, type Row } from './rows.js';
import type { Sources } from './sources.js';

const passed: Expected = { state: 'passed', boots: 1 };

/** For a test file: how many machines wait in the home of its run until somebody asks for them. */
export const waitingMachines = (sources: Sources) => `
${sources.imports('existsSync, readdirSync, readFileSync, writeFileSync', 'node:fs')}
${sources.imports('join', 'node:path')}
function waiting() {
  const sandboxes = join(process.env.MSB_HOME, 'sandboxes');
  const unnamed = existsSync(sandboxes) ? readdirSync(sandboxes).filter((name) => name.startsWith('.new-')) : [];
  return unnamed.filter((name) => {
    const lock = join(sandboxes, name, 'lock');
    return existsSync(lock) && / running/.test(readFileSync(lock, 'utf8'));
  }).length;
}
`;

/** Passes the time of a test until that many wait. */
export const untilWaiting = (count: number) => `while (waiting() < ${count}) await sandbox.exec('true');`;

const inARow = (sources: Sources): Row => ({
  name: 'look-ahead: the next machine is ready, of the same kind, in whatever suite, and another',
  async run(runner) {
    using project = new Project(runner, {
      ...sources.configuration(),
      [sources.testFile('a')]: `
${waitingMachines(sources)}
${sources.api('describe, expect, test')}
test.msb('comes first', { timeout: 60_000 }, async ({ sandbox }) => { ${untilWaiting(2)} });
test.msb.skip('is not foreseen', { memory: 512 }, () => {});
test.msb('comes second', { env: { WHO: 'the second' } }, async ({ sandbox }) => {
  expect(sandbox.bootTimes.origin).toBe('pool');
  expect((await sandbox.shell('echo $WHO; hostname')).stdout()).toBe('the second\\n' + sandbox.name + '\\n');
});
test.msb('boots', { coldBoot: true, timeout: 60_000 }, async ({ sandbox }) => {
  expect(sandbox.bootTimes.origin).toBe('cold');
  ${untilWaiting(2)}
});
describe('suite', () => {
  test.msb('comes next', { timeout: 60_000 }, async ({ sandbox }) => {
    expect(sandbox.bootTimes.origin).toBe('pool');
    ${untilWaiting(1)}
  });
});
test.msb('is of another kind', { memory: 128 }, async ({ sandbox }) => {
  expect(sandbox.bootTimes.origin).toBe('pool');
  expect((await sandbox.config()).memoryMib).toBe(128);
  expect(waiting()).toBe(0);
});
`,
    });
    return await finding(project, await project.run(), {
      tests: {
        'comes first': passed,
        'is not foreseen': { state: 'skipped', boots: 0 },
        'comes second': passed,
        boots: passed,
        'suite > comes next': passed,
        'is of another kind': passed,
      },
      exitCode: 0,
      says: [/5 machines \(\d pool, (1 clone, )?1 cold\)/],
    });
  },
});

/** @param fake replaces all clocks, the current time too, by ones that stand still; `real` undoes that. */
const fakeTimers = (sources: Sources, { fake, real }: FakeTimers): Row => ({
  name: 'fake timers of a test: its machines come and go, and the next one is made',
  async run(runner) {
    using project = new Project(runner, {
      ...sources.configuration(),
      [sources.testFile('a')]: `
${waitingMachines(sources)}
${sources.api('afterAll, expect, test, vi')}
afterAll(() => { ${real} });
test.msb('stops all clocks', { timeout: 60_000 }, async ({ sandbox, sandboxes }) => {
  ${fake}
  ${untilWaiting(1)}
  for (const options of [{}, { coldBoot: true }]) {
    const other = await sandboxes.create(options);
    expect((await other.exec('sleep', ['0.1'])).success).toBe(true);
  }
  expect(Date.now()).toBe(0);
});
test.msb('comes next, while they stand', { timeout: 60_000 }, async ({ sandbox }) => {
  expect(Date.now()).toBe(0);
  expect((await sandbox.exec('sleep', ['0.1'])).success).toBe(true);
  expect(Number((await sandbox.exec('date', ['+%Y'])).stdout())).toBeGreaterThan(2000);
  ${untilWaiting(1)}
});
test.msb('comes last, out of the pool', async ({ sandbox }) => {
  expect(sandbox.bootTimes.origin).toBe('pool');
});
`,
    });
    return await finding(project, await project.run(), {
      tests: {
        'stops all clocks': { state: 'passed', boots: 3 },
        'comes next, while they stand': passed,
        'comes last, out of the pool': passed,
      },
      exitCode: 0,
    });
  },
});

/** In one process, one file after the other, the longer first. */
const leftOver = (sources: Sources, { settings = '', args = [] }: OneAfterAnother): Row => ({
  name: 'machines that nobody takes are gone at the end of their file',
  async run(runner) {
    using project = new Project(runner, {
      ...sources.configuration({ settings }),
      [sources.testFile('a')]: `
${waitingMachines(sources)}
${sources.api('beforeAll, describe, test')}
test.msb('waits for two', { timeout: 60_000 }, async ({ sandbox }) => {
  ${untilWaiting(2)}
  writeFileSync('two-waited', '');
});
describe('suite', () => {
  beforeAll(() => { throw new Error('thrown before all'); });
  test.msb('is foreseen', () => {});
  test.msb('is foreseen, too', () => {});
});
// ${'The longer of two files comes first. '.repeat(20)}
`,
      [sources.testFile('b')]: `
${waitingMachines(sources)}
${sources.api('expect, test')}
test('comes after the other file', () => {
  expect(existsSync('two-waited')).toBe(true);
  expect(waiting()).toBe(0);
});
`,
    });
    const result = await project.run({ args });
    const found = await finding(project, result, {
      exitCode: 1,
      boots: 1,
      says: [/thrown before all/],
      saysNot: [/left something behind/],
    });
    const states = ['waits for two', 'comes after the other file'].map((name) => result.tests[name]?.state);
    const problems = states.every((state) => state === 'passed') ? [] : [`the tests are ${states}`];
    return { ...found, problems: [...found.problems, ...problems] };
  },
});

interface FakeTimers {
  readonly fake: string;
  readonly real: string;
}

interface OneAfterAnother {
  readonly settings?: string;
  readonly args?: readonly string[];
}

/** What a runner's integration knows of the tests that come next. */
export const aheadRows = (
  sources: Sources,
  timers: FakeTimers,
  oneAfterAnother: readonly (OneAfterAnother & { readonly name: string })[],
): readonly Row[] => [
  inARow(sources),
  fakeTimers(sources, timers),
  ...oneAfterAnother.map(({ name, ...how }) => {
    const row = leftOver(sources, how);
    return { ...row, name: `${row.name}, ${name}` };
  }),
];
