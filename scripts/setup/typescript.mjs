// @ts-check
import { run } from './exec.mjs';
import { npmBin } from './paths.mjs';

const EMITTED = /^TSFILE: .*\n?/gm;

/** @type {import('./progress.mjs').Step} */
export const typescript = {
  id: 'typescript',
  title: 'TypeScript',
  why: 'the packages, the scenarios, the tests',
  // tsc keeps its own record of what it compiled from what, and answers in less time than a hash of ours would take.
  isDone: () => false,
  async run() {
    const output = await run(npmBin('tsc'), ['--build', '--listEmittedFiles'], {
      remedy: 'mend what tsc names above',
      telling: (text) => text.replace(EMITTED, ''),
    });
    const count = (output.match(EMITTED) ?? []).filter((line) => line.trimEnd().endsWith('.js')).length;
    return count > 0 ? `${count} modules` : undefined;
  },
};
