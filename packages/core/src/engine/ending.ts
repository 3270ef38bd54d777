import { decodeMessage } from '../agent/message.js';
import { SandboxCrashedError } from '../errors.js';
import { logTail } from '../host/console-tail.js';
import type { ExitRecord, SandboxStatus } from '../store/record.js';
import type { Holder, SandboxDirectory } from '../store/sandbox-directory.js';
import { initFailure } from './init.js';

/** What the agent reported as the last thing before it powered off; milliseconds spent in each phase. */
export interface HaltReport {
  /** Every block-backed file system was synced and made read-only. */
  readonly clean: boolean;
  readonly terminateMs: number;
  readonly syncMs: number;
  readonly killMs: number;
  readonly unmountMs: number;
  /** Of a guest with an init of its own: what that took; null where the agent is PID 1. */
  readonly initMs: number | null;
  /** Processes that ignored SIGTERM and were killed. */
  readonly killed: number;
}

/** The agent's last word, or null when it had none. What cannot be read counts as none: it comes from the guest. */
export function haltReport(exit: ExitRecord | null): HaltReport | null {
  if (!exit?.halted) return null;
  try {
    const { type, payload } = decodeMessage(Buffer.from(exit.halted, 'hex'));
    if (type !== 'msb.halted') return null;
    const initNs = payload.optionalInt('init_ns');
    return {
      clean: payload.bool('clean'),
      terminateMs: payload.uint('term_ns') / 1e6,
      syncMs: payload.uint('sync_ns') / 1e6,
      killMs: payload.uint('kill_ns') / 1e6,
      unmountMs: payload.uint('unmount_ns') / 1e6,
      initMs: initNs === undefined ? null : initNs / 1e6,
      killed: payload.uint('killed'),
    };
  } catch {
    return null;
  }
}

/** Whether the guest stopped by itself and vouched for its disks. Exit code 0 alone says nothing: SIGTERM gives it too. */
export function endedCleanly(exit: ExitRecord | null): boolean {
  return exit?.cause === null && exit.vmm?.code === 0 && haltReport(exit)?.clean === true;
}

/** Whether the relay killed it for a reason of ours, and not for one of the guest's. */
export function wasKilled(exit: ExitRecord | null): boolean {
  const ours = ['kill', 'owner-death', 'idle-timeout', 'max-duration'] as const;
  return ours.some((cause) => cause === exit?.cause);
}

/** What a sandbox is, from who holds its lock and how its last run ended. */
export function statusOf(holder: Holder, exit: ExitRecord | null): SandboxStatus {
  if (holder?.kind === 'relay') return holder.state === 'stopping' ? 'draining' : holder.state;
  if (holder) return 'starting';
  return endedCleanly(exit) || wasKilled(exit) ? 'stopped' : 'crashed';
}

/** The error for a machine that ended while it was needed. */
export function crashed(directory: SandboxDirectory, name: string, while_: string): SandboxCrashedError {
  const console = logTail(directory.consoleLog);
  const init = initFailure(console);
  const how = init === null ? describeExit(directory.exitRecord()) : `its ${init}.`;
  return new SandboxCrashedError(
    `Sandbox "${name}" ended while ${while_}: ${how}${consoleSection(console)}`,
    console,
  );
}

/** How a VMM ended, in words. */
export function describeExit(exit: ExitRecord | null): string {
  if (!exit) return 'its relay is gone without a word.';
  if (exit.spawnError)
    return `its VMM could not be started (${exit.spawnError.step}: ${exit.spawnError.code}).`;
  if (exit.cause === 'kill') return 'it was killed on request.';
  if (exit.cause === 'owner-death') return 'the process that owned it has died.';
  const over = describeLifetime(exit);
  if (over !== null) return over;
  if (exit.cause === 'agent-protocol')
    return 'its agent sent bytes that are not the agent protocol, so it was killed.';
  if (exit.vmm?.signal != null) return `its VMM was ended by signal ${exit.vmm.signal}.`;
  if (exit.vmm?.code === 0) {
    return haltReport(exit)
      ? 'its guest powered off.'
      : 'its guest powered off or restarted without stopping properly.';
  }
  return `its VMM ended with exit code ${exit.vmm?.code}.`;
}

/** Of one that was stopped since its time was over, or killed since it did not stop then; null for any other. */
function describeLifetime(exit: ExitRecord): string | null {
  const byTimer = exit.cause === 'idle-timeout' || exit.cause === 'max-duration';
  if (!byTimer && !endedCleanly(exit)) return null;
  const how = byTimer ? 'killed, for its guest did not stop in time.' : 'stopped.';
  const { asked, limits } = exit;
  if (asked.idleTimeoutMs != null && exit.cause !== 'max-duration')
    return `it had been idle for ${(limits?.idleTimeoutMs ?? 0) / 1000} s (idleTimeout), and was ${how}`;
  if (asked.maxDurationMs != null)
    return `it had run for ${(limits?.maxDurationMs ?? 0) / 1000} s (maxDuration), and was ${how}`;
  return null;
}

/** The console's last lines as a part of an error message. */
export function consoleSection(console: string): string {
  return console === ''
    ? ' The guest had printed nothing.'
    : `\nThe guest's console ends with:\n${console.replace(/^/gm, '  | ')}`;
}
