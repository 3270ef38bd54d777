// @ts-check
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { endBySignal, SetupError } from './errors.mjs';
import { root } from './paths.mjs';
import { adopt, passing } from './signals.mjs';

/**
 * Runs a compiled program as if it had been started in this process's place: its standard streams, its arguments, its
 * exit status or signal. Signals are passed on to it, and what it makes of them is its answer: a program that tidies up
 * and exits 0 did exit 0.
 * @param {string} file from the repository
 * @param {string[]} args
 * @returns {Promise<number>}
 */
export async function handOver(file, args) {
  const path = resolve(root, file);
  if (!existsSync(path)) {
    throw new SetupError(`${path} is not there`, {
      remedy: 'name a compiled file; if this one should have been compiled, see its tsconfig.json',
    });
  }
  return passing(async () => {
    const child = spawn(process.execPath, [path, ...args], { stdio: 'inherit' });
    adopt(child);
    /** @type {{ code: number | null, signal: NodeJS.Signals | null }} */
    const end = await new Promise((done, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => done({ code, signal }));
    });
    if (end.signal) endBySignal(end.signal);
    return end.code ?? 1;
  });
}
