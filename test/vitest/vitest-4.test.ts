import { runners } from './runners.js';
import { allRows, testRows } from './suite.js';

for (const runner of runners.slice(0, 1)) testRows(runner, allRows);
