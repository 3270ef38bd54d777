import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const addonPath = fileURLToPath(new URL('./build/msb_native.node', import.meta.url));

const load = () => {
  if (!existsSync(addonPath)) {
    throw new Error(
      [
        `The native addon is not built: ${addonPath} does not exist.`,
        'Run `npm run build` at the root of the repository (it needs a C++17 compiler and make).',
      ].join('\n'),
    );
  }
  return createRequire(import.meta.url)(addonPath);
};

export const {
  probeKvm,
  probeHvf,
  tryLock,
  lockFile,
  unlock,
  socketPair,
  listenUnix,
  measureTscKhz,
  spawn,
  pidfdOpen,
  pidfdSignal,
  pidfdWait,
  cloneFile,
} = load();

/** The relay: one per machine, it owns the VMM and the only line to its agent. */
export const relayPath = fileURLToPath(new URL('./build/msb-relay', import.meta.url));
