import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AgentGoneError } from '../agent/connection.js';
import { createUpper } from '../disk/upper.js';
import { AgentProtocolError, TimeoutError } from '../errors.js';
import { openFile } from '../host/descriptor.js';
import { native } from '../host/native.js';
import type { SandboxRecord } from '../store/record.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import { freeze } from '../vmm/freezing.js';
import { Qmp, VmmControlError } from '../vmm/qmp.js';
import type { Environment } from './environment.js';
import { bootstrapFrame, unclaimed } from './first-frame.js';
import { launch } from './launch.js';
import { rehearseForCopies, renew } from './rehearsal.js';
import type { Shape } from './shape.js';
import { newVmm } from './spawn-relay.js';
import { type Attempt, retryStuck } from './stuck-boot.js';
import { Template } from './template.js';

/** Commands take some tenths of a second under emulation; on an overloaded host they may take some times that. */
const rehearsalTimeoutMs = 10_000;

/**
 * Boots a machine of that shape and freezes it.
 *
 * @param record of the sandbox for which the template is made; nothing of whose it is gets into it.
 * @throws BootFailedError when it does not boot, as that sandbox would not; IoError; the signal's reason; what is of
 *   {@link isUnfreezable} when it boots, and cannot be frozen.
 */
export async function makeTemplate(
  environment: Environment,
  shape: Shape,
  record: SandboxRecord,
  directory: SandboxDirectory,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
): Promise<void> {
  await retryStuck(timeoutMs, (attempt) =>
    bootAndFreeze(environment, shape, nobodys(record), directory, attempt, signal),
  );
  const { memory, state, upper } = new Template('', directory.path);
  const files = [memory, state, upper].map((file) => basename(file));
  for (const file of readdirSync(directory.path)) {
    if (!files.includes(file)) rmSync(join(directory.path, file), { recursive: true });
  }
}

/** Whether a machine that does boot cannot be made a template. */
export function isUnfreezable(error: unknown): error is Error {
  const kinds = [VmmControlError, AgentGoneError, AgentProtocolError, TimeoutError];
  return kinds.some((kind) => error instanceof kind);
}

async function bootAndFreeze(
  environment: Environment,
  shape: Shape,
  record: SandboxRecord,
  directory: SandboxDirectory,
  attempt: Attempt,
  signal: AbortSignal | undefined,
): Promise<void> {
  rmSync(directory.upper, { force: true }); // of a boot that was stuck
  await createUpper(environment.places, directory.upper, shape.diskMib);
  const { memory, state } = new Template('', directory.path);
  using qmp = new Qmp();
  const machine = {
    start: newVmm(shape.command('template', directory), [qmp.theirs, openFile(memory, 'w')]),
    firstFrame: bootstrapFrame(record),
    emulated: shape.accelerator === 'tcg',
  };
  const lock = await native.lockFile(join(directory.path, 'lock'), 1000);
  const { hold, connection } = await launch(environment, directory, record, lock, machine, attempt, signal);
  try {
    const bounds = { timeoutMs: rehearsalTimeoutMs, signal };
    await renew(connection, record, bounds);
    await rehearseForCopies(connection, bounds);
    signal?.throwIfAborted();
    await freeze(qmp, state, join(directory.sockets, 'state.sock'));
  } finally {
    connection.close();
    await hold.end();
  }
}

/** The same machine, without anything that clones do not have in common. Its name stays, for the errors. */
function nobodys(record: SandboxRecord): SandboxRecord {
  const { config } = unclaimed(record);
  return {
    ...record,
    config: { ...config, env: {}, hostname: 'localhost', workdir: null, ephemeral: false },
  };
}
