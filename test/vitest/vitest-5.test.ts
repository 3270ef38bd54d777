import { shortRow } from './outcome-rows.js';
import { runners, vitest5OnNode22 } from './runners.js';
import { allRows, testRows } from './suite.js';

for (const runner of runners.slice(1)) testRows(runner, allRows);
testRows(vitest5OnNode22, [shortRow]);
