import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { crashed } from '../engine/ending.js';
import { type Environment, environmentFrom } from '../engine/environment.js';
import {
  BootFailedError,
  isMicrosandboxError,
  SandboxNotFoundError,
  SandboxNotRunningError,
  SandboxReplacedError,
  SandboxStillRunningError,
  TestMachineError,
} from '../errors.js';
import { isError } from '../host/any-realm.js';
import { clearTimeout, setTimeout } from '../host/clock.js';
import { logTail } from '../host/console-tail.js';
import { Sandbox } from '../sandbox/sandbox.js';
import { sandboxLeaks } from './leaks.js';
import { configure, type MachineOptions } from './machine-options.js';
import { nextMachines } from './next-machines.js';
import { ParentWatch } from './parent-watch.js';
import { pullNews } from './pull-news.js';
import { hostShare, type QueuePosition, type Share, type Slot, Slots } from './slots.js';
import { templateNews } from './template-news.js';

/** The test, or the part of a run, that a machine is for. */
export interface TestIdentity {
  /** The test file, as the runner shows it. */
  readonly file: string;
  /** The test's name with those of its suites. */
  readonly name: string;
}

/**
 * @param path of the test file.
 * @param project what the runner calls the part of its configuration that the file is run in; empty for none.
 * @param names of the suites around the test, from the outermost, and of the test.
 */
export function testIdentity(path: string, project: string, names: readonly string[]): TestIdentity {
  const file = relative(process.cwd(), path);
  return { file: project === '' ? file : `[${project}] ${file}`, name: names.join(' > ') };
}

/**
 * Killing and removing takes tens of milliseconds; the pieces it is made of have bounds of their own, 15,000 ms for a relay that
 * must be killed. What takes longer than this is a machine in distress.
 */
const removalTimeoutMs = 30_000;

/** After this time in the queue, a person is told of it. */
const wonderMs = 1_000;

/** Between two tries to remove a machine that its test is just starting or stopping. */
const removalRetryMs = 50;

/** The file that says of a sandbox's directory that it was kept on purpose, and where it was born. */
export const keptMark = 'kept';

const testLabel = 'msbtest.test';
const fileLabel = 'msbtest.file';

/** The test that a sandbox was made for, in words; undefined for one that no test's machine is. */
export function testOf(labels: Readonly<Record<string, string>> | undefined): string | undefined {
  const name = labels?.[testLabel];
  return name === undefined ? undefined : `${labels?.[fileLabel]} > ${name}`;
}

/**
 * One machine of a test, from the queue for a place on this host to its removal. It is owned from the first moment: whenever
 * `end()` is called, during the wait, the boot, or after the test has stopped, detached or restarted its sandbox, nothing is left
 * afterwards.
 */
export class TestMachine {
  readonly name: string;
  readonly options: MachineOptions;
  /** Settles with the boot. @throws TestMachineError */
  readonly sandbox: Promise<Sandbox>;
  readonly #test: TestIdentity;
  readonly #environment: Environment = environmentFrom();
  readonly #abort = new AbortController();
  readonly #parent = new ParentWatch();
  #slot: Slot | undefined;
  #running: Sandbox | undefined;
  #end: Promise<string | null> | undefined;

  /**
   * @param hooks.mayWait false for the machine of somebody who has one already; see {@link Slots.claim}.
   * @param hooks.log hears of what takes longer than one would think: a wait in the queue, a template that has to be made first.
   * @param hooks.onDeath hears once when the machine ends by itself.
   */
  constructor(
    test: TestIdentity,
    options: MachineOptions,
    hooks: {
      readonly mayWait: boolean;
      readonly log?: ((line: string) => void) | undefined;
      readonly onDeath?: ((error: TestMachineError) => void) | undefined;
    },
  ) {
    this.#test = test;
    this.options = options;
    this.name = machineName(test);
    this.sandbox = this.#boot(hooks);
    this.sandbox.then(
      (sandbox) => this.#watch(sandbox, hooks.onDeath),
      () => {}, // whoever awaits the sandbox hears of it
    );
  }

  /** Milliseconds in the queue for a place on this host. */
  get waitedMs(): number {
    return this.#slot?.waitedMs ?? 0;
  }

  /** The sandbox, once it has booted. */
  get running(): Sandbox | undefined {
    return this.#running;
  }

  /** Why the machine cannot be used any more, if it ended by itself; asked now, where {@link #watch} may be a moment behind. */
  async death(): Promise<TestMachineError | undefined> {
    if (!this.#running || this.#end) return undefined;
    try {
      const { status } = await Sandbox.get(this.name);
      if (status !== 'crashed') return undefined;
      return this.#error('run', 'ended by itself', crashed(this.#directory, this.name, 'its test ran'));
    } catch (error) {
      if (error instanceof SandboxNotFoundError) return undefined; // removed by its test: that is no death
      throw error;
    }
  }

  /** The last lines of the guest's console and of the VMM's own output. */
  logs(lines: number, bytes: number): { readonly console: string; readonly vmm: string } {
    const { consoleLog, vmmLog } = this.#directory;
    return { console: logTail(consoleLog, { lines, bytes }), vmm: logTail(vmmLog, { lines, bytes }) };
  }

  /**
   * Kills the machine and removes it, or lets it stay if it is to be kept for a test that failed. However often it is called, it
   * happens once. Takes 30,000 ms at the most.
   *
   * @returns the command line that leads into a machine that was kept; null when it is gone.
   * @throws TestMachineError when it could not be removed, or left something behind.
   */
  end({ failed }: { readonly failed: boolean }): Promise<string | null> {
    this.#end ??= this.#finish(failed).finally(() => this.#parent[Symbol.dispose]());
    return this.#end;
  }

  get #directory() {
    return this.#environment.sandboxes.at(this.name);
  }

  async #boot({ mayWait, log }: { mayWait: boolean; log?: ((line: string) => void) | undefined }) {
    const { signal } = this.#abort;
    try {
      const builder = configure(Sandbox.builder(this.name), this.options)
        .ephemeral(true)
        .labels({ [testLabel]: this.#test.name, [fileLabel]: this.#test.file });
      const config = builder.checked();
      const capacity = hostShare(this.#environment.accelerator === 'tcg');
      const slots = new Slots(join(this.#environment.places.cache, 'slots'), capacity);
      this.#slot = await this.#claim(slots, config, mayWait, log);
      const tell = templateNews(log);
      const tellOfPull = pullNews(log);
      this.#running = await builder.create({
        signal,
        pool: nextMachines.pool,
        onTemplate: (progress) => tell(config, progress),
        onPull: (progress) => tellOfPull(config, progress),
      });
      return this.#running;
    } catch (error) {
      throw this.#error(this.#slot ? 'boot' : 'queue', 'did not come up', error);
    }
  }

  async #claim(slots: Slots, share: Share, wait: boolean, log: ((line: string) => void) | undefined) {
    using teller = this.#tellOfQueue(log);
    return await slots.claim(share, { wait, signal: this.#abort.signal, onWait: teller.hear });
  }

  /** Says where in the queue we are, once that has taken long enough for somebody to wonder. */
  #tellOfQueue(log: ((line: string) => void) | undefined) {
    let position: QueuePosition | undefined;
    let wondering = false;
    const tell = () => {
      if (!position || !wondering) return;
      const { running, ahead } = position;
      log?.(
        `The microVM of "${this.#test.name}" waits for a place on this host: ${running} running, ${ahead} to come first.`,
      );
    };
    const timer = setTimeout(() => {
      wondering = true;
      tell();
    }, wonderMs);
    return {
      hear: (now: QueuePosition) => {
        position = now;
        tell();
      },
      [Symbol.dispose]: () => clearTimeout(timer),
    };
  }

  /** Tells of a machine that ends without anybody having stopped or killed it. */
  async #watch(sandbox: Sandbox, onDeath: ((error: TestMachineError) => void) | undefined): Promise<void> {
    try {
      await sandbox.waitUntilStopped({ signal: this.#abort.signal });
      const death = await this.death();
      if (death) onDeath?.(death);
    } catch (error) {
      if (this.#end || this.#abort.signal.aborted) return;
      // Removed or replaced by its test.
      if (error instanceof SandboxNotFoundError || error instanceof SandboxReplacedError) return;
      onDeath?.(this.#error('run', 'was lost', error));
    }
  }

  async #finish(failed: boolean): Promise<string | null> {
    if (failed && this.options.keep === 'on-failure' && this.#running) {
      const command = await this.#keep(this.#running);
      if (command !== null) return command;
    }
    this.#abort.abort(new Error('its test is over'));
    const removed = this.#remove();
    removed.catch(() => {}); // heard of below, or too late
    const late = new AbortController();
    try {
      await Promise.race([
        removed,
        delay(removalTimeoutMs, undefined, { signal: late.signal }).then(() => {
          throw new Error(`it was not gone within ${removalTimeoutMs} ms`);
        }),
      ]);
    } catch (error) {
      throw this.#error('removal', 'could not be removed', error);
    } finally {
      late.abort();
    }
    const { path, sockets } = this.#directory;
    const leaks = sandboxLeaks({ path, sockets, bornAt: this.#running?.bornAt ?? path });
    if (leaks.length > 0) {
      throw this.#error('leak check', 'left something behind', new Error(`${leaks.join('; ')}.`));
    }
    return null;
  }

  /** Lets a machine that runs outlive this process. @returns null when it does not run, so that there is nothing to see. */
  async #keep(sandbox: Sandbox): Promise<string | null> {
    try {
      const { status } = await Sandbox.get(this.name);
      if (status !== 'running') return null;
      writeFileSync(join(this.#directory.path, keptMark), sandbox.bornAt, { mode: 0o600 });
      await sandbox.detach();
      this.#abort.abort(new Error('it is kept')); // or the watch would keep this process from ending
      this.#slot?.[Symbol.dispose]();
      const { home, runtime } = this.#environment.places;
      return `MSB_HOME=${home} MSB_RUNTIME_DIR=${runtime} npx msbtest exec -it ${this.name} -- sh`;
    } catch (error) {
      if (isMicrosandboxError(error)) return null; // it went in this moment
      throw error;
    }
  }

  async #remove(): Promise<void> {
    try {
      const sandbox = await this.sandbox.catch(() => undefined); // a boot that fails leaves nothing
      await sandbox?.[Symbol.asyncDispose]();
      // It may have been detached, restarted or replaced by its test: what has its name now goes too.
      while (!(await this.#gone())) await delay(removalRetryMs);
    } finally {
      this.#slot?.[Symbol.dispose]();
    }
  }

  async #gone(): Promise<boolean> {
    try {
      const handle = await Sandbox.get(this.name);
      await handle.kill();
      await handle.remove();
      return true;
    } catch (error) {
      if (error instanceof SandboxNotFoundError) return true;
      const changing =
        error instanceof SandboxNotRunningError ||
        error instanceof SandboxStillRunningError ||
        error instanceof SandboxReplacedError;
      if (!changing) throw error;
      return false;
    }
  }

  #error(phase: TestMachineError['phase'], what: string, cause: unknown): TestMachineError {
    const reason = isError(cause) ? cause.message : String(cause);
    const where = phase === 'boot' && cause instanceof BootFailedError ? `boot, ${cause.phase}` : phase;
    const console = (cause as { console?: unknown } | null)?.console;
    return new TestMachineError(
      `The microVM of "${this.#test.name}" ${what} (${where}): ${reason}`,
      phase,
      typeof console === 'string' ? console : '',
      { cause },
    );
  }
}

/** A name that says whose it is to whoever lists sandboxes. */
function machineName({ name }: TestIdentity): string {
  return `test-${slug(name, 40)}-${randomBytes(4).toString('hex')}`;
}

/** A name in letters, digits and `-`, as a file or a host can have it. */
export function slug(name: string, longest: number): string {
  const fit = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, longest)
    .replace(/-+$/, '');
  return fit || 'unnamed';
}
