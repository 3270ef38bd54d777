import { join } from 'node:path';
import { installed, jsonResults, link, nodeOf, type Runner, reportFiles } from '../integrations/runner.js';

const jestRunner = (name: string, node: string): Runner => ({
  name,
  node,
  moduleType: 'commonjs',
  neverSays: [/did not exit one second after/i, /failed to exit gracefully/i, /open handle/i],
  install(modules) {
    link(modules, ['jest', '@jest/globals', '@msbtest/core', '@msbtest/jest-env']);
  },
  command: (args) => [
    node,
    join(installed('jest'), 'bin/jest.js'),
    '--watchman=false',
    '--json',
    `--outputFile=${reportFiles.json}`,
    ...args,
  ],
  /** A skipped test is `pending` in jest's report. */
  results: (project) =>
    Object.fromEntries(
      Object.entries(jsonResults(project)).map(([test, result]) => [
        test,
        result.state === 'pending' ? { ...result, state: 'skipped' } : result,
      ]),
    ),
});

/** What the environment promises to work with. */
export const runners: readonly Runner[] = [
  jestRunner('jest 30, this Node', process.execPath),
  jestRunner('jest 30, Node 24', nodeOf(24)),
];

/** Where a run's tests are run: in jest's own process, or, from two files on, in processes of their own. */
export const inBand = ['-i'] as const;
export const inWorkers = ['--maxWorkers=2'] as const;
