import { testRows } from '../integrations/suite.js';
import { nodeRows } from './rows.js';
import { runners } from './runners.js';

for (const runner of runners) testRows(runner, nodeRows);
