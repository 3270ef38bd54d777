import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { installed, jsonResults, link, nodeOf, type Runner, reportFiles } from '../integrations/runner.js';
import { checkout } from '../support/saboteurs.js';

/** @param vitest the directory of its package. */
const vitestRunner = (name: string, node: string, vitest: string): Runner => ({
  name,
  node,
  moduleType: 'module',
  neverSays: [],
  install(modules) {
    symlinkSync(vitest, join(modules, 'vitest'));
    link(modules, ['@msbtest/core']);
    // A copy, so that what it imports is this project's vitest.
    for (const part of ['package.json', 'dist']) {
      const [from, to] = [join(checkout, 'packages/vitest-plugin'), join(modules, '@msbtest/vitest-plugin')];
      cpSync(join(from, part), join(to, part), { recursive: true });
    }
  },
  command: (args) => [
    node,
    join(vitest, 'vitest.mjs'),
    'run',
    ...['default', 'json', 'junit'].map((reporter) => `--reporter=${reporter}`),
    `--outputFile.json=${reportFiles.json}`,
    `--outputFile.junit=${reportFiles.junit}`,
    ...args,
  ],
  results: jsonResults,
});

const vitest5 = join(checkout, 'test/runners/vitest-5/node_modules/vitest');

/** What the plugin promises to work with. */
export const runners: readonly Runner[] = [
  vitestRunner('vitest 4.1, this Node', process.execPath, installed('vitest')),
  vitestRunner('vitest 5, Node 24', nodeOf(24), vitest5),
];

/** Also promised, and tried with fewer rows. */
export const vitest5OnNode22 = vitestRunner('vitest 5, Node 22', nodeOf(22), vitest5);
