/**
 * What every integration into a test runner needs, whichever runner it is: whether to run, the machines of a test from queue to
 * removal, what they have to say about a failure, what a run leaves, and its last lines.
 */
import '../host/dispose-symbols.js';

export type { EvidenceFile } from './evidence.js';
export { decideGate, type Gate, requiredError, skipNote, type TestMode, testMode } from './gate.js';
export { homeLeaks } from './leaks.js';
export {
  checkMachineOptions,
  type MachineOptions,
  machineOptionNames,
  mergeMachineOptions,
} from './machine-options.js';
export { RunHome } from './run-home.js';
export type { QueuePosition } from './slots.js';
export { Tally, type TestRecord } from './tally.js';
export type { TestIdentity } from './test-machine.js';
export { type MachinesHooks, type MachinesReport, TestMachines } from './test-machines.js';
