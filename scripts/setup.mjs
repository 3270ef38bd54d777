// @ts-check
// Brings a machine from nothing but Node.js and npm to where everything can run: installs, builds, prepares. What is
// done already is not done again. `node scripts/setup.mjs [STEP ...]` does it alone, or only the steps named.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chooseAccelerator } from './setup/accelerator.mjs';
import { runMain, SetupError } from './setup/errors.mjs';
import { image } from './setup/image.mjs';
import { kernel } from './setup/kernel.mjs';
import { withLock } from './setup/lock.mjs';
import { agentd, native } from './setup/make.mjs';
import { npm } from './setup/npm.mjs';
import { clang, packages, registry } from './setup/packages.mjs';
import { inRoot } from './setup/paths.mjs';
import { perform, toStderr } from './setup/progress.mjs';
import { checkInterrupted, passing } from './setup/signals.mjs';
import { typescript } from './setup/typescript.mjs';

/** In order; each may count on those before it. */
const STEPS = [packages, npm, native, agentd, typescript, kernel, image];

/** What only some jobs need. */
const OTHERS = [registry, clang];

/** Those that compile, and what they need for it. */
export const BUILD = ['packages', 'npm', 'native', 'agentd', 'typescript'];

const OLDEST_NODE = [20, 19];

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new SetupError(
    `this is Node.js ${process.versions.node}; ${OLDEST_NODE.join('.')} or later is needed`,
    {
      remedy: 'install a newer Node.js',
    },
  );
}

/**
 * @param {object} [options]
 * @param {import('./setup/progress.mjs').Log} [options.log]
 * @param {string[]} [options.only] the steps' ids; all of them unless told
 * @param {string[]} [options.also] ids of steps that are needed for some jobs only
 */
export async function setup({ log = toStderr, only, also = [] } = {}) {
  checkNode();
  const unknown = only?.filter((id) => ![...STEPS, ...OTHERS].some((step) => step.id === id)) ?? [];
  if (unknown.length > 0) {
    throw new SetupError(`no step is called ${unknown.join(', ')}`, {
      remedy: `name some of: ${[...STEPS, ...OTHERS].map(({ id }) => id).join(' ')}`,
    });
  }
  const steps = [
    ...STEPS.filter(({ id }) => only?.includes(id) ?? true),
    ...OTHERS.filter(({ id }) => only?.includes(id) || also.includes(id)),
  ];
  const tell = (/** @type {string} */ message) => log(`set-up: ${message}`);
  await passing(() =>
    withLock(inRoot('build', 'set-up.lock'), tell, async () => {
      let worked = false;
      for (const step of steps) {
        worked = (await perform(step, log)) || worked;
        checkInterrupted();
      }
      if (!worked) tell('up to date');
    }),
  );
  if (!only) await chooseAccelerator(tell);
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    const named = process.argv.slice(2);
    await setup(named.length > 0 ? { only: named } : {});
    return 0;
  });
}
