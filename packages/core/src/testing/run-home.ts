import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Environment, environmentFrom } from '../engine/environment.js';
import { kill } from '../engine/stop.js';
import { SandboxNotFoundError } from '../errors.js';
import { monotonicMs, wallMs } from '../host/clock.js';
import { errnoOf, native } from '../host/native.js';
import { type Places, placesFromEnv, privateDirectory } from '../host/paths.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import { homeLeaks, type Whereabouts } from './leaks.js';
import { keptMark, testOf } from './test-machine.js';

/** The machines of a worker that was killed are gone within seconds; what is still there after this is not on its way out. */
const settleTimeoutMs = 10_000;
const settleStepMs = 50;
const lockTimeoutMs = 5_000;

/** A home without a lock that is younger than this is being made, or removed, at this moment. */
const lockGraceMs = 60_000;

/**
 * A home that one run of tests has to itself, so that what is in it at the run's end is the run's fault. It is below the user's own:
 * `$MSB_HOME/runs/<id>`, with sockets in `<runtime directory>/<id>`. A lock tells that its run lives.
 */
export class RunHome {
  /** What makes it the home of a process. */
  readonly env: Readonly<{ MSB_HOME: string; MSB_RUNTIME_DIR: string }>;
  readonly #environment: Environment;
  readonly #lock: number;

  private constructor(env: RunHome['env'], lock: number) {
    this.env = env;
    this.#environment = environmentFrom({ ...process.env, ...env });
    this.#lock = lock;
  }

  /** Makes one, and removes those that dead runs left. */
  static async open(env: NodeJS.ProcessEnv = process.env): Promise<RunHome> {
    const places = placesFromEnv(env);
    await sweepRuns(places, env);
    const id = randomBytes(4).toString('hex');
    const home = join(places.home, 'runs', id);
    const runtime = join(privateDirectory(places.runtime), id);
    mkdirSync(home, { recursive: true, mode: 0o700 });
    try {
      const lock = await native.lockFile(join(home, 'lock'), lockTimeoutMs);
      mkdirSync(runtime, { mode: 0o700 });
      return new RunHome({ MSB_HOME: home, MSB_RUNTIME_DIR: runtime }, lock);
    } catch (error) {
      rmSync(home, { recursive: true, force: true });
      throw error;
    }
  }

  /**
   * What the run has left in it by now, each thing named with its test; waits for what is on its way out, and ends what stays. What
   * was kept on purpose does not count.
   */
  async leaks(): Promise<string[]> {
    const { sandboxes, places } = this.#environment;
    let kept: Whereabouts[] = [];
    let left: string[] = [];
    for (const deadline = monotonicMs() + settleTimeoutMs; ; ) {
      const all = await sandboxes.list(); // which sweeps away what the dead left unfinished
      kept = all.filter(isKept).map(whereabouts);
      left = homeLeaks(places, kept);
      if (left.length === 0 || monotonicMs() > deadline) break;
      await delay(settleStepMs);
    }
    const owners = left.length > 0 ? await this.#owners() : [];
    return [...owners, ...left];
  }

  async #owners(): Promise<string[]> {
    const { sandboxes } = this.#environment;
    const found: string[] = [];
    for (const directory of await sandboxes.list()) {
      if (isKept(directory)) continue;
      const { config } = directory.record();
      found.push(`sandbox ${config.name} of ${testOf(config.labels) ?? 'a test that made it by itself'}`);
      await discard(directory);
    }
    return found;
  }

  /** Ends it: only machines that were kept stay, and their home with them until the first run after their end. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { MSB_HOME: home, MSB_RUNTIME_DIR: runtime } = this.env;
    try {
      if (await isEmpty(this.#environment)) removeHome(home, runtime);
    } finally {
      native.closeFd(this.#lock);
    }
  }

  /** As {@link [Symbol.asyncDispose]}, for a process that is about to exit: nothing that waits. */
  abandon(): void {
    const { MSB_HOME: home, MSB_RUNTIME_DIR: runtime } = this.env;
    try {
      if (readdirSync(join(home, 'sandboxes')).length > 0) return; // their relays remove them; the rest is for the next run
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') return;
    }
    removeHome(home, runtime);
  }
}

/** Removes the homes of runs that have ended without doing so themselves, and ends what is still in them. */
async function sweepRuns({ home, runtime }: Places, env: NodeJS.ProcessEnv): Promise<void> {
  for (const id of runsIn(home)) {
    const own = { MSB_HOME: join(home, 'runs', id), MSB_RUNTIME_DIR: join(runtime, id) };
    const lock = openLock(own.MSB_HOME);
    if (lock === 'alive') continue;
    try {
      const environment = environmentFrom({ ...env, ...own });
      for (const directory of await environment.sandboxes.list()) {
        if (!isKept(directory) || (await directory.holder().then(close)) === null) await discard(directory);
      }
      if (await isEmpty(environment)) removeHome(own.MSB_HOME, own.MSB_RUNTIME_DIR);
    } finally {
      if (lock !== undefined) native.closeFd(lock);
    }
  }
}

function runsIn(home: string): string[] {
  try {
    return readdirSync(join(home, 'runs')).filter((name) => /^[0-9a-f]{8}$/.test(name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** The lock of a run's home, taken; `alive` when its run has it; undefined when its run died before it had made one. */
function openLock(home: string): number | 'alive' | undefined {
  try {
    return native.tryLockFile(join(home, 'lock')) ?? 'alive';
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    const made = statSync(home, { throwIfNoEntry: false })?.mtimeMs ?? wallMs();
    return wallMs() - made < lockGraceMs ? 'alive' : undefined;
  }
}

async function isEmpty({ sandboxes }: Environment): Promise<boolean> {
  return (await sandboxes.list()).length === 0;
}

/** The sockets first: a home that is there is swept again, sockets without a home would be nobody's. */
function removeHome(home: string, runtime: string): void {
  rmSync(runtime, { recursive: true, force: true });
  rmSync(home, { recursive: true, force: true });
}

function isKept(directory: SandboxDirectory): boolean {
  return existsSync(join(directory.path, keptMark));
}

function whereabouts({ path, sockets }: SandboxDirectory): Whereabouts {
  return { path, sockets, bornAt: readFileSync(join(path, keptMark), 'utf8') };
}

async function discard(directory: SandboxDirectory): Promise<void> {
  try {
    await kill(directory);
    await directory.remove(await directory.acquire());
  } catch (error) {
    if (!(error instanceof SandboxNotFoundError)) throw error; // its relay was quicker
  }
}

function close(holder: Awaited<ReturnType<SandboxDirectory['holder']>>) {
  if (holder?.kind === 'relay') native.closeFd(holder.pidfd);
  return holder;
}
