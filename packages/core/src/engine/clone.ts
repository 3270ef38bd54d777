import { AgentGoneError } from '../agent/connection.js';
import { diskError } from '../disk/upper.js';
import { AgentProtocolError, BootFailedError, TimeoutError } from '../errors.js';
import { monotonicMs } from '../host/clock.js';
import { errnoOf, native } from '../host/native.js';
import type { SandboxRecord } from '../store/record.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import { Qmp, VmmControlError, VmmGoneError } from '../vmm/qmp.js';
import type { CloneSource } from './clone-source.js';
import type { Environment } from './environment.js';
import { resumeFrame } from './first-frame.js';
import { RelayNotReadyError } from './hold.js';
import { launch } from './launch.js';
import type { RunningMachine } from './machine.js';
import type { Shape } from './shape.js';
import type { StartVmm } from './spawn-relay.js';

/** A clone is ready after some tenths of a second; on an overloaded host it may take some times that. */
const cloneTimeoutMs = 20_000;

/** A clone that runs; `qmp` is the caller's to close. */
export interface Cloned {
  readonly machine: RunningMachine;
  readonly qmp: Qmp;
}

/** A clone could not be made of its source; another way to come to a machine may work. */
export class CloneFailedError extends Error {
  override readonly name = 'CloneFailedError';

  /** @param isFault whether the source is to be blamed: not where there was too little time for any clone. */
  constructor(
    message: string,
    readonly isFault: boolean,
    options: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Gives a sandbox that is being made the disk of its source. @throws CloneFailedError when that is gone; IoError. */
export async function cloneUpper({ upper }: CloneSource, directory: SandboxDirectory): Promise<void> {
  try {
    await native.cloneFile(upper, directory.upper);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT')
      throw new CloneFailedError('Its template is gone.', true, { cause: error });
    throw diskError(`The writable disk ${directory.upper} could not be made`, error);
  }
}

/**
 * Has a sandbox's machine go on from where its source stands, and become its own. Takes over `lock`.
 *
 * @throws CloneFailedError; the signal's reason. Nothing runs then.
 */
export async function clone(
  environment: Environment,
  source: CloneSource,
  shape: Shape,
  { directory, lock }: { readonly directory: SandboxDirectory; readonly lock: number },
  record: SandboxRecord,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
): Promise<Cloned> {
  const begin = monotonicMs();
  const qmp = new Qmp({ negotiated: source.forks });
  try {
    const refused = new AbortController();
    const resumed = source.goOn(qmp).then(() => monotonicMs());
    // Of a VMM that is gone the relay tells, and why.
    resumed.catch((error) => error instanceof VmmGoneError || refused.abort(error));
    const machine = {
      start: opened(source, directory, qmp, lock),
      firstFrame: resumeFrame(record),
      emulated: shape.accelerator === 'tcg',
    };
    const attempt = { timeoutMs: Math.min(timeoutMs, cloneTimeoutMs), number: 1, mayBeStuck: true };
    const given = signal ? AbortSignal.any([signal, refused.signal]) : refused.signal;
    const launched = await launch(environment, directory, record, lock, machine, attempt, given);
    const { hold, connection, times } = launched;
    const resumedAt = await resumed.catch(async (error) => {
      connection.close();
      await hold.end();
      throw error;
    });
    const bootTimes = {
      ...times,
      origin: 'clone',
      forked: source.forks,
      resumeMs: resumedAt - begin - times.spawnMs,
      renewMs: connection.ready.renewMs,
      totalMs: monotonicMs() - begin,
      attempts: 1,
      agent: connection.ready,
    } as const;
    return { machine: { accelerator: shape.accelerator, hold, connection, bootTimes }, qmp };
  } catch (error) {
    qmp[Symbol.dispose]();
    signal?.throwIfAborted();
    if (!isFaultOf(source, error)) throw error;
    const wasLate = error instanceof BootFailedError && error.cause instanceof TimeoutError;
    throw new CloneFailedError(error.message, !(wasLate && timeoutMs < cloneTimeoutMs), { cause: error });
  }
}

function opened(source: CloneSource, directory: SandboxDirectory, qmp: Qmp, lock: number): StartVmm {
  try {
    return source.vmm(directory, qmp);
  } catch (error) {
    native.closeFd(lock);
    throw error;
  }
}

/** Whether it may be the source's fault. The sandbox's own init would be as bad anywhere; a relay that does not come up has not even started the VMM, unless the VMM was there first. */
function isFaultOf({ forks }: CloneSource, error: unknown): error is Error {
  if (error instanceof BootFailedError && error.phase === 'init') return false;
  if (error instanceof BootFailedError) return forks || !(error.cause instanceof RelayNotReadyError);
  return (
    error instanceof VmmControlError ||
    error instanceof AgentGoneError ||
    error instanceof AgentProtocolError ||
    error instanceof TimeoutError ||
    errnoOf(error) === 'ENOENT'
  );
}
