import { AgentConnection, AgentGoneError, type AgentReady } from '../agent/connection.js';
import { BootFailedError, type BootPhase, TimeoutError } from '../errors.js';
import { logTail } from '../host/console-tail.js';
import { type Accelerator, pickAccelerator } from '../host/hypervisor.js';
import { native } from '../host/native.js';
import type { ExitRecord, SandboxRecord } from '../store/record.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import { consoleSection, describeExit } from './ending.js';
import type { Environment } from './environment.js';
import { type Hold, RelayNotReadyError } from './hold.js';
import { spawnRelay } from './spawn-relay.js';
import { type Attempt, StuckBootError, StuckBootWatch } from './stuck-boot.js';

export interface BootOptions {
  /** Milliseconds for the whole boot. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** A machine that runs, and our hold on it. */
export interface RunningMachine {
  readonly accelerator: Accelerator;
  readonly hold: Hold;
  readonly bootTimes: BootTimes;
}

/** Where a boot's time went; milliseconds. */
export interface BootTimes {
  /** Until the relay was started. */
  readonly spawnMs: number;
  /** From there to the agent being ready. */
  readonly guestMs: number;
  readonly totalMs: number;
  /** How many boots it took: more than one where the kernel of an emulated machine was stuck. */
  readonly attempts: number;
  /** The guest's own account. */
  readonly agent: AgentReady;
}

/**
 * Starts a sandbox's machine and waits until its agent is ready. Takes over `lock`: the relay keeps it while the machine lives,
 * and it is free again when this fails.
 *
 * @param attempt one of those of {@link retryStuck}.
 * @throws BootFailedError; HypervisorUnavailableError; MissingDependencyError; the signal's reason. Nothing runs then.
 */
export async function boot(
  environment: Environment,
  directory: SandboxDirectory,
  record: SandboxRecord,
  lock: number,
  attempt: Attempt,
  signal: AbortSignal | undefined,
): Promise<RunningMachine> {
  const { timeoutMs } = attempt;
  const begin = performance.now();
  let accelerator: Accelerator;
  let hold: Hold;
  try {
    signal?.throwIfAborted();
    accelerator = pickAccelerator(environment.accelerator);
    hold = spawnRelay(environment, directory, record, lock, accelerator);
  } finally {
    native.closeFd(lock);
  }
  const spawned = performance.now();
  const emulated = accelerator === 'tcg';
  using watch = attempt.mayBeStuck ? new StuckBootWatch(hold.relayPid, { emulated }) : undefined;
  try {
    await hold.ready(timeoutMs, signal);
    const rest = Math.max(1, Math.ceil(timeoutMs - (performance.now() - spawned)));
    const given = [signal, watch?.signal].filter((one) => one !== undefined);
    using connection = await AgentConnection.connect(directory.agentSocket, {
      timeoutMs: rest,
      signal: AbortSignal.any(given),
    });
    const ready = performance.now();
    const now = { unix_time_nanos: BigInt(Date.now()) * 1_000_000n };
    await connection.send('core.clock.sync', now, { id: connection.newId() });
    const times = { spawnMs: spawned - begin, guestMs: ready - spawned, totalMs: ready - begin };
    return { accelerator, hold, bootTimes: { ...times, attempts: attempt.number, agent: connection.ready } };
  } catch (error) {
    await hold.end(); // before its record is read, which it may still be writing
    throw bootError(error, directory, record, timeoutMs);
  }
}

function bootError(
  error: unknown,
  directory: SandboxDirectory,
  { config }: SandboxRecord,
  timeoutMs: number,
): unknown {
  const notReady = error instanceof RelayNotReadyError;
  const stuck = error instanceof StuckBootError;
  if (!notReady && !stuck && !(error instanceof AgentGoneError) && !(error instanceof TimeoutError))
    return error;
  const exit = directory.exitRecord();
  const console = notReady ? '' : logTail(directory.consoleLog); // no guest has run; the log may be an earlier one's
  const vmmLog = logTail(directory.vmmLog);
  const phase: BootPhase =
    notReady || exit?.spawnError || (exit?.vmm?.code !== 0 && console === '' && vmmLog !== '')
      ? 'spawn'
      : /^agentd:/m.test(console)
        ? 'agent'
        : 'kernel';
  const what =
    error instanceof TimeoutError
      ? `its agent was not ready within ${timeoutMs} ms.`
      : stuck
        ? `it was stuck. ${error.message}${error.again ? '' : ' Its hypervisor may not work; MSB_ACCEL=tcg chooses software emulation.'}`
        : notReady
          ? whyNotReady(error, exit, directory)
          : describeExit(exit);
  return new BootFailedError(
    `Sandbox "${config.name}" did not boot (phase: ${phase}): ${what}${hint(phase, console, config.memoryMib)}` +
      `${consoleSection(console)}${vmmLog ? `\nThe VMM said:\n${vmmLog.replace(/^/gm, '  | ')}` : ''}`,
    phase,
    console,
    { cause: error },
  );
}

function whyNotReady(
  { timeoutMs }: RelayNotReadyError,
  exit: ExitRecord | null,
  { agentSocket }: SandboxDirectory,
): string {
  if (timeoutMs !== null) {
    return (
      `its relay did not come up within ${timeoutMs} ms. This machine is overloaded, or the file system with ` +
      `${agentSocket} hangs; MSB_RUNTIME_DIR names another place for sockets.`
    );
  }
  if (!exit?.spawnError) return describeExit(exit);
  return `${describeExit(exit)} Its relay could not make ${agentSocket}; MSB_RUNTIME_DIR names another place for sockets.`;
}

/** Below this, kernels have been seen not to come up; more a hint than a limit. */
const smallMemoryMib = 96;

function hint(phase: BootPhase, console: string, memoryMib: number): string {
  if (
    phase !== 'spawn' &&
    (/out of memory|no space left|compressed image/i.test(console) || memoryMib < smallMemoryMib)
  ) {
    return ` It has ${memoryMib} MiB of memory, which may be too little: give it more with .memory(256).`;
  }
  return '';
}
