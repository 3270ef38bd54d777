// @ts-check
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { commandLine } from '../setup/exec.mjs';
import { inRoot, root } from '../setup/paths.mjs';
import { adopt, checkInterrupted } from '../setup/signals.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** How every part that counts for itself ends. */
const COUNT_LINE = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$/;

/** @param {Counts} counts */
export const countLine = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

/** @param {readonly Counts[]} all @returns {Counts} */
export function sum(all) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { passed, failed, skipped } of all) {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
}

/** A part that hangs must not take the whole run's time with it: what it is, and the sums, shall still be said. */
const LIMIT_MS = { check: 5 * 60_000, suite: 15 * 60_000, vitest: 60 * 60_000 };
const GRACE_MS = 10_000;

/**
 * Runs a command, its output going where ours goes unless somebody wants it. Resolves to how it ended if not well.
 * @param {string} command
 * @param {string[]} args
 * @param {{ limitMs: number, env?: Record<string, string>, onOutput?: (text: string) => void }} options
 * @returns {Promise<string | undefined>}
 */
async function shown(command, args, { limitMs, env, onOutput }) {
  checkInterrupted();
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', onOutput ? 'pipe' : 'inherit', 'inherit'],
  });
  adopt(child);
  if (onOutput) child.stdout?.setEncoding('utf8').on('data', onOutput);
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    child.kill('SIGTERM');
  }, limitMs);
  const kill = setTimeout(() => child.kill('SIGKILL'), limitMs + GRACE_MS);
  /** @type {string | undefined} */
  const trouble = await new Promise((resolve) => {
    child.once('error', (error) => resolve(`did not start: ${error.message}`));
    child.once('close', (code, signal) =>
      resolve(signal ? `ended by ${signal}` : code ? `exit status ${code}` : undefined),
    );
  });
  clearTimeout(limit);
  clearTimeout(kill);
  checkInterrupted();
  return late ? `not done after ${limitMs / 60_000} min, and ended for it` : trouble;
}

/**
 * What a part's own counts come to, given how it ended: one that crashed, or ran no test, has failed, whatever it said.
 * @param {string} name
 * @param {Counts | undefined} counts
 * @param {string | undefined} trouble
 * @returns {Counts}
 */
export function judge(name, counts, trouble) {
  const { passed, failed, skipped } = counts ?? { passed: 0, failed: 0, skipped: 0 };
  let reason;
  if (!counts) reason = `it gave no counts${trouble ? ` (${trouble})` : ''}`;
  else if (passed + failed === 0) reason = `it ran no test${trouble ? ` (${trouble})` : ''}`;
  else if (failed === 0 && trouble) reason = `no test failed, yet: ${trouble}`;
  if (reason === undefined) return { passed, failed, skipped };
  process.stdout.write(`${name}: counted as 1 failed: ${reason}\n`);
  return { passed, failed: failed + 1, skipped };
}

/** @param {string} name */
const heading = (name) => process.stdout.write(`\n— ${name}\n`);

/**
 * A command that either finds nothing wrong or fails: one check.
 * @param {string} name
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<Counts>}
 */
export async function check(name, command, args) {
  heading(name);
  const trouble = await shown(command, args, { limitMs: LIMIT_MS.check });
  if (trouble) process.stdout.write(`${name}: ${trouble}\n`);
  return { passed: trouble ? 0 : 1, failed: trouble ? 1 : 0, skipped: 0 };
}

/**
 * A suite that ends with its count line.
 * @param {string} name
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string>} env
 */
export async function countedSuite(name, command, args, env) {
  heading(name);
  const { output, trouble } = await suite(command, args, env, (text) => process.stdout.write(text));
  return judge(name, lastCounts(output), trouble);
}

/**
 * One that runs beside another: it has what that leaves of the processors, and what it says is shown when it has ended.
 * @param {string} name
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string>} env
 */
export async function suiteBeside(name, command, args, env) {
  const { output, trouble } = await suite('nice', ['-n', '19', command, ...args], env, () => {});
  heading(name);
  process.stdout.write(output);
  return judge(name, lastCounts(output), trouble);
}

/** @param {string} command @param {string[]} args @param {Record<string, string>} env @param {(text: string) => void} show */
async function suite(command, args, env, show) {
  let output = '';
  const trouble = await shown(command, args, {
    limitMs: LIMIT_MS.suite,
    env,
    onOutput: (text) => {
      output += text;
      show(text);
    },
  });
  return { output, trouble };
}

/** @param {string} output @returns {Counts | undefined} */
export function lastCounts(output) {
  for (const line of output.split('\n').reverse()) {
    const match = COUNT_LINE.exec(line);
    if (match) return { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3] ?? 0) };
  }
  return undefined;
}

/**
 * @param {string} command vitest
 * @param {string[]} filters
 * @param {string} report where it shall write its counts
 * @param {Record<string, string>} env
 */
export async function vitest(command, filters, report, env) {
  heading(`vitest${filters.length > 0 ? ` ${filters.join(' ')}` : ''}`);
  const reporters = ['default', 'json', inRoot('scripts/testing/second-tries.mjs')];
  const args = [
    'run',
    ...reporters.map((reporter) => `--reporter=${reporter}`),
    `--outputFile.json=${report}`,
    ...filters,
  ];
  const trouble = await shown(command, args, { limitMs: LIMIT_MS.vitest, env });
  return judge(commandLine('vitest', ['run', ...filters]), vitestCounts(report), trouble);
}

/** @param {string} report @returns {Counts | undefined} */
export function vitestCounts(report) {
  let json;
  try {
    json = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return undefined;
  }
  // A file that could not even be imported, or whose hooks failed, has failed without a failed test to its name.
  const broken = json.testResults.filter(
    (
      /** @type {{ status: string, assertionResults: { status: string }[] }} */ { status, assertionResults },
    ) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length;
  return {
    passed: json.numPassedTests,
    failed: json.numFailedTests + broken,
    skipped: json.numPendingTests + json.numTodoTests,
  };
}
