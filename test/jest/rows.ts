import type { Row } from '../integrations/rows.js';
import { deathRows } from './death-rows.js';
import { featureRows } from './feature-rows.js';
import { gatingRows } from './gating-rows.js';
import { outcomeRows } from './outcome-rows.js';

export const jestRows: readonly Row[] = [...outcomeRows, ...gatingRows, ...deathRows, ...featureRows];
