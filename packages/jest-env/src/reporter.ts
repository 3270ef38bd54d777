import { join } from 'node:path';
import { TestRun } from '@msbtest/core/testing';
import { makeRecords, readRecords, recordsVariable } from './records.js';

/** Whether a reporter of this process has begun a run that has not ended. */
let begun = false;

/** A run that has begun, and what must be undone at its end. */
interface Begun {
  readonly run: TestRun;
  readonly records: string;
  /** Variables as they were. */
  readonly env: NodeJS.ProcessEnv;
}

/**
 * A reporter for jest, beside its own: gives the run a home of its own that is empty at its end or fails it, ends the run with the
 * count of its microVM tests, and fails it where its tests alone would not.
 */
export default class MsbReporter {
  #begun: Begun | undefined;
  #failure: Error | undefined;
  readonly #files = new Set<string>();

  /** @throws HypervisorUnavailableError where microVM tests are required and cannot run. */
  async onRunStart(): Promise<void> {
    if (begun) return; // it is in the configuration twice
    const run = await TestRun.open();
    begun = true;
    const records = join(run.env.MSB_HOME, 'records');
    makeRecords(records);
    const own = { ...run.env, [recordsVariable]: records };
    const env = Object.fromEntries(Object.keys(own).map((name) => [name, process.env[name]]));
    Object.assign(process.env, own); // jest's workers are started later, and inherit it
    this.#begun = { run, records, env };
  }

  onTestFileStart(file: ReportedFile): void {
    this.#files.add(keyOf(file));
  }

  onTestFileResult(file: ReportedFile): void {
    this.#files.delete(keyOf(file));
  }

  async onRunComplete(_: unknown, results: { readonly wasInterrupted?: boolean }): Promise<void> {
    if (!this.#begun) return;
    const { run, records, env } = this.#begun;
    this.#begun = undefined;
    begun = false;
    for (const [name, value] of Object.entries(env)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    // With `bail`, jest is about to exit while other files still run. Their machines go with their processes, which is no leak.
    if (this.#files.size > 0 && !results.wasInterrupted) return;
    const failure = await run.report(readRecords(records));
    if (failure !== null) this.#failure = new Error(failure);
    await run[Symbol.asyncDispose]();
  }

  /** Why the run has failed, though maybe no test has. */
  getLastError(): Error | undefined {
    return this.#failure;
  }
}

/** What jest tells a reporter of a test file; several projects may have the same. */
interface ReportedFile {
  readonly path: string;
  readonly context: { readonly config: { readonly id: string } };
}

const keyOf = ({ path, context }: ReportedFile) => `${context.config.id}\0${path}`;
