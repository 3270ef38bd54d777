import type { Row } from '../integrations/rows.js';
import type { Runner } from '../integrations/runner.js';
import { table } from '../support/report.js';

interface Cell {
  readonly row: string;
  readonly runner: string;
  /** Machines that were started, and how many of them left something. */
  readonly boots: number;
  readonly leaks: number;
  readonly holds: boolean;
}

/** Every row, in every one of the runners. */
export async function integrationMatrix(
  runners: readonly Runner[],
  rows: readonly Row[],
  { json }: { json: boolean },
): Promise<boolean> {
  const cells: Cell[] = [];
  for (const runner of runners) {
    for (const row of rows) {
      const { boots, leaks, problems } = await row.run(runner);
      const holds = problems.length === 0;
      cells.push({ row: row.name, runner: runner.name, boots, leaks: leaks.length, holds });
      process.stderr.write(
        `${runner.name}: ${row.name}: ${boots} boots, ${leaks.length} leaks, ${holds ? 'holds' : 'FAILS'}\n`,
      );
      for (const line of [...leaks, ...problems]) process.stderr.write(`  ${line}\n`);
    }
  }
  if (json) process.stdout.write(`${JSON.stringify({ cells })}\n`);
  else
    process.stdout.write(`${table(cells.map((cell) => ({ ...cell, holds: cell.holds ? 'yes' : 'NO' })))}\n`);
  return cells.every(({ holds, leaks }) => holds && leaks === 0);
}
