import type { Scenario } from '../scenario.js';
import { commands } from './commands.js';
import { kills } from './kills.js';
import { machines } from './machines.js';
import { names } from './names.js';
import { owners } from './owners.js';
import { stops } from './stops.js';
import { walls } from './walls.js';

/** All that there are, in the order in which they are run. */
export const scenarios: readonly Scenario[] = [
  ...stops,
  ...kills,
  ...owners,
  ...names,
  ...commands,
  ...machines,
  ...walls,
];
