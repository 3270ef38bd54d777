import { clearTimeout, setTimeout } from '../host/clock.js';
import { pickAccelerator } from '../host/hypervisor.js';
import type { SandboxConfig, SandboxRecord } from '../store/record.js';
import { CloneFailedError } from './clone.js';
import type { CloneSource } from './clone-source.js';
import { cloneSources } from './clone-sources.js';
import type { Environment } from './environment.js';
import { enliven, releaseTemplates } from './live-templates.js';
import { newRecord } from './new-record.js';
import { ReadyMachine } from './ready-machine.js';
import { Shape } from './shape.js';
import { type TemplateProgress, templateFor } from './template-for.js';

/** More than one process can use at a time: one to be taken, and one more that is made while that one is used. */
const mostMembers = 2;

/** Nobody waits for it yet, but it shall not hang for ever. */
const prepareTimeoutMs = 60_000;

/** Nobody tells that the host has room again: another run's queue is empty, another program's memory is free. */
const askAgainMs = 500;

/** The leave to keep a machine that nobody has asked for; disposing of it gives it back. */
export type Leave = Disposable;

export interface PoolOptions {
  /** Asked before a machine is made; null where there is no place for it. */
  readonly leave: (config: SandboxConfig) => Promise<Leave | null>;
  /** Asked whenever something is foreseen: whether the host needs the memory of those that wait. */
  readonly isMemoryShort: () => boolean;
  /** Hears of a template that has to be made first. */
  readonly onTemplate?: ((config: SandboxConfig, progress: TemplateProgress) => void) | undefined;
}

/** One machine, ready or being made. */
interface Member {
  readonly key: string;
  readonly leave: Leave;
  readonly abort: AbortController;
  /** Null when it could not be made. */
  readonly machine: Promise<ReadyMachine | null>;
}

/**
 * Machines that are ready before they are asked for: clones that have become themselves, run a first command, and stand still. One
 * is made at a time, in the background, of what was last foreseen; it serves whoever asks for the same shape.
 */
export class MachinePool implements AsyncDisposable {
  readonly #environment: Environment;
  readonly #options: PoolOptions;
  readonly #members: Member[] = [];
  #foreseen: readonly SandboxConfig[] = [];
  #work: Promise<void> = Promise.resolve();
  #again: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(environment: Environment, options: PoolOptions) {
    this.#environment = environment;
    this.#options = options;
  }

  /** Tells what will be asked for next, the soonest first. Machines of other shapes are given up. */
  foresee(configs: readonly SandboxConfig[]): void {
    this.#foreseen = configs.slice(0, mostMembers);
    this.#begin();
  }

  /** Resolves when all that was foreseen is ready, or cannot be. */
  async settled(): Promise<void> {
    await this.#work;
    await Promise.all(this.#members.map(({ machine }) => machine));
  }

  /**
   * A machine of that shape, which is the caller's from now on; null when there is none. One that is being made is waited for, and
   * given up when the time is over.
   *
   * @throws the signal's reason.
   */
  async take(
    shape: Shape,
    record: SandboxRecord,
    { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<ReadyMachine | null> {
    signal?.throwIfAborted();
    const key = keyOf(shape, record);
    const index = this.#members.findIndex((member) => member.key === key);
    const [member] = index < 0 ? [] : this.#members.splice(index, 1);
    if (!member) return null;
    const onAbort = () => member.abort.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => member.abort.abort(new Error('it took too long')), timeoutMs);
    try {
      const machine = await member.machine;
      if (signal?.aborted) await machine?.discard();
      signal?.throwIfAborted();
      return machine;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      member.leave[Symbol.dispose]();
    }
  }

  /** Gives up all machines that nobody has taken, and what they were made from. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#again);
    this.#foreseen = [];
    for (const { abort } of this.#members) abort.abort(new Error('the pool is closed'));
    await this.#work;
    await Promise.all([...this.#members.splice(0).map(giveUp), releaseTemplates()]);
  }

  #begin(): void {
    clearTimeout(this.#again);
    this.#work = this.#work.then(() => this.#adapt()).catch(() => {}); // whoever asks for such a machine meets the same error
  }

  /** The host has no room now. It is asked again, as long as this process lives anyway. */
  #postpone(): void {
    clearTimeout(this.#again);
    if (!this.#closed) this.#again = setTimeout(() => this.#begin(), askAgainMs).unref();
  }

  async #adapt(): Promise<void> {
    const isShort = this.#options.isMemoryShort();
    if (isShort && this.#foreseen.length > 0) this.#postpone();
    const foreseen = isShort ? [] : this.#foreseen;
    const wanted = await Promise.all(
      foreseen.map(async (config) => {
        const record = await newRecord(this.#environment, config);
        const shape = new Shape(this.#environment, record, pickAccelerator(this.#environment.accelerator));
        return { key: keyOf(shape, record), shape, record };
      }),
    );
    const spare = [...this.#members];
    const missing = wanted.filter(({ key }) => {
      const index = spare.findIndex((member) => member.key === key);
      if (index >= 0) spare.splice(index, 1);
      return index < 0;
    });
    for (const member of spare) {
      if (this.#remove(member)) await giveUp(member);
    }
    for (const { key, shape, record } of missing) {
      if (key === null || this.#closed) return;
      const leave = await this.#options.leave(record.config);
      if (!leave) return this.#postpone();
      if (this.#closed) return leave[Symbol.dispose]();
      const abort = new AbortController();
      const machine = this.#prepare(shape, record, abort.signal);
      const member = { key, leave, abort, machine };
      this.#members.push(member);
      // One after another: they would only make each other slower, and whoever takes the first waits for it.
      if ((await machine) !== null) continue;
      if (this.#remove(member)) leave[Symbol.dispose]();
      return;
    }
  }

  /** @returns false when somebody was quicker to take it. */
  #remove(member: Member): boolean {
    const index = this.#members.indexOf(member);
    if (index >= 0) this.#members.splice(index, 1);
    return index >= 0;
  }

  async #prepare(shape: Shape, record: SandboxRecord, signal: AbortSignal): Promise<ReadyMachine | null> {
    const bounds = { timeoutMs: prepareTimeoutMs, signal };
    try {
      const template = await templateFor(this.#environment, shape, record, {
        ...bounds,
        onTemplate: (progress) => this.#options.onTemplate?.(record.config, progress),
      });
      if (template && this.#foreseen.length > 1) enliven(this.#environment, template, shape, record);
      for await (const source of cloneSources(this.#environment, shape, record, bounds)) {
        const machine = await this.#prepareFrom(source, shape, record, bounds);
        if (machine) return machine;
      }
    } catch {
      // whoever asks for one like it makes it himself, and hears why not
    }
    return null;
  }

  async #prepareFrom(
    source: CloneSource,
    shape: Shape,
    record: SandboxRecord,
    bounds: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<ReadyMachine | null> {
    try {
      return await ReadyMachine.prepare(this.#environment, source, shape, record, bounds);
    } catch (error) {
      if (!(error instanceof CloneFailedError)) throw error;
      if (error.isFault) await source.failed(record.config.name, error);
      return null;
    }
  }
}

/** What must be the same for a machine to serve instead of another. */
function keyOf(shape: Shape, { config }: SandboxRecord): string | null {
  const template = shape.templateKey();
  return template && `${template}${config.ephemeral ? '-ephemeral' : ''}`;
}

async function giveUp(member: Member): Promise<void> {
  member.abort.abort(new Error('it is not needed'));
  try {
    await (await member.machine)?.discard();
  } finally {
    member.leave[Symbol.dispose]();
  }
}
