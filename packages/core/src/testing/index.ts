/**
 * What every integration into a test runner needs, whichever runner it is: whether to run, the machines of a test from queue to
 * removal, what they have to say about a failure, what a run leaves, and its last lines.
 */
import '../host/dispose-symbols.js';

export type { EvidenceFile } from './evidence.js';
export type { MsbFixtures, Sandboxes } from './fixtures.js';
export { decideGate, type Gate, isSkipped, requireGate, skipNote, skippedFileNote } from './gate.js';
export { homeLeaks } from './leaks.js';
export {
  checkMachineOptions,
  type MachineInit,
  type MachineOptions,
  mergeMachineOptions,
} from './machine-options.js';
export { NextMachines, nextMachines } from './next-machines.js';
export { say } from './say.js';
export { checkSharing, parseSharedOptions, SharedMachine } from './shared-machine.js';
export { neverReported, skippedRecord, type TestRecord } from './tally.js';
export { parseTestArguments } from './test-arguments.js';
export { type AttemptOutcome, TestAttempt } from './test-attempt.js';
export { type TestIdentity, testIdentity } from './test-machine.js';
export { TestRun } from './test-run.js';
