// @ts-check
import { spawn } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SetupError } from './errors.mjs';
import { adopt, checkInterrupted } from './signals.mjs';

/** @type {number | undefined} */
let held;

/** The descriptor that the lock hangs on, for children to inherit; undefined when there is none. */
export const heldLock = () => held;

/**
 * Runs `work` under an exclusive lock that dies with this process.
 * @template T
 * @param {string} path
 * @param {(message: string) => void} log told once when somebody else has the lock
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, log, work) {
  mkdirSync(dirname(path), { recursive: true });
  const release = (await lockFile(path, log)) ?? (await lockDirectory(`${path}.d`, log));
  try {
    return await work();
  } finally {
    release();
  }
}

/** @param {string} path */
function holder(path) {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

/** @param {string} text the holder's own words */
const waiting = (text) => `waiting for another set-up to finish${text ? ` (${text})` : ''} …`;
const self = () => `process ${process.pid}, since ${new Date().toTimeString().slice(0, 8)}`;

/**
 * An flock belongs to the open file description, so flock(1) can take it on a descriptor that it inherits from here:
 * it is ours until the last copy of the descriptor is closed. Node itself has no call for it.
 * Resolves to undefined where there is no flock(1).
 * @param {string} path
 * @param {(message: string) => void} log
 */
async function lockFile(path, log) {
  const descriptor = openSync(path, 'a+', 0o666);
  try {
    const first = await flock(descriptor, ['-n']);
    if (first === 'absent') {
      closeSync(descriptor);
      return undefined;
    }
    if (first === 'busy') {
      log(waiting(holder(path)));
      if ((await flock(descriptor, [])) !== 'locked')
        throw new SetupError(`${path}: flock(1) could not lock it`);
    }
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  ftruncateSync(descriptor);
  writeSync(descriptor, `${self()}\n`);
  held = descriptor;
  return () => {
    held = undefined;
    closeSync(descriptor);
  };
}

/**
 * @param {number} descriptor
 * @param {string[]} options
 * @returns {Promise<'locked' | 'busy' | 'absent'>}
 */
async function flock(descriptor, options) {
  checkInterrupted();
  const child = spawn('flock', [...options, '3'], { stdio: ['ignore', 'ignore', 'inherit', descriptor] });
  adopt(child);
  const result = await new Promise((resolve, reject) => {
    child.once('error', (/** @type {NodeJS.ErrnoException} */ error) =>
      error.code === 'ENOENT' ? resolve('absent') : reject(error),
    );
    child.once('close', (code) => resolve(code === 0 ? 'locked' : 'busy'));
  });
  checkInterrupted();
  return result;
}

/**
 * For systems without flock(1): mkdir decides, and a directory whose process is gone is moved out of the way, to a name
 * made of that process's id. That name stays taken until the next holder is done, so of two who find the same dead
 * holder the slower one cannot move the faster one's new directory.
 * @param {string} path
 * @param {(message: string) => void} log
 */
async function lockDirectory(path, log) {
  const owner = join(path, 'owner');
  for (let round = 0; ; round++) {
    checkInterrupted();
    try {
      mkdirSync(path);
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    const text = holder(owner);
    const pid = Number(/^process (\d+)/.exec(text)?.[1]);
    // Without an owner after a while, its maker died between the mkdir and the write.
    if (pid ? !alive(pid) : round > 20) {
      try {
        renameSync(path, `${path}.dead-${pid}`);
      } catch {}
    } else if (round === 0) log(waiting(text));
    await sleep(200);
  }
  writeFileSync(owner, `${self()}\n`);
  return () => {
    for (const name of readdirSync(dirname(path))) {
      if (name.startsWith(`${basename(path)}.dead-`))
        rmSync(join(dirname(path), name), { recursive: true, force: true });
    }
    rmSync(path, { recursive: true, force: true });
  };
}

/** @param {number} pid */
function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
