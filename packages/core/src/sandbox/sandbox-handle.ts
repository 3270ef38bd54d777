import { setTimeout as delay } from 'node:timers/promises';
import { AgentGoneError } from '../agent/connection.js';
import { statusOf } from '../engine/ending.js';
import type { Environment } from '../engine/environment.js';
import {
  AgentProtocolError,
  InvalidConfigError,
  SandboxCrashedError,
  SandboxNotFoundError,
  SandboxNotRunningError,
  SandboxStillRunningError,
  TimeoutError,
} from '../errors.js';
import { monotonicMs } from '../host/clock.js';
import { logTail } from '../host/console-tail.js';
import { errnoOf, native } from '../host/native.js';
import type { BootRecord, SandboxConfig, SandboxRecord, SandboxStatus } from '../store/record.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import { Sandbox } from './sandbox.js';
import { connectTimeoutMs, SandboxBase, stopTimeoutMs } from './sandbox-base.js';
import { defaultBootTimeoutMs } from './sandbox-builder.js';

const pageSize = 20;
const maxPageSize = 100;

/** What another process may take to start it, or to end it. */
const comeUpMs = defaultBootTimeoutMs + stopTimeoutMs;
/** It tells nobody that it has come up who cannot connect yet. */
const lookAgainMs = 50;

/**
 * A sandbox by name, running or not. `status` and `updatedAt` are of the moment the handle was made; `refresh()` gives a newer one.
 */
export class SandboxHandle extends SandboxBase {
  readonly status: SandboxStatus;
  /** When it was made, or its machine last began to run, was told to stop, or ended. */
  readonly updatedAt: Date;

  /** @internal */
  constructor(
    environment: Environment,
    directory: SandboxDirectory,
    record: SandboxRecord,
    status: SandboxStatus,
  ) {
    super(environment, directory, record);
    this.status = status;
    this.updatedAt = directory.changedAt();
  }

  /** @internal */
  static async open(environment: Environment, directory: SandboxDirectory): Promise<SandboxHandle> {
    const record = directory.record();
    const holder = await directory.holder();
    if (holder?.kind === 'relay') native.closeFd(holder.pidfd);
    return new SandboxHandle(environment, directory, record, statusOf(holder, directory.exitRecord()));
  }

  get createdAt(): Date {
    return new Date(this.record.createdAt);
  }

  /** How the machine of its last run came to run, and where the time went; null when it never has. */
  get bootRecord(): BootRecord | null {
    return this.directory.bootRecord();
  }

  config(): SandboxConfig {
    return this.configuration;
  }

  get configJson(): string {
    return JSON.stringify(this.configuration);
  }

  /** The same sandbox as it is now. @throws SandboxNotFoundError, SandboxReplacedError */
  async refresh(): Promise<SandboxHandle> {
    this.directory.expectId(this.id);
    return SandboxHandle.open(this.environment, this.directory);
  }

  /** Boots it again on the disk that it had, owned by this process. @throws SandboxStillRunningError, BootFailedError */
  async start(): Promise<Sandbox> {
    this.directory.expectId(this.id);
    return Sandbox.boot(this.environment, this.directory, defaultBootTimeoutMs);
  }

  /** Like {@link start}, but the machine outlives this process. */
  async startDetached(): Promise<Sandbox> {
    const sandbox = await this.start();
    await sandbox.detach();
    return sandbox;
  }

  /** Connects to the running sandbox without owning it; waits up to 10,000 ms for its agent. @throws SandboxNotRunningError */
  connect(): Promise<Sandbox> {
    return this.connectWithTimeout(connectTimeoutMs);
  }

  async connectWithTimeout(timeoutMs: number): Promise<Sandbox> {
    const { status } = await this.refresh();
    if (status === 'stopped' || status === 'crashed') {
      throw new SandboxNotRunningError(
        `Sandbox "${this.name}" is ${status}. Start it with start(), then connect.`,
      );
    }
    (await this.openLine(timeoutMs)).close();
    return new Sandbox(this.environment, this.directory, this.record, null);
  }

  /**
   * Connects to it when it runs, or comes up; starts it otherwise, also after waiting for the end of a stop. Only who starts it owns it.
   *
   * @param options.detached whether the machine outlives this process, should it be started; default false.
   * @throws what {@link connect} and {@link start} throw; TimeoutError when it neither comes up nor ends within 70 s.
   */
  async connectOrStart({ detached = false }: { detached?: boolean } = {}): Promise<Sandbox> {
    for (const deadline = monotonicMs() + comeUpMs; ; await delay(lookAgainMs)) {
      const { status } = await this.refresh();
      if (status === 'draining') {
        if (monotonicMs() < deadline) continue;
        throw new TimeoutError(`Sandbox "${this.name}" is still being stopped after ${comeUpMs} ms.`);
      }
      try {
        if (status !== 'stopped' && status !== 'crashed') return await this.connect();
        return detached ? await this.startDetached() : await this.start();
      } catch (error) {
        // Another process starts or ends it, so that it is something else by now, or about to be.
        if (!((isOfState(error) || isNotThereYet(error)) && monotonicMs() < deadline)) throw error;
      }
    }
  }

  /**
   * Stops it and boots it again on its disk, owned by this process. One that does not run is started.
   *
   * @throws SandboxCrashedError when it did not stop properly; what {@link start} throws.
   */
  async restart(options: RestartOptions = {}): Promise<Sandbox> {
    await this.#end(options);
    return options.detached ? this.startDetached() : this.start();
  }

  /** Stops it, if it runs, and removes it with its disk. */
  async destroy(options: DestroyOptions = {}): Promise<void> {
    try {
      await this.#end(options);
    } catch (error) {
      if (!(error instanceof SandboxCrashedError)) throw error; // what it may have lost goes anyway
    }
    await this.remove();
  }

  async #end({ force = false, timeoutMs = stopTimeoutMs }: DestroyOptions): Promise<void> {
    if (force) await this.killWithTimeout(timeoutMs);
    else await this.stopWithTimeout(timeoutMs);
  }

  /** Removes the sandbox, which must be stopped, with its disk. @throws SandboxStillRunningError */
  async remove(): Promise<void> {
    this.directory.expectId(this.id);
    await this.directory.remove(await this.directory.acquire());
  }

  /** The last lines that the guest's console and its VMM printed, safe for a terminal. Works on stopped sandboxes too. */
  async consoleTail(lines = 200): Promise<string> {
    const parts = [this.directory.consoleLog, this.directory.vmmLog].map((path) =>
      logTail(path, { lines, bytes: lines * 400 }),
    );
    return parts.filter(Boolean).join('\n');
  }
}

/** How a sandbox is ended before it is removed. */
export interface DestroyOptions {
  /** Whether it is killed rather than stopped; what its guest has not synced is lost. Default false. */
  force?: boolean;
  /** The budget for that, in milliseconds, as in `stopWithTimeout()` and `killWithTimeout()`; default 10,000. */
  timeoutMs?: number;
}

/** How a sandbox is ended before it is started again. */
export interface RestartOptions extends DestroyOptions {
  /** Whether the machine then outlives this process; default false. */
  detached?: boolean;
}

/** One page of `Sandbox.list()`. */
export interface SandboxPage {
  sandboxes: SandboxHandle[];
  /** For the next page; absent on the last. */
  nextCursor?: string;
}

/** Which page of sandboxes to list. */
export class SandboxListBuilder {
  #limit = pageSize;
  #cursor: string | undefined;
  readonly #labels = new Map<string, string>();

  /** Sandboxes on the page: 1 to 100, default 20. */
  limit(limit: number): this {
    if (!Number.isInteger(limit) || limit < 1 || limit > maxPageSize) {
      throw new InvalidConfigError(`A page of sandboxes has 1 to ${maxPageSize} of them, not ${limit}.`);
    }
    this.#limit = limit;
    return this;
  }

  /** The `nextCursor` of the page before. */
  cursor(cursor: string): this {
    this.#cursor = cursor;
    return this;
  }

  /** Only sandboxes that have this label; with several, those that have all of them. */
  label(key: string, value: string): this {
    this.#labels.set(key, value);
    return this;
  }

  labels(labels: Readonly<Record<string, string>>): this {
    for (const [key, value] of Object.entries(labels)) this.label(key, value);
    return this;
  }

  /** @internal */
  async run(environment: Environment): Promise<SandboxPage> {
    const handles: SandboxHandle[] = [];
    let last: string | undefined;
    for (const directory of await environment.sandboxes.list()) {
      const handle = await openIfThere(environment, directory);
      if (!handle || (this.#cursor !== undefined && cursorOf(handle) <= this.#cursor)) continue;
      if (!this.#isWanted(handle)) continue;
      if (handles.length === this.#limit)
        return { sandboxes: handles, ...(last === undefined ? {} : { nextCursor: last }) };
      handles.push(handle);
      last = cursorOf(handle);
    }
    return { sandboxes: handles };
  }

  #isWanted(handle: SandboxHandle): boolean {
    const { labels } = handle.config();
    return [...this.#labels].every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
  }
}

function isOfState(error: unknown): boolean {
  return (
    error instanceof SandboxStillRunningError ||
    error instanceof SandboxNotRunningError ||
    error instanceof SandboxCrashedError
  );
}

/** Of a machine whose relay lives, and does not listen yet. */
function isNotThereYet(error: unknown): boolean {
  const cause = error instanceof AgentProtocolError ? error.cause : undefined;
  return cause instanceof AgentGoneError && ['ENOENT', 'ECONNREFUSED'].includes(errnoOf(cause.cause) ?? '');
}

function cursorOf(handle: SandboxHandle): string {
  return `${handle.createdAt.toISOString()} ${handle.id}`;
}

async function openIfThere(
  environment: Environment,
  directory: SandboxDirectory,
): Promise<SandboxHandle | undefined> {
  try {
    return await SandboxHandle.open(environment, directory);
  } catch (error) {
    if (error instanceof SandboxNotFoundError) return undefined; // removed since it was listed
    throw error;
  }
}
