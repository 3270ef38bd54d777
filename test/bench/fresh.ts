import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { releaseTemplates } from '@msbtest/core';
import { type BenchReport, type BenchRow, ratio, summarize } from '../support/report.js';
import { makeLive, openPool } from '../support/ways.js';
import { disk } from './disk.js';
import { Floor } from './floor.js';
import { inTurn } from './in-turn.js';
import { another, type Life, liveCloned, liveCold, liveForked, livePooled, type OurLife } from './life.js';
import { Podman } from './podman.js';
import { throughput } from './throughput.js';

const runs = 20;

/** Of the host and the user who waits: how long a fresh machine takes, in each way that there is to one, and beside them. */
export async function fresh(): Promise<BenchReport> {
  const directory = mkdtempSync(join(tmpdir(), 'msb-bench-'));
  try {
    const bare = await Floor.make(directory);
    await bare.makeTemplate();
    const podman = await Podman.open(join(directory, 'podman'));
    await using pool = openPool();
    const config = await another().build();
    const lives = await inTurn(runs, {
      cold: liveCold,
      clone: async () => {
        await releaseTemplates();
        return liveCloned();
      },
      fork: async () => {
        await makeLive(another());
        return liveForked();
      },
      pool: async () => {
        await makeLive(another()); // as a pool sees to by itself that has foreseen several
        pool.foresee([config]);
        await pool.settled();
        return livePooled(pool);
      },
      floor: () => bare.clone(),
      ...(podman && { podman: () => podman.run() }),
    });
    const whole = wholeLives(lives);
    const waits = {
      cold: wait('cold', lives.cold),
      clone: wait('clone', lives.clone),
      fork: wait('fork', lives.fork),
      pool: wait('pool', lives.pool),
      floor: wait('floor', lives.floor),
    };
    const rates = await throughput();
    return {
      name: 'fresh',
      unit: 'ms, unless the row says otherwise',
      method,
      rows: [
        ...Object.values(whole),
        ...Object.values(waits),
        ...phases('clone', lives.clone),
        ...phases('fork', lives.fork),
        ...phases('pool', lives.pool),
        ...Object.values(rates),
        ...(await disk()),
      ],
      ratios: {
        'fork / floor (at most 1.3)': ratio(whole.fork, whole.floor),
        ...(whole.podman && { 'fork / podman (at most 0.6)': ratio(whole.fork, whole.podman) }),
        'clone / floor': ratio(whole.clone, whole.floor),
        'waited for pool / cold (at most 0.05)': ratio(waits.pool, waits.cold),
        'waited for pool, ms (at most 20)': waits.pool.median,
        'forks / cold boots in a second (at least 6)': ratio(rates.fork, rates.cold),
        'clones / cold boots in a second': ratio(rates.clone, rates.cold),
      },
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const method =
  `From asking for a fresh machine, through \`true\` in it, until it is killed and nothing of it is left; 1 cpu, 256 MiB. ${runs} runs of ` +
  'each way, in rounds, with the order moving on by one from round to round, after one round that does not count. The template is there ' +
  'beforehand, so is its live form for a fork, and so is the member of the pool, itself a fork, as in a run of several tests. floor: a shell script copies the disk and starts the same QEMU on a template of its own, ' +
  'of the same kernel, in which twenty lines of C run a program; taken from the start of the shell. podman: `podman run --rm` of the same ' +
  'root without network and cgroups, started by unshare and mount, which is a few milliseconds of it. In a second: machines that ' +
  `${availableParallelism()} processes make one after another, each without a pause, of a fixed count; what they start with is not counted.`;

/** @param podman where there is one. */
function wholeLives(
  lives: Readonly<Record<'cold' | 'clone' | 'fork' | 'pool' | 'floor', readonly Life[]>> & {
    readonly podman?: readonly Pick<Life, 'goneMs'>[];
  },
) {
  const row = (what: string, some: readonly Pick<Life, 'goneMs'>[]) =>
    summarize(
      what,
      some.map(({ goneMs }) => goneMs),
    );
  return {
    cold: row('cold: asked for until gone', lives.cold),
    clone: row("clone, of the template's files: asked for until gone", lives.clone),
    fork: row('clone, by fork: asked for until gone', lives.fork),
    pool: row('pool: asked for until gone', lives.pool),
    floor: row('floor: the same of a bare clone', lives.floor),
    ...(lives.podman && { podman: row('podman: run --rm', lives.podman) }),
  };
}

function wait(way: string, lives: readonly Life[]): BenchRow {
  return summarize(
    `${way}: asked for until \`true\` is done`,
    lives.map(({ doneMs }) => doneMs),
  );
}

/** Where the time of one way goes. */
function phases(origin: 'clone' | 'fork' | 'pool', lives: readonly OurLife[]): BenchRow[] {
  const parts: Readonly<Record<string, (life: OurLife) => number>> = {
    'create()': ({ createdMs }) => createdMs,
    ...(origin !== 'pool' && {
      '  of it: until the relay is started (spawnMs)': ({ boot }) => boot.spawnMs,
      '  of it: from there until the guest goes on (resumeMs)': ({ boot }) => boot.resumeMs ?? Number.NaN,
    }),
    "  of it: the guest's renewal, by its own account (renewMs)": ({ boot }) => boot.renewMs ?? Number.NaN,
    'first exec': ({ createdMs, doneMs }) => doneMs - createdMs,
    'kill and removal': ({ doneMs, goneMs }) => goneMs - doneMs,
  };
  return Object.entries(parts).map(([what, of]) => summarize(`${origin}: ${what}`, lives.map(of)));
}
