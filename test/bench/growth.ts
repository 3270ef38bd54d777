import { setTimeout as delay } from 'node:timers/promises';
import type { Sandbox } from '@msbtest/core';
import { placesForTests } from '../support/places.js';
import { type BenchReport, type BenchRow, ratio, summarize } from '../support/report.js';
import { another, liveCloned, openPool } from './life.js';
import { cpuMs, machinesIn, pssMib } from './processes.js';

const counts = [1, 10, 50, 100] as const;
const nextRuns = 5;
const idleMs = 10_000;

/** What the next clone takes, and each of those that are alive. */
interface Level {
  readonly next: BenchRow;
  readonly pss: BenchRow;
  readonly cpu: BenchRow;
}

/** Of the host that holds them all: what clones cost when many are alive at once. */
export async function growth(): Promise<BenchReport> {
  await liveCloned(); // what a process does once
  const paused = await pausedMembers();
  const levels: Level[] = [];
  const alive: Sandbox[] = [];
  try {
    for (const count of counts) {
      while (alive.length < count) alive.push(await running());
      process.stderr.write(`\r${count} alive\x1b[K`);
      levels.push(await level(count));
    }
  } finally {
    for (const sandbox of alive) await sandbox[Symbol.asyncDispose]();
    process.stderr.write('\r\x1b[K');
  }
  const [first, last] = [levels[0], levels.at(-1)] as [Level, Level];
  const column = (name: keyof Level) => levels.map((each) => each[name]);
  return {
    name: 'growth',
    unit: 'as each row says',
    method:
      `Clones of 256 MiB that have run \`true\` and idle, ${counts.join(', ')} at once. The next: ${nextRuns} times one more, which is removed ` +
      'again. Memory: the proportional set size of all VMMs and relays, divided by their number; so what they share counts once. Processor ' +
      `time: of VMMs and relays, as the kernel counts it, over ${idleMs / 1000} s in which nothing is asked of them; 0.1 % is one tick of ten milliseconds. ` +
      'Paused: the members of a pool.',
    rows: [...column('next'), ...column('pss'), ...column('cpu'), ...paused],
    ratios: {
      [`the next beside ${counts.at(-1)} / beside 1`]: ratio(last.next, first.next),
      [`memory of each of ${counts.at(-1)} / of 1 alone`]: ratio(last.pss, first.pss),
    },
  };
}

async function running(): Promise<Sandbox> {
  const sandbox = await another().create();
  const { success } = await sandbox.exec('true');
  if (!success) throw new Error('The first command of a clone failed.');
  return sandbox;
}

async function level(count: number): Promise<Level> {
  const next: number[] = [];
  for (let run = 0; run < nextRuns; run++) next.push((await liveCloned()).doneMs);
  return {
    next: summarize(`${count} alive: the next, asked for until \`true\` is done, ms`, next),
    ...(await costs(`${count} alive`, count)),
  };
}

async function pausedMembers(): Promise<BenchRow[]> {
  await using pool = openPool();
  const config = await another().build();
  pool.foresee([config, config]);
  await pool.settled();
  return Object.values(await costs('paused in a pool', 2));
}

/** @param count how many there must be. */
async function costs(what: string, count: number): Promise<Omit<Level, 'next'>> {
  const machines = machinesIn(placesForTests().home);
  if (machines.length !== count) throw new Error(`There are ${machines.length} machines, not ${count}.`);
  const before = cpuMs(machines);
  await delay(idleMs);
  const used = cpuMs(machines) - before;
  return {
    pss: summarize(`${what}: memory of each (PSS), MiB`, [pssMib(machines) / count]),
    cpu: summarize(`${what}: processor time of each, % of a core`, [(100 * used) / idleMs / count], 2),
  };
}
