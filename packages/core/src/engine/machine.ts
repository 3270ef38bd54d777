import type { AgentReady } from '../agent/connection.js';
import type { Accelerator } from '../host/hypervisor.js';
import type { BootRecord } from '../store/record.js';
import type { Hold } from './hold.js';

/** A machine that runs, and our hold on it. */
export interface RunningMachine {
  readonly accelerator: Accelerator;
  readonly hold: Hold;
  readonly bootTimes: BootTimes;
}

/** Where the time went until a machine was ready; milliseconds. */
export interface BootTimes extends BootRecord {
  /** The guest's own account; of a clone, its template's, but for when it was ready. */
  readonly agent: AgentReady;
}

/** What of it is written down. */
export function recordOf({ bootTimes: { agent, ...record } }: RunningMachine): BootRecord {
  return record;
}
