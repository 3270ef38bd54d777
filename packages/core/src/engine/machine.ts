import type { AgentConnection, AgentReady } from '../agent/connection.js';
import type { Accelerator } from '../host/hypervisor.js';
import type { BootRecord, SandboxRecord } from '../store/record.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import type { Hold } from './hold.js';

/** A machine that runs, and our hold on it. */
export interface RunningMachine {
  readonly accelerator: Accelerator;
  readonly hold: Hold;
  /** The one on which its agent said that it is ready; it rests, and is for whoever asks the agent first. */
  readonly connection: AgentConnection;
  readonly bootTimes: BootTimes;
}

/** A sandbox that was made or started, and its machine. */
export interface Created {
  readonly directory: SandboxDirectory;
  readonly record: SandboxRecord;
  readonly machine: RunningMachine;
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
