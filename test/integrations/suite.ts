import { afterAll, describe, expect, it } from 'vitest';
import { table } from '../support/report.js';
import type { Row } from './rows.js';
import type { Runner } from './runner.js';

/** The longest row runs every outcome, one machine after the other, maybe beside another run on the same two cores. */
const rowTimeoutMs = 600_000;

/** A test for each row, with the real runner; the table of them all at the end. */
export function testRows(runner: Runner, rows: readonly Row[]): void {
  describe(`test.msb in ${runner.name}`, () => {
    const matrix: { row: string; boots: number; leaks: number }[] = [];
    // Not it.each, which would cut the names that -t selects by.
    for (const row of rows) {
      it(row.name, { timeout: rowTimeoutMs }, async () => {
        const { boots, leaks, problems } = await row.run(runner);
        matrix.push({ row: row.name, boots, leaks: leaks.length });
        expect(problems).toEqual([]);
        expect(leaks).toEqual([]);
      });
    }
    afterAll(() => {
      process.stdout.write(`test.msb in ${runner.name}\n${table(matrix)}\n`);
    });
  });
}
