import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sandbox } from '@msbtest/core';
import { type BenchReport, type BenchRow, ratio, summarize } from '../support/report.js';
import { checkout } from '../support/saboteurs.js';
import { guestProgram } from './floor-stream.js';
import { footprint } from './footprint.js';
import { another } from './life.js';

const runs = 200;
const perRound = 20;
/** How many commands one sandbox runs for the growth of what serves them. */
const many = 10_000;

/** One command after another in one machine: how long each takes, and what is left of ten thousand. */
export async function exec(): Promise<BenchReport> {
  const directory = mkdtempSync(join(tmpdir(), 'msb-bench-'));
  try {
    const program = await guestProgram(`${checkout}/test/bench/floor-exec.c`, join(directory, 'floor'));
    await using sandbox = await another().create();
    await sandbox.fs().copyFromHost(program, '/root/floor');
    const samples = { ours: [] as number[], floor: [] as number[] };
    for (let round = 0; round <= runs / perRound; round++) {
      const ours = await timedExecs(sandbox, perRound);
      const floor = (await sandbox.exec('/root/floor', [`${perRound}`])).stdout().trim().split('\n');
      if (round === 0) continue;
      samples.ours.push(...ours);
      samples.floor.push(...floor.map((us) => Number(us) / 1000));
    }
    const rows = {
      ours: summarize('exec of `true`, its end known here, ms', samples.ours, 2),
      floor: summarize('floor: fork, exec and wait in the guest, by its own clock, ms', samples.floor, 2),
    };
    return {
      name: 'exec',
      unit: 'ms, unless the row says otherwise',
      method:
        `One machine, 1 cpu, 256 MiB. ${runs} commands one after another, in rounds of ${perRound} in turn with as many of the floor's, after a round that does not count. ` +
        `Then ${many} commands more: descriptors, children and resident memory of the agent (PID 1), of the relay and of this process, before and after; this process after a collection of its garbage, where node was started with --expose-gc.`,
      rows: [...Object.values(rows), ...(await growth(sandbox))],
      ratios: { 'exec / floor': ratio(rows.ours, rows.floor) },
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function timedExecs(sandbox: Sandbox, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const begin = performance.now();
    const { success } = await sandbox.exec('true');
    if (!success) throw new Error('`true` failed.');
    times.push(performance.now() - begin);
  }
  return times;
}

async function growth(sandbox: Sandbox): Promise<BenchRow[]> {
  const before = await footprint(sandbox);
  for (let i = 0; i < many; i++) {
    if (i % 100 === 0) process.stderr.write(`\rcommand ${i} of ${many}\x1b[K`);
    if (!(await sandbox.exec('true')).success) throw new Error(`\`true\` failed, the ${i}th time.`);
  }
  process.stderr.write('\r\x1b[K');
  const after = await footprint(sandbox);
  return Object.keys(before).flatMap((what) => [
    summarize(`${what}, before ${many} commands`, [before[what] ?? Number.NaN]),
    summarize(`${what}, after them`, [after[what] ?? Number.NaN]),
  ]);
}
