import { monotonicMs } from '../host/clock.js';
import type { SandboxRecord } from '../store/record.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import type { Qmp } from '../vmm/qmp.js';
import { type Cloned, clone, cloneUpper } from './clone.js';
import type { CloneSource } from './clone-source.js';
import type { Environment } from './environment.js';
import { unclaimed } from './first-frame.js';
import type { Created, RunningMachine } from './machine.js';
import { rehearse, renew } from './rehearsal.js';
import type { Shape } from './shape.js';

/** Commands that do nothing, or becoming another, are a matter of milliseconds; a machine that takes longer is given up for a fresh clone. */
const renewTimeoutMs = 5_000;

/**
 * A clone that waits to be asked for: it has run its first command, and stands still, so that it uses nothing but memory. Its sandbox
 * has no name yet, and nobody sees it. Should this process die, its relay removes it.
 */
export class ReadyMachine {
  readonly #environment: Environment;
  #directory: SandboxDirectory;
  readonly #id: string;
  readonly #machine: RunningMachine;
  readonly #qmp: Qmp;

  private constructor(
    environment: Environment,
    directory: SandboxDirectory,
    id: string,
    { machine, qmp }: Cloned,
  ) {
    this.#environment = environment;
    this.#directory = directory;
    this.#id = id;
    this.#machine = machine;
    this.#qmp = qmp;
  }

  /** @throws CloneFailedError, IoError; the signal's reason. Nothing is left then. */
  static async prepare(
    environment: Environment,
    source: CloneSource,
    shape: Shape,
    record: SandboxRecord,
    bounds: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<ReadyMachine> {
    const unnamed = await environment.sandboxes.prepare((directory) => cloneUpper(source, directory));
    const { directory } = unnamed;
    let ready: ReadyMachine | undefined;
    try {
      const cloned = await clone(environment, source, shape, unnamed, unclaimed(record), bounds);
      ready = new ReadyMachine(environment, directory, record.id, cloned);
      const { connection } = cloned.machine;
      await rehearse(connection, { ...bounds, timeoutMs: renewTimeoutMs });
      await cloned.qmp.execute('stop');
      bounds.signal.throwIfAborted();
      connection.rest();
      return ready;
    } catch (error) {
      await (ready ?? directory).discard();
      throw error;
    }
  }

  /**
   * Gives it its name, and lets it go on as that sandbox, but for the id: it keeps its own, which is in its guest already.
   *
   * @throws SandboxAlreadyExistsError, and it is as it was before; anything else when it is no good, and is to be discarded.
   */
  async take(wanted: SandboxRecord): Promise<Created> {
    const begin = monotonicMs();
    const record = { ...wanted, id: this.#id };
    const goesOn = this.#qmp.execute('cont'); // its guest wakes up while its sandbox gets a name
    goesOn.catch(() => {}); // reported below
    const directory = await this.#name(record, goesOn);
    this.#machine.connection.takeUp();
    const renewed = renew(this.#machine.connection, record, { timeoutMs: renewTimeoutMs });
    const [agent] = await Promise.all([renewed, goesOn]);
    this.#qmp[Symbol.dispose]();
    this.#machine.connection.rest();
    const times = { origin: 'pool', renewMs: agent.renewMs, totalMs: monotonicMs() - begin, agent } as const;
    const bootTimes = { ...this.#machine.bootTimes, ...times };
    return { directory, record, machine: { ...this.#machine, bootTimes } };
  }

  async #name(record: SandboxRecord, goesOn: Promise<void>): Promise<SandboxDirectory> {
    try {
      this.#directory = this.#environment.sandboxes.name(this.#directory, record);
      return this.#directory;
    } catch (error) {
      await goesOn;
      await this.#qmp.execute('stop');
      throw error;
    }
  }

  /** Ends it and removes it. */
  async discard(): Promise<void> {
    this.#machine.connection.close();
    this.#qmp[Symbol.dispose]();
    await this.#machine.hold.end();
    await this.#directory.discard();
  }
}
