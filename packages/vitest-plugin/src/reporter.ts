import { neverReported, type TestRecord, type TestRun } from '@msbtest/core/testing';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** Ends a run with the count of its microVM tests, and fails it where its tests alone would not. */
export class MsbReporter implements Reporter {
  readonly #run: TestRun;

  constructor(run: TestRun) {
    this.#run = run;
  }

  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const records = tests.filter((test) => test.meta().msb !== undefined).map(recordOf);
    if ((await this.#run.report(records)) !== null) process.exitCode = 1;
  }
}

function recordOf(test: TestCase): TestRecord {
  const record = test.meta().msbRecord;
  if (record) return record;
  if (test.result().state === 'skipped') return { kind: 'left out' };
  return neverReported;
}
