import { death, killsMain, killsWorker, signals } from '../integrations/deaths.js';
import { gate, incapable } from '../integrations/gating.js';
import { expected, outcomes, outcomesHead } from '../integrations/outcomes.js';
import { Project } from '../integrations/project.js';
import { type Expected, finding, type Row } from '../integrations/rows.js';
import type { Sources } from '../integrations/sources.js';

/** `test.msb` is called `msbTest` there; the files that all runners share call it by the other name. */
const sources: Sources = {
  testFile: (name) => `${name}.test.mjs`,
  configuration: () => ({}),
  imports: (names, from) => `import { ${names} } from '${from}';`,
  api: () => `
import { msbTest } from '@msbtest/core/node-test';
import { expect } from 'expect';
import { afterEach, before as beforeAll, beforeEach, describe, test as plain } from 'node:test';
const test = Object.assign((name, body) => plain(name, body), { msb: msbTest });
`,
  evidence: '.node-test/msb',
};

const files = { [sources.testFile('outcomes')]: outcomesHead(sources) + outcomes };
const skipped: Expected = { state: 'skipped', boots: 0 };

const everyOutcome: Row = {
  name: 'every outcome',
  async run(runner) {
    using project = new Project(runner, files);
    const result = await project.run({ args: [sources.testFile('outcomes')] });
    return await finding(project, result, {
      tests: {
        ...expected,
        // Node runs the hooks before the function that boots; so there is no machine where one of them has thrown.
        'beforeEach > throws': { state: 'failed', boots: 0, message: /thrown before/ },
      },
      exitCode: 1,
      says: [/microVM: .*\.node-test\/msb\/outcomes-test-mjs-fails-.*console\.log/],
    });
  },
};

const gated = {
  [sources.testFile('a')]: `
${sources.api('')}
test('plain', () => {});
msbTest('runs', async ({ sandbox, t }) => {
  t.diagnostic((await sandbox.exec('id', ['-u'])).stdout());
});
msbTest('is to be left out', { skip: true }, () => {});
`,
};
const all = { plain: { state: 'passed', boots: 0 }, runs: skipped, 'is to be left out': skipped } as const;

const gating: readonly Row[] = [
  gate('auto, no hypervisor', gated, () => incapable(), {
    tests: all,
    exitCode: 0,
    says: [/no (KVM|HVF): .* failed with E[A-Z]+.*MSB_ACCEL=tcg/],
  }),
  gate('auto, emulation chosen', gated, () => ({}), {
    tests: { ...all, runs: { state: 'passed', boots: 1 } },
    exitCode: 0,
  }),
  gate('require, no hypervisor', gated, () => incapable({ MSB_TEST: 'require' }), {
    tests: { ...all, runs: { state: 'failed', boots: 0, message: /MSB_TEST=require, but .*no (KVM|HVF)/ } },
    exitCode: 1,
  }),
];

/** Node runs each file in a process of its own. */
const deaths: readonly Row[] = [
  ...signals.map((signal) =>
    death(sources, { name: `${signal} of node --test`, kill: killsMain(signal), mainLives: false }),
  ),
  death(sources, { name: 'SIGKILL of a process', kill: killsWorker('SIGKILL'), mainLives: false }),
];

export const nodeRows: readonly Row[] = [everyOutcome, ...gating, ...deaths];
