/** One line of a benchmark: what was measured, over how many runs. */
export interface BenchRow {
  readonly what: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly n: number;
}

/** What a benchmark prints, and with `--json` as its last line. */
export interface BenchReport {
  readonly name: string;
  readonly unit: string;
  /** How it was measured, so that somebody else can tell what the figures mean. */
  readonly method: string;
  readonly rows: readonly BenchRow[];
  readonly ratios: Readonly<Record<string, number>>;
}

export function summarize(what: string, samples: readonly number[], digits = 1): BenchRow {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2;
  return {
    what,
    median: round(median, digits),
    min: round(at(0), digits),
    max: round(at(sorted.length - 1), digits),
    n: sorted.length,
  };
}

/** Of two medians. */
export function ratio(of: BenchRow, to: BenchRow): number {
  return round(of.median / to.median, 3);
}

export function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}

/** A table with its columns aligned, numbers to the right. */
export function table(rows: readonly Readonly<Record<string, string | number>>[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const text = [Object.fromEntries(columns.map((c) => [c, c])), ...rows].map((row) =>
    columns.map((c) => String(row[c] ?? '')),
  );
  const widths = columns.map((_, i) => Math.max(...text.map((cells) => cells[i]?.length ?? 0)));
  const numeric = columns.map((c) => rows.every((row) => typeof row[c] === 'number'));
  const line = (cells: string[]) =>
    cells
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return [line(text[0] ?? []), widths.map((w) => '-'.repeat(w)).join('  '), ...text.slice(1).map(line)].join(
    '\n',
  );
}

export function printBench(report: BenchReport, json: boolean): void {
  const print = json ? process.stderr : process.stdout;
  print.write(`${report.name} (${report.unit})\n${report.method}\n\n`);
  print.write(
    `${table(report.rows.map(({ what, median, min, max, n }) => ({ what, median, min, max, n })))}\n\n`,
  );
  for (const [ratio, value] of Object.entries(report.ratios)) print.write(`${ratio}: ${value}\n`);
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
}
