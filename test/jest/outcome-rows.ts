import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Project, type RunOptions } from '../integrations/project.js';
import { type Demands, finding, type Row } from '../integrations/rows.js';
import {
  beside,
  besideExpected,
  evident,
  expected,
  importedExpected,
  importedOutcomes,
  machine,
  moduleExpected,
  moduleOutcomes,
  notEvident,
  onlyExpected,
  onlyOutcomes,
  outcomes,
} from './outcomes.js';
import { inBand, inWorkers } from './runners.js';
import { sources } from './sources.js';

/** A row of one run; `more` looks at what it has left in its project. */
function row(
  name: string,
  files: Readonly<Record<string, string>>,
  options: RunOptions,
  demands: Demands,
  more: (project: Project) => string[] = () => [],
): Row {
  return {
    name,
    async run(runner) {
      using project = new Project(runner, files);
      const found = await finding(project, await project.run(options), demands);
      return { ...found, problems: [...found.problems, ...more(project)] };
    },
  };
}

/** Evidence is there of tests that fail, and of no others; the machine that tests share is one. */
function lookAround(project: Project): string[] {
  const directory = join(project.path, sources.evidence);
  const written = existsSync(directory) ? readdirSync(directory) : [];
  const has = (test: string) => {
    const name = new RegExp(`^outcomes-test-js-${test.replaceAll(' ', '-')}-[0-9a-f]{8}$`);
    return written.some((one) => name.test(one));
  };
  const ofNoTest = project
    .boots()
    .filter(({ test }) => !Object.hasOwn(expected, test) && !Object.hasOwn(besideExpected, test));
  return [
    ...evident.filter((test) => !has(test)).map((test) => `no evidence of "${test}"`),
    ...notEvident.filter(has).map((test) => `evidence of "${test}"`),
    ...(ofNoTest.length === 1 ? [] : [`${ofNoTest.length} shared machines, not 1`]),
  ];
}

const outcomeFiles = { ...sources.configuration({ machine }), [sources.testFile('outcomes')]: outcomes };
const says = [new RegExp(`${sources.evidence.replace('.', '\\.')}/outcomes-test-js-fails-.*console\\.log`)];
const asModules = { NODE_OPTIONS: '--experimental-vm-modules' };
const moduleFiles = { ...sources.configuration(), 'outcomes.test.mjs': moduleOutcomes };

export const outcomeRows: readonly Row[] = [
  row(
    'every outcome, in band',
    outcomeFiles,
    { args: inBand },
    { tests: expected, exitCode: 1, says: [...says, /microVM tests: \d+ ran on tcg, 0 skipped, 6 left out/] },
    lookAround,
  ),
  row(
    'every outcome, in workers',
    { ...outcomeFiles, [sources.testFile('beside')]: beside },
    { args: inWorkers },
    {
      tests: { ...expected, ...besideExpected },
      exitCode: 1,
      says: [...says, /microVM tests: \d+ ran on tcg, 0 skipped, 6 left out/],
    },
    lookAround,
  ),
  row(
    'main outcomes as a module, in band',
    moduleFiles,
    { args: inBand, env: asModules },
    { tests: moduleExpected, exitCode: 1, says: [/microVM tests: 5 ran on tcg, 0 skipped/] },
  ),
  row(
    'main outcomes as a module, in workers',
    { ...moduleFiles, [sources.testFile('beside')]: beside },
    { args: inWorkers, env: asModules },
    {
      tests: { ...moduleExpected, ...besideExpected },
      exitCode: 1,
    },
  ),
  row(
    'no globals, fake timers from the start',
    {
      ...sources.configuration({
        settings: 'injectGlobals: false, fakeTimers: { enableGlobally: true }',
      }),
      [sources.testFile('a')]: importedOutcomes,
    },
    { args: inBand },
    { tests: importedExpected, exitCode: 1 },
  ),
  row(
    'the only ones',
    { ...sources.configuration(), [sources.testFile('a')]: onlyOutcomes },
    { args: inBand },
    { tests: onlyExpected, exitCode: 0, says: [/microVM tests: 4 ran on tcg, 0 skipped, 3 left out/] },
  ),
];
