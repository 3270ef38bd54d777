// @ts-check
// npm run build: installs what compiling needs, and compiles. No kernel, no image.

import { runMain } from './setup/errors.mjs';
import { BUILD, setup } from './setup.mjs';

await runMain(async () => {
  await setup({ only: BUILD });
  return 0;
});
