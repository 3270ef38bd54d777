import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchReport, ratio, summarize } from '../support/report.js';
import { Floor } from './floor.js';
import { inTurn } from './in-turn.js';
import { type Life, liveCold } from './life.js';

const runs = 10;

/** Cold boot to the end of a first command, beside what the same VMM and kernel take without any of us. */
export async function boot(): Promise<BenchReport> {
  const directory = mkdtempSync(join(tmpdir(), 'msb-bench-'));
  try {
    const bare = await Floor.make(directory);
    const lives = await inTurn(runs, { ours: liveCold, floor: () => bare.boot() });
    const boots = lives.ours.map(({ boot }) => boot);
    const done = (some: readonly Life[]) => some.map(({ doneMs }) => doneMs);
    const rows = {
      total: summarize('create() to the end of `true`', done(lives.ours)),
      machine: summarize(
        '  of it: the relay started until the agent is ready',
        boots.map(({ guestMs }) => guestMs),
      ),
      guest: summarize(
        "  of it: the guest's own account until ready",
        boots.map(({ agent }) => agent.readyMs),
      ),
      floor: summarize('floor: same QEMU, kernel and disks from a shell script', done(lives.floor)),
    };
    return {
      name: 'boot',
      unit: 'ms',
      method:
        `Cold boot to the end of a first command; ${runs} runs of each, in turn and with the first of each pair changing, after one of each that does not count, 1 cpu, 256 MiB. ` +
        'The floor is the same QEMU command line and kernel, started from a shell script (which copies the disk too), with an init that ' +
        'loads the same modules, runs a program and says so on the port; taken from the start of the shell to those bytes.',
      rows: Object.values(rows),
      ratios: { 'create to exec / floor': ratio(rows.total, rows.floor) },
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
