import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { MissingDependencyError } from '../errors.js';
import type { Places } from '../host/paths.js';
import { writeWhole } from '../store/whole-file.js';
import { type CpioEntry, cpio } from './cpio.js';
import type { GuestKernel } from './kernel.js';

const directory = 0o040755;
const executable = 0o100755;
const regular = 0o100644;
const characterDevice = 0o020600;

/** What was made from which files, so that they are not read for every machine. */
const made = new Map<string, string>();

/**
 * The initramfs for a kernel: the agent as `/init` and the modules it loads. Made once for each content.
 *
 * @returns the path of the archive.
 */
export function guestInitramfs(places: Places, kernel: GuestKernel, agent: string): string {
  const sources = JSON.stringify([places.cache, ...[agent, ...kernel.modules].map(versionOf)]);
  const known = made.get(sources);
  if (known && existsSync(known)) return known;
  const archive = cpio(entries(readAgent(agent), kernel));
  const key = createHash('sha256').update(archive).digest('hex').slice(0, 32);
  const path = join(places.cache, 'initramfs', `${key}.cpio`);
  if (!existsSync(path)) {
    mkdirSync(join(places.cache, 'initramfs'), { recursive: true, mode: 0o700 });
    writeWhole(path, archive);
  }
  made.set(sources, path);
  return path;
}

function versionOf(path: string): readonly unknown[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  return [path, stat?.ino, stat?.size, stat?.mtimeMs, stat?.ctimeMs];
}

function entries(agent: Uint8Array, kernel: GuestKernel): CpioEntry[] {
  const names = kernel.modules.map((module) => basename(module));
  return [
    { name: 'dev', mode: directory },
    // The kernel opens it for init's standard streams before init could mount anything.
    { name: 'dev/console', mode: characterDevice, device: [5, 1] },
    { name: 'init', mode: executable, content: agent },
    { name: 'modules', mode: directory },
    { name: 'modules/order', mode: regular, content: Buffer.from(names.map((name) => `${name}\n`).join('')) },
    ...kernel.modules.map((module) => ({
      name: `modules/${basename(module)}`,
      mode: regular,
      content: readFileSync(module),
    })),
  ];
}

const elfMagic = 0x7f454c46;

/** ELF's e_machine. */
const machines: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };

function readAgent(path: string): Uint8Array {
  let agent: Buffer;
  try {
    agent = readFileSync(path);
  } catch (error) {
    throw new MissingDependencyError(`The guest agent ${path} is not built. In a checkout: npm run build.`, {
      cause: error,
    });
  }
  const isElf = agent.length >= 20 && agent.readUInt32BE(0) === elfMagic;
  if (isElf && agent.readUInt16LE(18) !== machines[process.arch]) {
    throw new MissingDependencyError(
      `The guest agent ${path} is not a program for ${process.arch}, which this machine is. Install the @msbtest packages that were ` +
        'made for it; in a checkout: make -C agentd clean, and npm run build.',
    );
  }
  return agent;
}
