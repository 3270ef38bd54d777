import { createUpper, diskError } from '../disk/upper.js';
import { IoError, SandboxAlreadyExistsError, SandboxNotFoundError } from '../errors.js';
import { monotonicMs } from '../host/clock.js';
import { type Accelerator, pickAccelerator } from '../host/hypervisor.js';
import { native } from '../host/native.js';
import type { PullRequest } from '../image/pull.js';
import type { SandboxConfig, SandboxRecord } from '../store/record.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import { checkName } from '../store/sandbox-store.js';
import { CloneFailedError, clone, cloneUpper } from './clone.js';
import type { CloneSource } from './clone-source.js';
import { cloneSources } from './clone-sources.js';
import { type BootOptions, coldBoot } from './cold-boot.js';
import type { Environment } from './environment.js';
import { type Created, type RunningMachine, recordOf } from './machine.js';
import { newRecord } from './new-record.js';
import type { MachinePool } from './pool.js';
import { Shape } from './shape.js';
import { kill, stop } from './stop.js';
import { retryStuck } from './stuck-boot.js';
import type { TemplateOptions } from './template-for.js';

export interface CreateOptions extends TemplateOptions {
  /** What to do with a sandbox that has the name: nothing (it is an error), or stop it within these milliseconds and remove it. */
  readonly replaceTimeoutMs: number | null;
  /** Whether its kernel is to boot, though it could be a clone. */
  readonly coldBoot: boolean;
  /** How its image is to come; default: from its registry if it is not here. */
  readonly pull?: PullRequest | undefined;
  /** Where a machine that is ready may be. */
  readonly pool?: MachinePool | undefined;
}

/**
 * Provisions a sandbox and brings its machine up, as a clone where that is possible. When it fails, for whatever reason, nothing is
 * left and the name is free.
 *
 * @throws the typed errors of its steps: SandboxAlreadyExistsError, ImageNotFoundError, HttpError, IoError, BootFailedError, …
 */
export async function create(
  environment: Environment,
  config: SandboxConfig,
  options: CreateOptions,
): Promise<Created> {
  return handedOver(await made(environment, config, options));
}

/** However long a machine has been ready: what its user has said of its life counts from now on. */
function handedOver(created: Created): Created {
  created.machine.hold.limit(created.record.config);
  return created;
}

async function made(
  environment: Environment,
  config: SandboxConfig,
  options: CreateOptions,
): Promise<Created> {
  checkName(config.name);
  const accelerator = pickAccelerator(environment.accelerator); // before any work that a machine without a hypervisor would throw away
  const { pull, signal } = options;
  const record = await newRecord(environment, config, { ...pull, signal });
  signal?.throwIfAborted();
  const deadline = monotonicMs() + options.timeoutMs; // from here on: a pull, or what is derived of an image, takes what it takes
  const shape = new Shape(environment, record, accelerator);
  if (options.coldBoot) return booted(environment, shape, record, options, options.timeoutMs);
  const rest = () => Math.max(1, Math.ceil(deadline - monotonicMs()));
  const pooled = await taken(environment, shape, record, options, rest());
  if (pooled) return pooled;
  for await (const source of cloneSources(environment, shape, record, options)) {
    const created = await cloned(environment, source, shape, record, options, rest());
    if (created) return created;
  }
  return booted(environment, shape, record, options, rest());
}

/** @returns null when there is no machine that is ready, or it was no good. */
async function taken(
  environment: Environment,
  shape: Shape,
  record: SandboxRecord,
  { pool, signal, replaceTimeoutMs }: CreateOptions,
  timeoutMs: number,
): Promise<Created | null> {
  if (!pool) return null;
  // A machine that is made for nothing is lost: whoever asks next could have had it.
  if (replaceTimeoutMs === null) await environment.sandboxes.expectFree(record.config.name);
  const ready = await pool.take(shape, record, { timeoutMs, signal });
  if (!ready) return null;
  try {
    const take = () => ready.take(record);
    const created = await naming(environment, record.config.name, replaceTimeoutMs, take);
    signal?.throwIfAborted();
    created.directory.noteBoot(recordOf(created.machine));
    created.directory.created();
    return created;
  } catch (error) {
    await ready.discard();
    signal?.throwIfAborted();
    if (error instanceof SandboxAlreadyExistsError || error instanceof IoError) throw error;
    return null; // it died while it waited, say: a clone is as good
  }
}

/** @returns null when the source is no good; it is told so. */
async function cloned(
  environment: Environment,
  source: CloneSource,
  shape: Shape,
  record: SandboxRecord,
  options: CreateOptions,
  timeoutMs: number,
): Promise<Created | null> {
  try {
    return await provision(environment, record, options, {
      fill: (directory) => cloneUpper(source, directory),
      bringUp: async (directory, lock) => {
        const { signal } = options;
        // Half of the time at most, so that there is some left for another way.
        const bounds = { timeoutMs: Math.ceil(timeoutMs / 2), signal };
        const made = await clone(environment, source, shape, { directory, lock }, record, bounds);
        made.qmp[Symbol.dispose]();
        made.machine.connection.rest();
        return made.machine;
      },
    });
  } catch (error) {
    if (!(error instanceof CloneFailedError)) throw error;
    if (error.isFault) await source.failed(record.config.name, error);
    return null;
  }
}

function booted(
  environment: Environment,
  shape: Shape,
  record: SandboxRecord,
  options: CreateOptions,
  timeoutMs: number,
): Promise<Created> {
  return retryStuck(timeoutMs, (attempt) =>
    provision(environment, record, options, {
      fill: (directory) => createUpper(environment.places, directory.upper, shape.diskMib),
      bringUp: (directory, lock) =>
        coldBoot(environment, directory, record, lock, shape, attempt, options.signal),
    }),
  );
}

/** Makes the sandbox's directory under its name, and brings its machine up in it; when one of the two fails, nothing is left. */
async function provision(
  environment: Environment,
  record: SandboxRecord,
  { replaceTimeoutMs }: CreateOptions,
  way: {
    fill(directory: SandboxDirectory): Promise<void>;
    bringUp(directory: SandboxDirectory, lock: number): Promise<RunningMachine>;
  },
): Promise<Created> {
  const { name } = record.config;
  const claimed = await naming(environment, name, replaceTimeoutMs, () =>
    environment.sandboxes.claim(record, way.fill),
  );
  const { directory, lock } = claimed;
  let machine: RunningMachine;
  try {
    machine = await way.bringUp(directory, lock);
  } catch (error) {
    await directory.discard();
    throw diskError(`Sandbox "${name}" could not be made`, error);
  }
  directory.noteBoot(recordOf(machine));
  directory.created();
  return { directory, record, machine };
}

/** Takes a name; where it is taken and may be taken over, it is made free first. */
async function naming<T>(
  environment: Environment,
  name: string,
  replaceTimeoutMs: number | null,
  take: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await take();
    } catch (error) {
      if (!(error instanceof SandboxAlreadyExistsError) || replaceTimeoutMs === null) {
        throw diskError(`Sandbox "${name}" could not be made`, error);
      }
      await removeByName(environment, name, replaceTimeoutMs);
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

/** Boots a sandbox that exists and does not run. @throws SandboxStillRunningError; what {@link coldBoot} throws. */
export async function start(
  environment: Environment,
  directory: SandboxDirectory,
  options: BootOptions,
): Promise<Created> {
  const accelerator: Accelerator = pickAccelerator(environment.accelerator);
  return retryStuck(options.timeoutMs, async (attempt) => {
    const lock = await directory.acquire();
    let record: SandboxRecord;
    let shape: Shape;
    try {
      record = directory.record();
      shape = new Shape(environment, record, accelerator);
    } catch (error) {
      native.closeFd(lock);
      throw error;
    }
    const machine = await coldBoot(environment, directory, record, lock, shape, attempt, options.signal);
    directory.noteBoot(recordOf(machine));
    return handedOver({ directory, record, machine });
  });
}
