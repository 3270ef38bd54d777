import { decideGate, type Gate, requireGate } from './gate.js';
import { RunHome } from './run-home.js';
import { say } from './say.js';
import { Tally, type TestRecord } from './tally.js';

/**
 * A run of tests, seen from the process that directs it: asks the machine whether microVM tests run here, gives the run a home of
 * its own, and has the last word.
 */
export class TestRun implements AsyncDisposable {
  readonly gate: Gate;
  /** For the processes of the run: its home. */
  readonly env: RunHome['env'];
  readonly #home: RunHome;
  readonly #abandon: () => void;

  private constructor(gate: Gate, home: RunHome) {
    this.gate = gate;
    this.env = home.env;
    this.#home = home;
    this.#abandon = () => home.abandon();
    process.once('exit', this.#abandon);
  }

  /** @throws HypervisorUnavailableError where microVM tests are required and cannot run. */
  static async open(): Promise<TestRun> {
    const gate = decideGate();
    requireGate(gate);
    return new TestRun(gate, await RunHome.open());
  }

  /**
   * Ends the run with the count of its microVM tests, and looks for what they left.
   *
   * @param records of all microVM tests that were collected.
   * @returns why the run has failed, though maybe no test has; it has been said. Null when it has not.
   */
  async report(records: Iterable<TestRecord>): Promise<string | null> {
    const tally = new Tally();
    for (const record of records) tally.add(record);
    const leaks = await this.#home.leaks();
    if (tally.collected > 0) say('', ` ${tally.summary}`, ...tally.details.map((line) => `   ${line}`));
    if (tally.githubWarning !== null && process.env.GITHUB_ACTIONS === 'true') say(tally.githubWarning);
    const left = leaks.length > 0 ? ['The run left something behind:', ...leaks].join('\n  ') : null;
    const failures = [tally.verdict(this.gate.mode), left].filter((failure) => failure !== null);
    for (const failure of failures) say(`Error: ${failure}`);
    return failures.length > 0 ? failures.join('\n') : null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#abandon);
    await this.#home[Symbol.asyncDispose]();
  }
}
