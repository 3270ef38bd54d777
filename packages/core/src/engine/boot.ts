import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { AgentConnection, AgentGoneError, type AgentReady } from '../agent/connection.js';
import { encodeFrame } from '../agent/frame.js';
import { encodeMessage } from '../agent/message.js';
import { BootFailedError, type BootPhase, TimeoutError } from '../errors.js';
import { guestInitramfs } from '../guest/initramfs.js';
import { guestKernel } from '../guest/kernel.js';
import { logTail } from '../host/console-tail.js';
import { type Accelerator, pickAccelerator } from '../host/hypervisor.js';
import { native } from '../host/native.js';
import { privateDirectory } from '../host/paths.js';
import type { SandboxRecord } from '../store/record.js';
import { openLog, type SandboxDirectory } from '../store/sandbox-directory.js';
import { qemu } from '../vmm/qemu.js';
import { endRelay } from './end-relay.js';
import { consoleSection, describeExit } from './ending.js';
import type { Environment } from './environment.js';

export interface BootOptions {
  /** Milliseconds for the whole boot. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** A machine that runs, and our hold on it. */
export interface RunningMachine {
  readonly accelerator: Accelerator;
  /** The relay, for waiting and killing. */
  readonly pidfd: number;
  readonly leash: Leash;
  readonly bootTimes: BootTimes;
}

/** Where a boot's time went; milliseconds. */
export interface BootTimes {
  /** Until the relay was started. */
  readonly spawnMs: number;
  /** From there to the agent being ready. */
  readonly guestMs: number;
  readonly totalMs: number;
  /** The guest's own account. */
  readonly agent: AgentReady;
}

/** The owner's end of the leash. The kernel drops it when this process dies, and the relay then ends the machine. */
export class Leash {
  #fd: number | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Lets go for good: the machine no longer depends on this process. */
  detach(): void {
    if (this.#fd === undefined) return;
    writeSync(this.#fd, 'D');
    this.release();
  }

  /** Closes our end. Without a `detach()` before, that means that the owner is gone. */
  release(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** Room for connections that wait to be accepted; the relay serves 128. */
const backlog = 128;

/**
 * Starts a sandbox's machine and waits until its agent is ready. Takes over `lock`: the relay keeps it while the machine lives,
 * and it is free again when this fails.
 *
 * @throws BootFailedError; HypervisorUnavailableError; MissingDependencyError; the signal's reason. Nothing runs then.
 */
export async function boot(
  environment: Environment,
  directory: SandboxDirectory,
  record: SandboxRecord,
  lock: number,
  { timeoutMs, signal }: BootOptions,
): Promise<RunningMachine> {
  const begin = performance.now();
  const descriptors = new Set([lock]);
  const keep = (fd: number) => {
    descriptors.add(fd);
    return fd;
  };
  let leash: Leash | undefined;
  let relay: { pidfd: number };
  let accelerator: Accelerator;
  try {
    signal?.throwIfAborted();
    accelerator = pickAccelerator(environment.accelerator);
    const vmm = machineCommand(environment, directory, record, accelerator);
    directory.forgetExit();
    privateDirectory(environment.places.runtime);
    rmSync(directory.sockets, { recursive: true, force: true }); // left by a relay that was killed
    mkdirSync(directory.sockets, { mode: 0o700 });
    const nothing = keep(openSync('/dev/null', 'r+'));
    const log = keep(openLog(directory.vmmLog));
    const [ours, theirs] = native.socketPair();
    leash = new Leash(ours);
    const fds = [
      nothing,
      log,
      log,
      keep(theirs),
      lock,
      keep(native.listenUnix(directory.agentSocket, backlog)),
      keep(bootstrap(directory, record)),
    ];
    relay = native.spawn({
      file: environment.relay,
      args: [
        ...['--sandbox-dir', directory.path, '--socket', directory.agentSocket],
        ...(record.config.ephemeral ? ['--ephemeral'] : []),
        ...['--', vmm.file, ...vmm.args],
      ],
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      cwd: '/',
      fds,
    });
  } catch (error) {
    leash?.release();
    rmSync(directory.sockets, { recursive: true, force: true });
    throw error;
  } finally {
    for (const fd of descriptors) closeSync(fd);
  }
  const spawned = performance.now();
  try {
    using connection = await AgentConnection.connect(directory.agentSocket, { timeoutMs, signal });
    const ready = performance.now();
    await connection.send(
      'core.clock.sync',
      { unix_time_nanos: BigInt(Date.now()) * 1_000_000n },
      { id: connection.newId() },
    );
    return {
      accelerator,
      pidfd: relay.pidfd,
      leash,
      bootTimes: {
        spawnMs: spawned - begin,
        guestMs: ready - spawned,
        totalMs: ready - begin,
        agent: connection.ready,
      },
    };
  } catch (error) {
    // Not an answer within the budget: killing would hide that the relay had nothing to report.
    await endRelay(relay.pidfd);
    closeSync(relay.pidfd);
    leash.release();
    throw bootError(error, directory, record, timeoutMs);
  }
}

function machineCommand(
  environment: Environment,
  directory: SandboxDirectory,
  record: SandboxRecord,
  accelerator: Accelerator,
) {
  const kernel = guestKernel(environment.places);
  return qemu.commandLine({
    accelerator,
    cpus: record.config.cpus,
    memoryMiB: record.config.memoryMib,
    kernel: kernel.image,
    initramfs: guestInitramfs(environment.places, kernel, environment.agent),
    lower: record.image.rootfs,
    upper: directory.upper,
    controlSocket: directory.controlSocket,
  });
}

/** The guest's configuration as an open file whose name is gone: it holds the environment, which may hold secrets. */
function bootstrap(directory: SandboxDirectory, { config }: SandboxRecord): number {
  const frame = encodeFrame({
    id: 0,
    flags: 0,
    body: encodeMessage('core.bootstrap', {
      block_root: {
        kind: 'oci-erofs',
        lower: '/dev/vda',
        lower_fstype: 'squashfs',
        upper: { kind: 'device', device: '/dev/vdb', fstype: 'ext4' },
      },
      hostname: config.hostname,
      default_cwd: config.workdir ?? undefined,
      default_env: Object.entries(config.env).map(([key, value]) => ({ key, value })),
    }),
  });
  const path = join(directory.path, 'bootstrap');
  try {
    writeFileSync(path, frame, { mode: 0o600 });
    return openSync(path, 'r');
  } finally {
    rmSync(path, { force: true });
  }
}

function bootError(
  error: unknown,
  directory: SandboxDirectory,
  { config }: SandboxRecord,
  timeoutMs: number,
): unknown {
  if (!(error instanceof AgentGoneError) && !(error instanceof TimeoutError)) return error;
  const exit = directory.exitRecord();
  const console = logTail(directory.consoleLog);
  const vmmLog = logTail(directory.vmmLog);
  const phase: BootPhase =
    exit?.spawnError || (exit?.vmm?.code !== 0 && console === '' && vmmLog !== '')
      ? 'spawn'
      : /^agentd:/m.test(console)
        ? 'agent'
        : 'kernel';
  const what =
    error instanceof TimeoutError ? `its agent was not ready within ${timeoutMs} ms.` : describeExit(exit);
  return new BootFailedError(
    `Sandbox "${config.name}" did not boot (phase: ${phase}): ${what}${hint(phase, console, config.memoryMib)}` +
      `${consoleSection(console)}${vmmLog ? `\nThe VMM said:\n${vmmLog.replace(/^/gm, '  | ')}` : ''}`,
    phase,
    console,
    { cause: error },
  );
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
