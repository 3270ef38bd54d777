// @ts-check
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SetupError } from './errors.mjs';
import { heldLock } from './lock.mjs';
import { root } from './paths.mjs';
import { adopt, checkInterrupted } from './signals.mjs';

const SHOWN_LINES = 40;
const KEPT_BYTES = 256 * 1024;

/** Debian keeps mke2fs and the like where an ordinary user's PATH does not look. */
const EXTRA_PATH = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/opt/homebrew/opt/e2fsprogs/sbin'];

/** The full path of a command, or undefined. @param {string} name */
export function which(name) {
  for (const directory of [...(process.env.PATH ?? '').split(delimiter), ...EXTRA_PATH]) {
    if (directory === '') continue;
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {}
  }
  return undefined;
}

/** A command as somebody would type it. @param {string} command @param {readonly string[]} args */
export function commandLine(command, args) {
  const quote = (/** @type {string} */ word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
  return [command, ...args].map(quote).join(' ');
}

/** @param {string} text @param {number} count */
export function lastLines(text, count) {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd] the repository unless told
 * @property {Record<string, string>} [env] added to this process's environment
 * @property {string} [remedy] what to do if the command fails
 * @property {(output: string) => string} [telling] the part of the output that says something about the failure
 * @property {boolean} [keepLock] false for commands that may leave a daemon behind: it would keep the lock for ever
 */

/**
 * Runs a command with its output captured. Resolves to what it wrote to stdout; a failure tells the command, its last
 * lines and the remedy.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<string>}
 */
export async function run(
  command,
  args,
  { cwd = root, env, remedy, telling = String, keepLock = true } = {},
) {
  checkInterrupted();
  const what = `${commandLine(command, args)}${cwd === root ? '' : ` (in ${cwd})`}`;
  const lock = keepLock ? heldLock() : undefined;
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    // The lock goes with the children: should this process be killed, whoever waits still waits for them.
    stdio: ['ignore', 'pipe', 'pipe', ...(lock === undefined ? [] : [lock])],
  });
  adopt(child);

  let stdout = '';
  let both = '';
  child.stdout?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
    stdout += text;
    both = (both + text).slice(-KEPT_BYTES);
  });
  child.stderr?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
    both = (both + text).slice(-KEPT_BYTES);
  });

  const end = await new Promise((resolve, reject) => {
    child.once('error', (error) =>
      reject(new SetupError(`${what}: did not start: ${error.message}`, { remedy, cause: error })),
    );
    child.once('close', (code, signal) =>
      resolve(signal ? `ended by ${signal}` : code ? `exit status ${code}` : ''),
    );
  });
  checkInterrupted();
  if (end === '') return stdout;
  throw new SetupError(`${what}: ${end}`, { output: lastLines(telling(both), SHOWN_LINES), remedy });
}

/**
 * A quick question to a command: its stdout, or undefined if it fails or is not there.
 * @param {string} command
 * @param {readonly string[]} args
 */
export function ask(command, args) {
  const { status, stdout } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 64 * 1024 * 1024,
  });
  return status === 0 ? stdout : undefined;
}
