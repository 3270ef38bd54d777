// @ts-check
// node scripts/run.mjs FILE [ARGUMENT ...]: sets up, then runs a compiled file of this repository.

import { runMain, SetupError } from './setup/errors.mjs';
import { handOver } from './setup/hand-over.mjs';
import { setup } from './setup.mjs';

await runMain(async () => {
  const [file, ...args] = process.argv.slice(2);
  if (file === undefined) throw new SetupError('usage: node scripts/run.mjs FILE [ARGUMENT ...]');
  await setup();
  return handOver(file, args);
});
