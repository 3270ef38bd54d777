import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { type BenchRow, summarize } from '../support/report.js';
import { checkout } from '../support/saboteurs.js';
import type { Way } from '../support/ways.js';
import { inTurn } from './in-turn.js';

const runs = 3;

/** Machines of each worker in one run. */
const counts: Readonly<Record<Way, number>> = { cold: 4, clone: 20, fork: 60, pool: 60 };

/** All of one worker's machines; a cold boot takes seconds. */
const timeoutMs = 300_000;

/** Fresh machines in a second, one after another on every core. */
export async function throughput(): Promise<Record<Way, BenchRow>> {
  const rates = await inTurn(runs, {
    cold: () => rate('cold'),
    clone: () => rate('clone'),
    fork: () => rate('fork'),
    pool: () => rate('pool'),
  });
  const row = (origin: Way) => summarize(`${origin}: machines in a second`, rates[origin], 2);
  return { cold: row('cold'), clone: row('clone'), fork: row('fork'), pool: row('pool') };
}

async function rate(origin: Way): Promise<number> {
  const workers = Array.from({ length: availableParallelism() }, () => start(origin));
  try {
    await Promise.all(workers.map((worker) => said(worker, 'ready')));
    const begin = performance.now();
    for (const worker of workers) worker.send('go');
    await Promise.all(workers.map((worker) => said(worker, 'done')));
    const seconds = (performance.now() - begin) / 1000;
    return (workers.length * counts[origin]) / seconds;
  } finally {
    await Promise.all(workers.map(end));
  }
}

function start(origin: Way): ChildProcess {
  return fork(`${checkout}/test/dist/bench/fresh-worker.js`, [origin, `${counts[origin]}`]);
}

async function said(worker: ChildProcess, word: string): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  const ended = once(worker, 'exit', { signal }).then(([code, by]) => {
    throw new Error(`A worker ended with ${code ?? by} instead of being ${word}.`);
  });
  await Promise.race([once(worker, 'message', { signal }), ended]);
}

async function end(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const ended = once(worker, 'exit');
  worker.kill('SIGKILL'); // its machines go with it, if it has any left
  await ended;
}
