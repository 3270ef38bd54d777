// @ts-check
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandLine, lastLines } from '../setup/exec.mjs';
import { inRoot } from '../setup/paths.mjs';
import { adopt, checkInterrupted } from '../setup/signals.mjs';
import { programOf } from './build.mjs';
import { inBuild, keptCorpus } from './targets.mjs';

/** @typedef {import('./targets.mjs').Target} Target */

/**
 * @typedef {object} Result
 * @property {Target} target
 * @property {number} executions
 * @property {number} perSecond
 * @property {number} corpus inputs that are worth keeping
 * @property {number} features what they reach
 * @property {string[]} findings paths of inputs, by their names crash-, timeout-, leak- or oom-
 * @property {string} [trouble] what is wrong, in a few lines; none when all is well
 */

/** What one input may take: the slowest take some hundredths. */
const TIMEOUT_S = 20;
const MEMORY_MIB = 2048;
/** From its time being over until it has ended by itself; it may be within one input. */
const GRACE_MS = (TIMEOUT_S + 20) * 1000;
const SHOWN_LINES = 60;
const KEPT_CHARACTERS = 256 * 1024;

/** The options of every run, replay or not. @param {Target} target */
export const limits = (target) => [
  `-timeout=${TIMEOUT_S}`,
  `-rss_limit_mb=${MEMORY_MIB}`,
  `-max_len=${target.maxLength}`,
];

/** How one input is run again. @param {Target} target @param {string} input */
export const replay = (target, input) => commandLine(programOf(target), [`-timeout=${TIMEOUT_S}`, input]);

/** Fuzzes a target that is built. @param {Target} target @param {number} seconds @returns {Promise<Result>} */
export async function fuzz(target, seconds) {
  const corpus = inBuild(target, 'corpus');
  const findings = inBuild(target, 'findings');
  for (const directory of [corpus, findings]) mkdirSync(directory, { recursive: true });
  const before = new Set(readdirSync(findings));
  const args = [
    ...limits(target),
    // To libFuzzer, no time is no bound.
    seconds === 0 ? '-runs=0' : `-max_total_time=${seconds}`,
    '-len_control=0', // the seeds are as long as what is looked for
    '-print_final_stats=1',
    `-artifact_prefix=${findings}/`,
    ...(target.dictionary ? [`-dict=${inRoot(target.part, 'test', 'fuzz', target.dictionary)}`] : []),
    ...[corpus, keptCorpus(target)].filter(existsSync),
  ];
  const { output, ended } = await supervised(programOf(target), args, seconds * 1000 + GRACE_MS);
  const found = readdirSync(findings)
    .filter((name) => !before.has(name) && /^(crash|timeout|leak|oom)-/.test(name))
    .map((name) => join(findings, name));
  return {
    target,
    ...figures(output),
    findings: found,
    ...(ended !== '' || found.length > 0
      ? { trouble: `${ended || 'it ended well'}\n${lastLines(said(output), SHOWN_LINES)}` }
      : {}),
  };
}

/**
 * Runs a program for so long at most. Resolves to what it wrote, and to how it ended, if not well.
 * @param {string} program
 * @param {string[]} args
 * @param {number} withinMs
 */
export async function supervised(program, args, withinMs) {
  checkInterrupted();
  // libFuzzer ends its process without any tidying up.
  const scratch = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'msb-fuzz-'));
  try {
    return await run(program, args, withinMs, scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** @param {string} program @param {string[]} args @param {number} withinMs @param {string} scratch */
async function run(program, args, withinMs, scratch) {
  const env = { ...process.env, TMPDIR: scratch };
  const child = spawn(program, args, { cwd: inRoot(), env, stdio: ['ignore', 'pipe', 'pipe'] });
  adopt(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      output = (output + text).slice(-KEPT_CHARACTERS);
    });
  }
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, withinMs);
  /** @type {string} */
  const ended = await new Promise((resolve) => {
    child.once('error', (error) => resolve(`it did not start: ${error.message}`));
    child.once('close', (code, signal) =>
      resolve(signal ? `it was ended by ${signal}` : code ? `it ended with status ${code}` : ''),
    );
  });
  clearTimeout(limit);
  checkInterrupted();
  return { output, ended: late ? `it had not ended after ${withinMs / 1000} s, and was killed` : ended };
}

/** @param {string} output of libFuzzer */
export function figures(output) {
  const status = [...output.matchAll(/^#\d+\t.*$/gm)].at(-1)?.[0] ?? '';
  const number = (/** @type {RegExp} */ pattern, text = output) => Number(pattern.exec(text)?.[1] ?? 0);
  return {
    executions: number(/^stat::number_of_executed_units:\s*(\d+)/m) || number(/^#(\d+)/, status),
    perSecond: number(/^stat::average_exec_per_sec:\s*(\d+)/m),
    corpus: number(/ corp: (\d+)/, status),
    features: number(/ ft: (\d+)/, status),
  };
}

/** What it said that is no progress: a report, if there is one. @param {string} output */
function said(output) {
  return output
    .split('\n')
    .filter((line) => !/^(#\d+\t|INFO: |stat::|\t?Uses|"|###### )/.test(line))
    .join('\n');
}
