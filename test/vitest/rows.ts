import { featureRows } from '../integrations/features.js';
import type { Row } from '../integrations/rows.js';
import { deathRows } from './death-rows.js';
import { gatingRows } from './gating-rows.js';
import { outcomeRows } from './outcome-rows.js';
import { sources } from './sources.js';

export const vitestRows: readonly Row[] = [
  ...outcomeRows,
  ...gatingRows,
  ...deathRows,
  ...featureRows(sources),
];
