import { AgentConnection, AgentGoneError } from '../agent/connection.js';
import { AgentProtocolError, SandboxNotRunningError, TimeoutError } from '../errors.js';
import { monotonicMs, wallMs } from '../host/clock.js';
import { native } from '../host/native.js';
import type { ExitRecord, SandboxStatus } from '../store/record.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import { ended, endRelay, orderKill } from './end-relay.js';
import { crashed, describeExit, endedCleanly, haltReport, statusOf, wasKilled } from './ending.js';

/** How a stop went. Extends what `microsandbox` gives for `waitUntilStopped`. */
export interface StopResult extends SandboxStopResult {
  /**
   * `graceful`: the guest wrote everything to its disk, vouched for it and powered off. `escalated`: it did not within the
   * budget and was killed; what it had not synced is lost. `already-stopped`: there was nothing to stop.
   */
  readonly outcome: 'graceful' | 'escalated' | 'already-stopped';
  /** Milliseconds from the call to the end of the VMM. */
  readonly ms: number;
  /** Milliseconds of each phase; null for what did not happen. */
  readonly phases: StopPhases;
  /** Why it escalated; null otherwise. */
  readonly reason: string | null;
}

/** Where the time of a stop went; milliseconds. All but `deliverMs` and `powerOffMs` are the guest's own account. */
export interface StopPhases {
  /** Until the agent had been told. */
  readonly deliverMs: number | null;
  /** Processes between SIGTERM and their end. */
  readonly terminateMs: number | null;
  readonly syncMs: number | null;
  /** Of a guest with an init of its own: what that took to stop its services. */
  readonly initMs: number | null;
  readonly killMs: number | null;
  /** File systems made read-only, which empties their journals. */
  readonly unmountMs: number | null;
  /** From there to the VMM's end. */
  readonly powerOffMs: number | null;
}

export interface SandboxStopResult {
  readonly name: string;
  readonly status: SandboxStatus;
  /** The VMM's exit code. */
  readonly exitCode: number | null;
  /** The signal that ended the VMM. */
  readonly signal: number | null;
  readonly observedAt: Date;
  /** Where this is known from: the relay's exit record, or nothing. */
  readonly source: string | null;
}

/** An agent that does not take the order in this time is stuck. */
const deliverTimeoutMs = 5_000;

/** Between two tries to reach a relay that has no room. */
const retryMs = 100;
/** The wait for a process's end cannot be given up; so a wait that can is one of many such. */
const giveUpStepMs = 250;

const nothing: StopPhases = {
  deliverMs: null,
  terminateMs: null,
  syncMs: null,
  initMs: null,
  killMs: null,
  unmountMs: null,
  powerOffMs: null,
};

/**
 * Stops a machine so that nothing the guest wrote is lost: tells its agent, and waits for the VMM to end by itself. Past
 * `timeoutMs` it is killed, and the result says so; 0 kills at once.
 *
 * @throws SandboxCrashedError when the machine ended by itself without having stopped properly; the signal's reason, with the
 *   machine left alone.
 */
export async function stop(directory: SandboxDirectory, timeoutMs: number): Promise<StopResult> {
  const begin = monotonicMs();
  const { name } = directory.record().config;
  const holder = await relayOf(directory);
  if (!holder) {
    const exit = directory.exitRecord();
    return { ...stopResult(name, exit), outcome: 'already-stopped', ms: 0, phases: nothing, reason: null };
  }
  let order: Order = { refused: 'the time-out was 0' };
  try {
    if (timeoutMs > 0) order = await giveOrder(directory, holder.pidfd, begin + timeoutMs);
    const told = order.refused;
    const delivered = monotonicMs();
    const rest = Math.max(0, timeoutMs - (delivered - begin));
    const byItself = told === null && (await ended(holder.pidfd, rest));
    if (!byItself) await endRelay(holder.pidfd);
    const ms = monotonicMs() - begin;
    const exit = directory.exitRecord();
    const result = {
      ...stopResult(name, exit),
      ms,
      phases: phasesOf(exit, told === null ? delivered - begin : null),
    };
    if (endedCleanly(exit)) return { ...result, outcome: 'graceful', reason: null };
    if (exit?.cause === 'kill' || !byItself) {
      const late = `the guest had not stopped within ${timeoutMs} ms`;
      return { ...result, outcome: 'escalated', reason: told ?? late };
    }
    if (wasKilled(exit)) return { ...result, outcome: 'escalated', reason: describeExit(exit) };
    if (exit?.cause === null && haltReport(exit)) {
      return {
        ...result,
        outcome: 'escalated',
        reason: 'the guest powered off without being able to make its disk read-only',
      };
    }
    throw crashed(directory, name, 'it was being stopped, and its last writes may be lost');
  } finally {
    order.connection?.close();
    native.closeFd(holder.pidfd);
  }
}

/** Kills a machine at once. What the guest had not synced is lost. Resolves when it is gone, or was not there. */
export async function kill(directory: SandboxDirectory, timeoutMs?: number): Promise<void> {
  const holder = await relayOf(directory);
  if (!holder) return;
  try {
    await endRelay(holder.pidfd, timeoutMs);
  } finally {
    native.closeFd(holder.pidfd);
  }
}

/** Gives the order to kill a machine and does not wait for it to be carried out. */
export async function requestKill(directory: SandboxDirectory): Promise<void> {
  const holder = await relayOf(directory);
  if (!holder) return;
  try {
    orderKill(holder.pidfd);
  } finally {
    native.closeFd(holder.pidfd);
  }
}

/**
 * Waits, without a bound of its own, until a machine is gone.
 *
 * @throws the reason of `signal`, within half a second of its abort.
 */
export async function waitUntilStopped(
  directory: SandboxDirectory,
  signal?: AbortSignal,
): Promise<SandboxStopResult> {
  signal?.throwIfAborted();
  const { name } = directory.record().config;
  const holder = await relayOf(directory);
  if (holder) {
    try {
      while (!(await ended(holder.pidfd, signal ? giveUpStepMs : 3_600_000))) signal?.throwIfAborted();
    } finally {
      native.closeFd(holder.pidfd);
    }
  }
  return stopResult(name, directory.exitRecord());
}

/** The relay of a machine that runs; null when it does not.
 * @throws SandboxNotRunningError while another process is just about to start it, and there is nothing yet to be stopped. */
async function relayOf(directory: SandboxDirectory) {
  const holder = await directory.holder();
  if (holder?.kind !== 'creator') return holder;
  const { name } = directory.record().config;
  throw new SandboxNotRunningError(
    `Sandbox "${name}" is being started by another process this moment; try again.`,
  );
}

/** Whether the guest was told to stop, or why it could not be. The connection stays open until the machine is gone. */
interface Order {
  readonly refused: string | null;
  readonly connection?: AgentConnection;
}

/** @param killAt when the machine is killed if it still runs. */
async function giveOrder(directory: SandboxDirectory, relay: number, killAt: number): Promise<Order> {
  const timeoutMs = Math.min(killAt - monotonicMs(), deliverTimeoutMs);
  const deadline = monotonicMs() + timeoutMs;
  for (;;) {
    const rest = Math.max(1, deadline - monotonicMs());
    try {
      const connection = await AgentConnection.connect(directory.agentSocket, { timeoutMs: rest });
      await connection.requestShutdown(killAt - monotonicMs());
      return { refused: null, connection };
    } catch (error) {
      if (error instanceof TimeoutError)
        return { refused: `the guest agent was not there within ${Math.ceil(timeoutMs)} ms` };
      if (error instanceof AgentProtocolError) return { refused: error.message };
      if (!(error instanceof AgentGoneError)) throw error;
    }
    // It is ending already, and the exit record will tell how; or it has all the clients that it takes, and one may go.
    if (await ended(relay, retryMs)) return { refused: null };
    if (monotonicMs() > deadline) return { refused: 'its relay takes no more connections' };
  }
}

function stopResult(name: string, exit: ExitRecord | null): SandboxStopResult {
  return {
    name,
    status: statusOf(null, exit),
    exitCode: exit?.vmm?.code ?? null,
    signal: exit?.vmm?.signal ?? null,
    observedAt: exit ? new Date(exit.startedAtUnixMs + exit.exitMs) : new Date(wallMs()),
    source: exit ? 'exit-record' : null,
  };
}

function phasesOf(exit: ExitRecord | null, deliverMs: number | null): StopPhases {
  const report = haltReport(exit);
  if (!exit || !report) return { ...nothing, deliverMs };
  const { terminateMs, syncMs, initMs, killMs, unmountMs } = report;
  const guestMs = terminateMs + syncMs + (initMs ?? 0) + killMs + unmountMs;
  const asked = exit.asked.shutdownMs ?? exit.exitMs;
  return {
    deliverMs,
    terminateMs,
    syncMs,
    initMs,
    killMs,
    unmountMs,
    powerOffMs: Math.max(0, exit.exitMs - asked - guestMs),
  };
}
