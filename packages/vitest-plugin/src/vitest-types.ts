import type { Gate, MachineOptions, TestRecord } from '@msbtest/core/testing';

/** What the plugin tells the workers of a run. */
export interface ProvidedRun {
  readonly gate: Gate;
  readonly defaults: MachineOptions;
  /** Where evidence of failures goes; an absolute path. */
  readonly evidence: string;
}

declare module 'vitest' {
  interface TaskMeta {
    /** The machine that a microVM test asks for; on a suite, what all of its microVM tests ask for. */
    msb?: MachineOptions;
    /** What came of it. */
    msbRecord?: TestRecord;
  }

  interface ProvidedContext {
    msb?: ProvidedRun;
  }
}
