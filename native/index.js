import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const addonPath = fileURLToPath(new URL('./build/msb_native.node', import.meta.url));

/** The platform and architecture that a binary was built for, as Node names them; undefined if it is none that we build. */
const targetOf = (path) => {
  const head = Buffer.alloc(20);
  const file = openSync(path, 'r');
  try {
    readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  // ELF: e_machine. Mach-O, 64 bits: cputype.
  if (head.readUInt32BE(0) === 0x7f454c46)
    return { 62: 'linux-x64', 183: 'linux-arm64' }[head.readUInt16LE(18)];
  if (head.readUInt32LE(0) === 0xfeedfacf)
    return { 16777223: 'darwin-x64', 16777228: 'darwin-arm64' }[head.readUInt32LE(4)];
  return undefined;
};

const load = () => {
  if (!existsSync(addonPath)) {
    throw new Error(
      [
        `The native addon is not built: ${addonPath} does not exist.`,
        'Run `npm run build` at the root of the repository (it needs a C++17 compiler and make).',
      ].join('\n'),
    );
  }
  try {
    return createRequire(import.meta.url)(addonPath);
  } catch (error) {
    const here = `${process.platform}-${process.arch}`;
    const target = targetOf(addonPath);
    throw new Error(
      [
        `The native addon cannot be loaded: ${addonPath}`,
        target === undefined || target === here
          ? error.message
          : `It is built for ${target}; this is ${here}.`,
        `Install packages that were made on ${here}, or build them here: \`npm run pack\` in a checkout.`,
      ].join('\n'),
      { cause: error },
    );
  }
};

export const {
  probeKvm,
  probeHvf,
  tryLockFile,
  lockFile,
  ownFd,
  closeFd,
  socketPair,
  messagePair,
  ask,
  measureTscKhz,
  spawn,
  pidfdOpen,
  pidfdSignal,
  pidfdWait,
  cloneFile,
} = load();

/** The relay: one per machine, it owns the VMM and the only line to its agent. */
export const relayPath = fileURLToPath(new URL('./build/msb-relay', import.meta.url));

export const forkLibraryPath = fileURLToPath(new URL('./build/libmsb-fork.so', import.meta.url));
