// @ts-check
import { pathToFileURL } from 'node:url';
import { inRoot } from './paths.mjs';

/**
 * Lets this repository's own runs fall back to emulation where there is no hypervisor, and says so. The library never does: to
 * a user's suite, one that became twenty times slower by itself would be a riddle. MSB_ACCEL decides where it is set.
 * @param {(message: string) => void} tell
 */
export async function chooseAccelerator(tell) {
  if (process.env.MSB_ACCEL) return;
  const { probeHypervisor } = await import(pathToFileURL(inRoot('packages/core/dist/index.js')).href);
  const { available, accelerator, finding } = probeHypervisor();
  if (available) return;
  process.env.MSB_ACCEL = 'tcg';
  tell(
    `no ${accelerator} here (${finding}): machines are emulated, about twenty times slower, as with MSB_ACCEL=tcg`,
  );
}
