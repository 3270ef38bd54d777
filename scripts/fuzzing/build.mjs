// @ts-check
import { mkdirSync, renameSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { contentHash, readIfThere, writeAtomically } from '../setup/content.mjs';
import { ask, run } from '../setup/exec.mjs';
import { inRoot } from '../setup/paths.mjs';
import { inBuild, inputsOf } from './targets.mjs';
import { side } from './together.mjs';

/** @typedef {import('./targets.mjs').Target} Target */

const FLAGS = [
  ...['-g', '-O1', '-Wall', '-Wextra', '-Werror', '-fno-omit-frame-pointer'],
  ...['-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all'],
];

/** @param {Target} target */
export const programOf = (target) => inBuild(target, target.name);

/** Compiles those whose sources have changed since they were made. @param {readonly Target[]} targets */
export async function build(targets) {
  const compiler = ask('clang', ['--version']) ?? '';
  await side(targets, availableParallelism(), async (target) => {
    const { part, sources, flags } = target;
    const program = programOf(target);
    const stamp = `${program}.of`;
    const key = contentHash(inputsOf(target), [compiler, ...FLAGS, ...flags]);
    if (readIfThere(stamp) === key) return;
    mkdirSync(dirname(program), { recursive: true });
    const compile = sources.some((source) => source.endsWith('.cc')) ? 'clang++' : 'clang';
    await run(compile, [...FLAGS, ...flags, '-o', `${program}.new`, ...sources], {
      cwd: inRoot(part),
      remedy: `mend the sources in ${part}/`,
    });
    renameSync(`${program}.new`, program);
    writeAtomically(stamp, key);
  });
}
