import { testRows } from '../integrations/suite.js';
import { jestRows } from './rows.js';
import { runners } from './runners.js';

for (const runner of runners.slice(0, 1)) testRows(runner, jestRows);
