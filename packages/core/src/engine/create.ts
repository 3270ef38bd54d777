import { randomUUID } from 'node:crypto';
import { createUpper, diskError } from '../disk/upper.js';
import { SandboxAlreadyExistsError, SandboxNotFoundError } from '../errors.js';
import { pickAccelerator } from '../host/hypervisor.js';
import { native } from '../host/native.js';
import type { SandboxConfig, SandboxRecord } from '../store/record.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import { checkName } from '../store/sandbox-store.js';
import { type BootOptions, boot, type RunningMachine } from './boot.js';
import type { Environment } from './environment.js';
import { kill, stop } from './stop.js';
import { retryStuck } from './stuck-boot.js';

export interface CreateOptions extends BootOptions {
  /** What to do with a sandbox that has the name: nothing (it is an error), or stop it within these milliseconds and remove it. */
  readonly replaceTimeoutMs: number | null;
}

export interface Created {
  readonly directory: SandboxDirectory;
  readonly record: SandboxRecord;
  readonly machine: RunningMachine;
}

/**
 * Provisions a sandbox and boots it. When it fails, for whatever reason, nothing is left and the name is free.
 *
 * @throws the typed errors of its steps: SandboxAlreadyExistsError, ImageNotFoundError, IoError, BootFailedError, …
 */
export async function create(
  environment: Environment,
  config: SandboxConfig,
  options: CreateOptions,
): Promise<Created> {
  checkName(config.name);
  pickAccelerator(environment.accelerator); // before any work is done that a machine without a hypervisor would throw away
  const image = await environment.images.prepare(config.image);
  const record: SandboxRecord = {
    version: 1,
    id: randomUUID(),
    createdAt: new Date().toISOString(),
    config: {
      ...config,
      workdir: config.workdir ?? image.config.workingDir,
      env: { ...environmentOf(image.config.env), ...config.env },
    },
    image: { reference: image.reference, digest: image.digest, rootfs: image.rootfs },
  };
  return retryStuck(options.timeoutMs, async (attempt) => {
    const { directory, lock } = await claim(environment, record, options.replaceTimeoutMs);
    let machine: RunningMachine;
    try {
      machine = await boot(environment, directory, record, lock, attempt, options.signal);
    } catch (error) {
      await removeUnfinished(directory);
      throw diskError(`Sandbox "${config.name}" could not be made`, error);
    }
    directory.created();
    return { directory, record, machine };
  });
}

async function claim(environment: Environment, record: SandboxRecord, replaceTimeoutMs: number | null) {
  const { sandboxes, places } = environment;
  const fill = (directory: SandboxDirectory) =>
    createUpper(places, directory.upper, record.config.rootDiskMib);
  for (;;) {
    try {
      return await sandboxes.claim(record, fill);
    } catch (error) {
      if (!(error instanceof SandboxAlreadyExistsError) || replaceTimeoutMs === null) {
        throw diskError(`Sandbox "${record.config.name}" could not be made`, error);
      }
      await removeByName(environment, record.config.name, replaceTimeoutMs);
    }
  }
}

/** Makes the name free: stops what has it, gracefully within `timeoutMs`, and removes it. */
async function removeByName({ sandboxes }: Environment, name: string, timeoutMs: number): Promise<void> {
  try {
    const directory = sandboxes.find(name);
    if (timeoutMs > 0) await stop(directory, timeoutMs).catch(() => kill(directory));
    else await kill(directory);
    await directory.remove(await directory.acquire());
  } catch (error) {
    if (!(error instanceof SandboxNotFoundError)) throw error; // gone by itself, which is what was wanted
  }
}

async function removeUnfinished(directory: SandboxDirectory): Promise<void> {
  try {
    await directory.remove(await directory.acquire());
  } catch (error) {
    if (!(error instanceof SandboxNotFoundError)) throw error; // the relay was quicker
  }
}

function environmentOf(entries: readonly string[]): Record<string, string> {
  const pairs = entries.map((entry) => {
    const equals = entry.indexOf('=');
    return equals < 0 ? ([entry, ''] as const) : ([entry.slice(0, equals), entry.slice(equals + 1)] as const);
  });
  return Object.fromEntries(pairs);
}

/** Boots a sandbox that exists and does not run. @throws SandboxStillRunningError; what {@link boot} throws. */
export async function start(
  environment: Environment,
  directory: SandboxDirectory,
  options: BootOptions,
): Promise<Created> {
  return retryStuck(options.timeoutMs, async (attempt) => {
    const lock = await directory.acquire();
    let record: SandboxRecord;
    try {
      record = directory.record();
    } catch (error) {
      native.closeFd(lock);
      throw error;
    }
    const machine = await boot(environment, directory, record, lock, attempt, options.signal);
    return { directory, record, machine };
  });
}
