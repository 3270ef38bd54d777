// @ts-check
// npm start: sets up, then stops a machine in the middle of its writes and looks whether they are on its disk.

import { runMain } from './setup/errors.mjs';
import { handOver } from './setup/hand-over.mjs';
import { setup } from './setup.mjs';

await runMain(async () => {
  await setup();
  return handOver('fixtures/dist/start.js', process.argv.slice(2));
});
