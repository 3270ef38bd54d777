import { setTimeout as delay } from 'node:timers/promises';
import { releaseTemplates, type Sandbox } from '@msbtest/core';
import { placesForTests } from '../support/places.js';
import { type BenchReport, type BenchRow, ratio, summarize } from '../support/report.js';
import { makeLive, openPool } from '../support/ways.js';
import { another, liveCloned, liveForked, type OurLife } from './life.js';
import { cpuMs, machinesIn, pssMib } from './processes.js';

const counts = [1, 10, 50, 100] as const;
const nextRuns = 20;
const idleMs = 10_000;
/** Within this time a guest has committed its journal and written back what its start made dirty. */
const settleMs = 10_000;

/** What the next clone takes, and each of those that are alive. */
interface Level {
  readonly next: BenchRow;
  readonly pss: BenchRow;
  readonly cpu: BenchRow;
}

/** Of the host that holds them all: what clones cost when many are alive at once, by a VMM of their own and by fork. */
export async function growth(): Promise<BenchReport> {
  await liveCloned(); // what a process does once
  const paused = await pausedMembers();
  const clones = await grow('clone', async () => {
    await releaseTemplates();
    return liveCloned;
  });
  const forks = await grow('fork', async () => {
    await makeLive(another());
    return liveForked;
  });
  const most = counts.at(-1);
  return {
    name: 'growth',
    unit: 'as each row says',
    method:
      `Machines of 256 MiB that have run \`true\` and idle for ${settleMs / 1000} s at least, ${counts.join(', ')} at once: clones of a template's files, ` +
      `then forks of its live form. The next: ${nextRuns} times one more, which is removed again; after the rest was measured. Memory: the proportional set size of all VMMs and relays, divided ` +
      'by their number; so what they share counts once, and the live template, which shares with its forks, is not one of them. Processor ' +
      `time: of VMMs and relays, as the kernel counts it, over ${idleMs / 1000} s in which nothing is asked of them; 0.1 % is one tick of ten milliseconds. ` +
      'Paused: the members of a pool.',
    rows: [...paused, ...clones.flatMap(Object.values), ...forks.flatMap(Object.values)],
    ratios: Object.fromEntries(
      Object.entries({ clone: clones, fork: forks }).flatMap(([way, levels]) => {
        const [first, last] = [levels[0], levels.at(-1)] as [Level, Level];
        return [
          [`${way}: the next beside ${most} / beside 1 (at most 1.5)`, ratio(last.next, first.next)],
          [`${way}: memory of each of ${most} / of 1 alone`, ratio(last.pss, first.pss)],
        ];
      }),
    ),
  };
}

/** How one more machine is made and measured; to be asked before each that is made, so that all come in the same way. */
type Next = () => Promise<() => Promise<OurLife>>;

async function grow(way: string, next: Next): Promise<Level[]> {
  const levels: Level[] = [];
  const alive: Sandbox[] = [];
  try {
    for (const count of counts) {
      while (alive.length < count) {
        await next();
        alive.push(await running());
      }
      process.stderr.write(`\r${way}: ${count} alive\x1b[K`);
      levels.push(await level(way, count, next));
    }
  } finally {
    for (const sandbox of alive) await sandbox[Symbol.asyncDispose]();
    process.stderr.write('\r\x1b[K');
  }
  return levels;
}

async function running(): Promise<Sandbox> {
  const sandbox = await another().create();
  const { success } = await sandbox.exec('true');
  if (!success) throw new Error('The first command of a clone failed.');
  return sandbox;
}

async function level(way: string, count: number, next: Next): Promise<Level> {
  await delay(settleMs);
  const { pss, cpu } = await costs(`${way}, ${count} alive`, count);
  const times: number[] = [];
  for (let run = 0; run < nextRuns; run++) {
    const live = await next();
    times.push((await live()).doneMs);
  }
  return {
    next: summarize(`${way}, ${count} alive: the next, asked for until \`true\` is done, ms`, times),
    pss,
    cpu,
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
