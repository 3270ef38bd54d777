import { testRows } from '../integrations/suite.js';
import { shortRow } from './outcome-rows.js';
import { vitestRows } from './rows.js';
import { runners, vitest5OnNode22 } from './runners.js';

for (const runner of runners.slice(1)) testRows(runner, vitestRows);
testRows(vitest5OnNode22, [shortRow]);
