// @ts-check
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import * as debian from './debian.mjs';
import { SetupError } from './errors.mjs';
import { which } from './exec.mjs';
import { cacheDir } from './paths.mjs';

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

/** The static busybox of this machine, or the one that was fetched before. */
export function findBusybox() {
  const own = ['busybox', 'busybox.static'].map(which).find((path) => path && isStatic(path));
  const kept = join(keptDir(), 'busybox');
  return own ?? (existsSync(kept) ? kept : undefined);
}

/**
 * A static busybox: one that is there, or else Debian's, unpacked into the cache. It is not installed, because its
 * package would push out the `busybox` that many machines have and make their initramfs of.
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
  await debian.ensureListed(['busybox-static']);
  const directory = keptDir();
  const kept = join(directory, 'busybox');
  mkdirSync(directory, { recursive: true });
  const temporary = mkdtempSync(join(directory, '.set-up-'));
  try {
    const unpacked = await debian.downloadAndUnpack('busybox-static', temporary);
    const program = ['bin', 'usr/bin'].map((path) => join(unpacked, path, 'busybox')).find(existsSync);
    if (!program) throw new SetupError('busybox-static has no busybox where it was expected');
    const copy = join(temporary, 'busybox');
    copyFileSync(program, copy);
    chmodSync(copy, 0o755);
    renameSync(copy, kept);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return kept;
}
