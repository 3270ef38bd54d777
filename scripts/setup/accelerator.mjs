// @ts-check
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inRoot } from './paths.mjs';

/** With a hypervisor a guest is up within a second or two. */
const PROOF_TIMEOUT_MS = 10_000;

/**
 * Lets this repository's own runs fall back to emulation where there is no hypervisor, or one that answers and yet runs no guest (some
 * nested ones do), and says so. The library never does: to a user's suite, one that became twenty times slower by itself would be
 * a riddle. MSB_ACCEL decides where it is set.
 * @param {(message: string) => void} tell
 */
export async function chooseAccelerator(tell) {
  if (process.env.MSB_ACCEL) return;
  const core = await import(pathToFileURL(inRoot('packages/core/dist/index.js')).href);
  const { available, accelerator, finding } = core.probeHypervisor();
  const trouble = available ? await prove(core.Sandbox) : finding;
  if (trouble === undefined) return;
  process.env.MSB_ACCEL = 'tcg';
  tell(
    `no ${accelerator} here (${trouble}): machines are emulated, about twenty times slower, as with MSB_ACCEL=tcg`,
  );
}

/**
 * Boots a machine on the hypervisor, and throws it away.
 * @param {any} Sandbox of packages/core
 * @returns {Promise<string | undefined>} why it does not work
 */
async function prove(Sandbox) {
  const place = mkdtempSync('/tmp/msbt-'); // not os.tmpdir(): sockets have short paths
  const before = { MSB_HOME: process.env.MSB_HOME, MSB_RUNTIME_DIR: process.env.MSB_RUNTIME_DIR };
  process.env.MSB_HOME = join(place, 'home');
  process.env.MSB_RUNTIME_DIR = join(place, 'run');
  try {
    const builder = Sandbox.builder('proof').image('msb-base').memory(256).ephemeral(true);
    const sandbox = await builder.bootTimeout(PROOF_TIMEOUT_MS).create();
    await sandbox[Symbol.asyncDispose]();
    return undefined;
  } catch (error) {
    const { name, message } = /** @type {Error} */ (error);
    return `it answers, but no guest boots: ${name}: ${message.split('\n')[0]}`;
  } finally {
    for (const [key, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[key];
      else process.env[key] = value;
    }
    rmSync(place, { recursive: true, force: true });
  }
}
