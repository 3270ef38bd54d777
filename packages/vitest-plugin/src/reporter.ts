import { type Gate, type RunHome, Tally } from '@msbtest/core/testing';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** Ends a run with the count of its microVM tests, looks for what they left, and fails the run where its tests alone would not. */
export class MsbReporter implements Reporter {
  readonly #gate: Gate;
  readonly #home: RunHome;

  constructor(gate: Gate, home: RunHome) {
    this.#gate = gate;
    this.#home = home;
  }

  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const tally = new Tally();
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        if (test.meta().msb !== undefined) tally.add(recordOf(test));
      }
    }
    const leaks = await this.#home.leaks();
    if (tally.collected > 0) say(['', ` ${tally.summary}`, ...tally.details.map((line) => `   ${line}`)]);
    if (tally.githubWarning !== null && process.env.GITHUB_ACTIONS === 'true') say([tally.githubWarning]);
    const verdict = tally.verdict(this.#gate.mode);
    if (verdict !== null) fail([verdict]);
    if (leaks.length > 0) fail(['The run left something behind:', ...leaks.map((leak) => `  ${leak}`)]);
  }
}

function recordOf(test: TestCase) {
  const record = test.meta().msbRecord;
  if (record) return record;
  const { state } = test.result();
  // Without a record, a test that was to run went down with its worker before its machine could be reported.
  const ran = { kind: 'ran', accelerator: null, booted: 0, bootMs: 0, waitedMs: 0, kept: [] } as const;
  return state === 'skipped' ? ({ kind: 'left out' } as const) : ran;
}

function fail(lines: readonly string[]): void {
  say(lines.map((line, index) => (index === 0 ? `Error: ${line}` : line)));
  process.exitCode = 1;
}

/** To stderr, since reports for machines may go to stdout. */
function say(lines: readonly string[]): void {
  process.stderr.write(`${lines.join('\n')}\n`);
}
