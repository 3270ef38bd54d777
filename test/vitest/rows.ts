import { aheadRows } from '../integrations/ahead.js';
import { featureRows } from '../integrations/features.js';
import type { Row } from '../integrations/rows.js';
import { deathRows } from './death-rows.js';
import { gatingRows } from './gating-rows.js';
import { outcomeRows } from './outcome-rows.js';
import { sources } from './sources.js';

/** Where one file comes after the other in a process: in all pools that can be had so, with and without what isolates them. */
const inOneWorker = [
  { name: 'forks, not isolated', settings: `pool: 'forks', isolate: false, maxWorkers: 1` },
  { name: 'threads, not isolated', settings: `pool: 'threads', isolate: false, maxWorkers: 1` },
  { name: 'vmThreads', settings: `pool: 'vmThreads', maxWorkers: 1` },
];

export const vitestRows: readonly Row[] = [
  ...outcomeRows,
  ...gatingRows,
  ...deathRows,
  ...featureRows(sources),
  ...aheadRows(sources, { fake: 'vi.useFakeTimers({ now: 0 });', real: 'vi.useRealTimers();' }, inOneWorker),
];
