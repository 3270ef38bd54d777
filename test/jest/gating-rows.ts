import { gatingRows as commonRows, wrong } from '../integrations/gating.js';
import type { Row } from '../integrations/rows.js';
import { sources } from './sources.js';

const one = (text: string, machine = 'memory: 256') => ({
  ...sources.configuration({ machine }),
  [sources.testFile('a')]: text,
});
const plain = `test('t', () => {});`;

export const gatingRows: readonly Row[] = [
  ...commonRows(sources, 'reporter'),
  wrong(
    'a wrong option in the configuration',
    one(plain, 'memroy: 256'),
    /testEnvironmentOptions\.msb: "memroy" is not an option.*"memory"/,
  ),
  wrong(
    'a wrong option in the docblock',
    one(`/** @msb {"memroy": 128} */\n${plain}`),
    /@msb in the docblock: "memroy" is not an option.*"memory"/,
  ),
  wrong(
    'a docblock that is not JSON',
    one(`/** @msb {memory: 128} */\n${plain}`),
    /@msb in the docblock: .*JSON/,
  ),
  wrong(
    'a wrong value of a shared machine',
    one(`test.msb.shared({ memory: 'big' })('t', () => {});`),
    /test\.msb\.shared: memory is "big"; it is a whole number/,
  ),
];
