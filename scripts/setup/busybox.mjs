// @ts-check
import { chmodSync, closeSync, copyFileSync, existsSync, openSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { replaceDirectory } from './content.mjs';
import * as debian from './debian.mjs';
import { SetupError } from './errors.mjs';
import { which } from './exec.mjs';
import { README, writePapers } from './papers.mjs';
import { cacheDir } from './paths.mjs';
import { inWorkDirectory } from './work-directory.mjs';

/**
 * @typedef {object} Busybox
 * @property {string} program
 * @property {string} [papers] a directory that tells whose it is and where its sources are; without it, it cannot be passed on
 */

/** Whether a program runs without any library: an ELF file without an interpreter. @param {string} path */
function isStatic(path) {
  const head = Buffer.alloc(4096);
  const file = openSync(path, 'r');
  try {
    readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  if (head.readUInt32BE(0) !== 0x7f454c46 || head[4] !== 2 || head[5] !== 1) return false;
  const table = Number(head.readBigUInt64LE(0x20));
  const size = head.readUInt16LE(0x36);
  const PT_INTERP = 3;
  for (let index = 0; index < head.readUInt16LE(0x38); index++) {
    if (head.readUInt32LE(table + index * size) === PT_INTERP) return false;
  }
  return true;
}

const keptDir = () => join(cacheDir(), 'busybox', process.arch);

/**
 * The static busybox that was fetched before; where there is no apt to fetch it, one that this machine has.
 * @returns {Busybox | undefined}
 */
export function findBusybox() {
  const program = join(keptDir(), 'busybox');
  const papers = join(keptDir(), 'papers');
  if (existsSync(program) && existsSync(join(papers, README))) return { program, papers };
  if (debian.hasApt()) return undefined;
  const own = ['busybox', 'busybox.static'].map(which).find((path) => path && isStatic(path));
  return own === undefined ? undefined : { program: own };
}

/**
 * A static busybox: Debian's, even where the machine has one of its own, since what is made of it is passed on. It is not
 * installed, because its package would push out the `busybox` that many machines have and make their initramfs of.
 * @returns {Promise<Busybox>}
 */
export async function busybox() {
  const found = findBusybox();
  if (found) return found;
  if (!debian.hasApt()) {
    throw new SetupError('no static busybox on PATH, and no apt to bring it', {
      remedy:
        'install busybox (Alpine: busybox-static) so that `busybox` or `busybox.static` on PATH is a static program',
    });
  }
  await inWorkDirectory(dirname(keptDir()), async (directory) => {
    const unpacked = await debian.unpack('busybox-static', join(directory, 'unpacked'));
    const program = ['bin', 'usr/bin'].map((path) => join(unpacked.root, path, 'busybox')).find(existsSync);
    if (!program) throw new SetupError('busybox-static has no busybox where it was expected');
    const made = join(directory, 'made');
    await writePapers(unpacked, join(made, 'papers'), "The base image's busybox is");
    copyFileSync(program, join(made, 'busybox'));
    chmodSync(join(made, 'busybox'), 0o755);
    try {
      replaceDirectory(made, keptDir(), join(directory, 'old'));
    } catch (error) {
      // Another checkout's set-up was faster; the locks are of each checkout, the cache is everybody's.
      if (!findBusybox()) throw error;
    }
  });
  return { program: join(keptDir(), 'busybox'), papers: join(keptDir(), 'papers') };
}
