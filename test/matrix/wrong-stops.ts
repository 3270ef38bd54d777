import { type FlushReport, gracefulStopFlush } from '@msbtest/fixtures/conformance/graceful-stop-flush';
import { type WritePattern, writePatterns } from '@msbtest/fixtures/conformance/write-patterns';
import { table } from '../support/report.js';
import { buildSaboteurs } from '../support/saboteurs.js';
import { type StopWay, stopWays, withEnv } from '../support/stop-ways.js';
import { image } from '../support/vm.js';
import { createBy, signsOf, ways } from '../support/ways.js';

interface Cell {
  readonly pattern: string;
  readonly stop: string;
  readonly trials: number;
  /** Trials in which something that was written was not there, whole, after the restart. */
  readonly lost: number;
  /** Trials whose disk was clean between stop and start: `e2fsck -fn` content, no journal to recover. */
  readonly fsckClean: number;
}

/** Two machines at once fill two cores under emulation. */
const workers = 2;

/** A wrong stop has to lose in this share of its trials, or the scenario proves nothing. */
const mustLose = 0.95;

/** The scenario over every write pattern and every way to stop; the trials take turns at the ways in which a machine comes to run. */
export async function wrongStops({ trials, json }: { trials: number; json: boolean }): Promise<boolean> {
  await buildSaboteurs();
  const cells: Cell[] = [];
  for (const way of stopWays) {
    for (const pattern of writePatterns) {
      const cell = await withEnv(way.env, () => measure(way, pattern, trials));
      process.stderr.write(
        `${cell.pattern} × ${cell.stop}: lost ${cell.lost} of ${cell.trials}, clean ${cell.fsckClean}\n`,
      );
      cells.push(cell);
    }
  }
  const print = json ? process.stderr : process.stdout;
  const rows = cells.map(({ pattern, stop, lost, fsckClean }) => ({
    'write pattern': pattern,
    stop,
    trials,
    lost,
    'fsck clean': fsckClean,
  }));
  print.write(`\n${table(rows)}\n`);
  if (json) process.stdout.write(`${JSON.stringify({ name: 'wrong-stops', trials, rows: cells })}\n`);
  return cells.every((cell) =>
    cell.stop === 'graceful' ? cell.lost === 0 && cell.fsckClean === trials : cell.lost >= mustLose * trials,
  );
}

async function measure(way: StopWay, pattern: WritePattern, trials: number): Promise<Cell> {
  const reports: FlushReport[] = [];
  const origins = ways.filter((one) => way.name !== 'QMP quit' || !signsOf(one).forked); // a fork has no control socket to quit by
  let next = 0;
  const work = async () => {
    for (let trial = next++; trial < trials; trial = next++) {
      const name = `${pattern.name} ${way.name} ${trial}`;
      const create = createBy.bind(null, origins[trial % origins.length] ?? 'cold');
      reports.push(await gracefulStopFlush({ name, image, pattern, create, stop: way.stop }));
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return {
    pattern: pattern.name,
    stop: way.name,
    trials,
    lost: reports.filter(({ loss }) => loss !== null).length,
    fsckClean: reports.filter(({ disk }) => disk.clean).length,
  };
}
