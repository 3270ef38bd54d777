import { statusOf } from '../engine/ending.js';
import type { Environment } from '../engine/environment.js';
import { InvalidConfigError, SandboxNotFoundError, SandboxNotRunningError } from '../errors.js';
import { logTail } from '../host/console-tail.js';
import { native } from '../host/native.js';
import type { BootRecord, SandboxConfig, SandboxRecord, SandboxStatus } from '../store/record.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import { Sandbox } from './sandbox.js';
import { connectTimeoutMs, SandboxBase } from './sandbox-base.js';
import { defaultBootTimeoutMs } from './sandbox-builder.js';

const pageSize = 20;
const maxPageSize = 100;

/** A sandbox by name, running or not. `status` is of the moment the handle was made; `refresh()` gives a newer one. */
export class SandboxHandle extends SandboxBase {
  readonly status: SandboxStatus;

  /** @internal */
  constructor(
    environment: Environment,
    directory: SandboxDirectory,
    record: SandboxRecord,
    status: SandboxStatus,
  ) {
    super(environment, directory, record);
    this.status = status;
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

  /** @internal */
  async run(environment: Environment): Promise<SandboxPage> {
    const handles: SandboxHandle[] = [];
    let last: string | undefined;
    for (const directory of await environment.sandboxes.list()) {
      const handle = await openIfThere(environment, directory);
      if (!handle || (this.#cursor !== undefined && cursorOf(handle) <= this.#cursor)) continue;
      if (handles.length === this.#limit)
        return { sandboxes: handles, ...(last === undefined ? {} : { nextCursor: last }) };
      handles.push(handle);
      last = cursorOf(handle);
    }
    return { sandboxes: handles };
  }
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
