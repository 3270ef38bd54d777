import { AgentConnection, AgentGoneError } from '../agent/connection.js';
import { BootFailedError, type BootPhase, TimeoutError } from '../errors.js';
import { monotonicMs } from '../host/clock.js';
import { logTail } from '../host/console-tail.js';
import { native } from '../host/native.js';
import type { ExitRecord, SandboxRecord } from '../store/record.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import { consoleSection, describeExit } from './ending.js';
import type { Environment } from './environment.js';
import { timePayload } from './first-frame.js';
import { type Hold, RelayNotReadyError } from './hold.js';
import { initFailure } from './init.js';
import type { BootTimes } from './machine.js';
import { type StartVmm, spawnRelay } from './spawn-relay.js';
import { type Attempt, StuckBootError, StuckBootWatch } from './stuck-boot.js';

/** A machine to start: how, and what its agent is told first. */
export interface Launch {
  readonly start: StartVmm;
  readonly firstFrame: Uint8Array;
  /** Whether an emulated processor executes the guest. */
  readonly emulated: boolean;
}

/** A machine whose agent is ready. */
export interface Launched {
  readonly hold: Hold;
  /** The connection on which the agent said so. */
  readonly connection: AgentConnection;
  readonly times: Pick<BootTimes, 'spawnMs' | 'guestMs' | 'totalMs'>;
}

/**
 * Starts a sandbox's machine and waits until its agent is ready. Takes over `lock`: the relay keeps it while the machine lives,
 * and it is free again when this fails.
 *
 * @param attempt one of those of {@link retryStuck}.
 * @throws BootFailedError; the signal's reason. Nothing runs then.
 */
export async function launch(
  environment: Environment,
  directory: SandboxDirectory,
  record: SandboxRecord,
  lock: number,
  machine: Launch,
  { timeoutMs, mayBeStuck }: Attempt,
  signal: AbortSignal | undefined,
): Promise<Launched> {
  const begin = monotonicMs();
  let hold: Hold;
  try {
    signal?.throwIfAborted();
    const { ephemeral } = record.config;
    hold = await spawnRelay(environment, directory, lock, { ephemeral, ...machine });
  } finally {
    native.closeFd(lock);
  }
  const spawned = monotonicMs();
  using watch = mayBeStuck ? new StuckBootWatch(hold.relayPid, machine) : undefined;
  try {
    await hold.ready(timeoutMs, signal);
    const rest = Math.max(1, Math.ceil(timeoutMs - (monotonicMs() - spawned)));
    const given = [signal, watch?.signal].filter((one) => one !== undefined);
    const connection = await AgentConnection.connect(directory.agentSocket, {
      timeoutMs: rest,
      signal: AbortSignal.any(given),
    });
    const ready = monotonicMs();
    // Of its first frame the time is past that it had when it was made.
    await connection.send('core.clock.sync', timePayload(), { id: connection.newId() });
    const times = { spawnMs: spawned - begin, guestMs: ready - spawned, totalMs: ready - begin };
    return { hold, connection, times };
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
  const init = initFailure(console);
  const vmmLog = logTail(directory.vmmLog);
  const phase: BootPhase =
    notReady || exit?.spawnError || (exit?.vmm?.code !== 0 && console === '' && vmmLog !== '')
      ? 'spawn'
      : init !== null
        ? 'init'
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
          : init !== null
            ? `its ${init}.`
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
