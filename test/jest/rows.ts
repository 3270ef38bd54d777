import { aheadRows } from '../integrations/ahead.js';
import type { Row } from '../integrations/rows.js';
import { deathRows } from './death-rows.js';
import { featureRows } from './feature-rows.js';
import { gatingRows } from './gating-rows.js';
import { outcomeRows } from './outcome-rows.js';
import { inBand } from './runners.js';
import { sources } from './sources.js';

export const jestRows: readonly Row[] = [
  ...outcomeRows,
  ...gatingRows,
  ...deathRows,
  ...featureRows,
  ...aheadRows(sources, { fake: 'jest.useFakeTimers({ now: 0 });', real: 'jest.useRealTimers();' }, [
    { name: 'in band', args: inBand },
  ]),
];
