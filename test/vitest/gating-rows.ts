import {
  allSkipped,
  gatingRows as commonRows,
  gate,
  gatedFiles,
  reportsReason,
  wrong,
} from '../integrations/gating.js';
import type { Row } from '../integrations/rows.js';
import { sources } from './sources.js';

const one = (machine: string, test: string) => ({
  ...sources.configuration({ machine }),
  [sources.testFile('a')]: `${sources.api('describe, test')}\n${test}`,
});

export const gatingRows: readonly Row[] = [
  ...commonRows(sources, 'plugin'),
  reportsReason(sources),
  gate('the tag selects', gatedFiles(sources), () => ({ args: ['--tags-filter=!msb'] }), {
    tests: allSkipped,
    exitCode: 0,
    says: [/microVM tests: 0 ran, 0 skipped, 3 left out/],
  }),
  wrong(
    'a wrong value in a suite',
    one(
      'memory: 256',
      `describe('s', { meta: { msb: { memory: 'big' } } }, () => { test.msb('t', () => {}); });`,
    ),
    /describe\("s"\), meta\.msb: memory is "big"; it is a whole number/,
  ),
  wrong(
    'a wrong option in the configuration',
    one('memroy: 256', `test('t', () => {});`),
    /msb\(\) in the vitest configuration: "memroy" is not an option.*"memory"/,
  ),
];
