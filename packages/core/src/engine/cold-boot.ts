import type { SandboxRecord } from '../store/record.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import type { Environment } from './environment.js';
import { bootstrapFrame } from './first-frame.js';
import { launch } from './launch.js';
import type { RunningMachine } from './machine.js';
import type { Shape } from './shape.js';
import { newVmm } from './spawn-relay.js';
import type { Attempt } from './stuck-boot.js';

export interface BootOptions {
  /** Milliseconds for the whole boot. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Boots a sandbox's kernel on the disk that it has. Takes over `lock`.
 *
 * @throws BootFailedError; MissingDependencyError; the signal's reason. Nothing runs then.
 */
export async function coldBoot(
  environment: Environment,
  directory: SandboxDirectory,
  record: SandboxRecord,
  lock: number,
  shape: Shape,
  attempt: Attempt,
  signal: AbortSignal | undefined,
): Promise<RunningMachine> {
  const machine = {
    start: newVmm(shape.command('boot', directory)),
    firstFrame: bootstrapFrame(record),
    emulated: shape.accelerator === 'tcg',
  };
  const { hold, connection, times } = await launch(
    environment,
    directory,
    record,
    lock,
    machine,
    attempt,
    signal,
  );
  connection.rest();
  const origin = 'cold' as const;
  const bootTimes = {
    ...times,
    origin,
    resumeMs: null,
    renewMs: null,
    forked: false,
    attempts: attempt.number,
    agent: connection.ready,
  };
  return { accelerator: shape.accelerator, hold, connection, bootTimes };
}
