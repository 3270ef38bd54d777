import type { AgentConnection } from '../agent/connection.js';
import { start as startMachine } from '../engine/create.js';
import { type Environment, environmentFrom } from '../engine/environment.js';
import type { BootTimes, RunningMachine } from '../engine/machine.js';
import { SandboxNotFoundError, SandboxReplacedError } from '../errors.js';
import type { Accelerator } from '../host/hypervisor.js';
import type { SandboxConfig, SandboxRecord } from '../store/record.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import { AttachOptionsBuilder, attach } from './attach.js';
import { applyDefaults, defaultCommand, stopSignalOf } from './exec-defaults.js';
import { ExecHandle } from './exec-handle.js';
import { ExecJournal, type ExecRecord } from './exec-journal.js';
import { type ExecOptions, ExecOptionsBuilder, type ExecOutput, Stdin } from './exec-types.js';
import { SandboxFsOps } from './fs.js';
import { Line } from './line.js';
import { type ForwardOptions, PortForward } from './port-forward.js';
import { SandboxBase } from './sandbox-base.js';
import { SandboxBuilder } from './sandbox-builder.js';
import {
  type DestroyOptions,
  type RestartOptions,
  SandboxHandle,
  SandboxListBuilder,
  type SandboxPage,
} from './sandbox-handle.js';
import { checkPort, type TcpConnectOptions, TcpStream } from './tcp-stream.js';
import { WaitFor } from './wait-for.js';

/** Kept for the next commands; each is a place of the 128 that a sandbox has for clients. */
const idleConnectionsMax = 4;

/**
 * A running microVM. The one who created or started it owns it: should this process end, in whatever way, the machine
 * ends with it. `detach()` gives that up.
 */
export class Sandbox extends SandboxBase implements AsyncDisposable {
  readonly #machine: RunningMachine | null;
  readonly #journal = new ExecJournal();
  /** Connections that nobody uses now, the last one given back first. */
  readonly #idle: AgentConnection[] = [];
  readonly #forwards = new Set<PortForward>();
  readonly #fs = new SandboxFsOps((timeoutMs, signal) => this.openLine(timeoutMs, signal));
  #owns: boolean;
  /** Given up or gone: nothing is kept for later any more. */
  #isOver = false;

  /** @internal */
  constructor(
    environment: Environment,
    directory: SandboxDirectory,
    record: SandboxRecord,
    machine: RunningMachine | null,
  ) {
    super(environment, directory, record);
    this.#machine = machine;
    if (machine?.connection) this.#idle.push(machine.connection);
    this.#owns = machine !== null;
  }

  /** Begins a new sandbox. */
  static builder(name: string): SandboxBuilder {
    return new SandboxBuilder(name);
  }

  /** Boots a sandbox that is stopped, and owns it. @throws SandboxNotFoundError, SandboxStillRunningError, BootFailedError */
  static async start(name: string): Promise<Sandbox> {
    return (await Sandbox.get(name)).start();
  }

  /** Like {@link start}, but the machine outlives this process. */
  static async startDetached(name: string): Promise<Sandbox> {
    return (await Sandbox.get(name)).startDetached();
  }

  /** A handle to a sandbox, running or not. @throws SandboxNotFoundError */
  static async get(name: string): Promise<SandboxHandle> {
    const environment = environmentFrom();
    return SandboxHandle.open(environment, environment.sandboxes.find(name));
  }

  /** The first 20 sandboxes, oldest first. */
  static list(): Promise<SandboxPage> {
    return Sandbox.listWith((list) => list);
  }

  /** A page of sandboxes, oldest first. */
  static async listWith(configure: (list: SandboxListBuilder) => SandboxListBuilder): Promise<SandboxPage> {
    return configure(new SandboxListBuilder()).run(environmentFrom());
  }

  /** Removes a sandbox that is stopped, with its disk. @throws SandboxStillRunningError, SandboxNotFoundError */
  static async remove(name: string): Promise<void> {
    await (await Sandbox.get(name)).remove();
  }

  /** @internal Where its processes say they run, if that is not where it is. */
  get bornAt(): string {
    return this.directory.bornAt;
  }

  /** Whether the machine ends with this process. */
  get ownsLifecycle(): boolean {
    return this.#owns;
  }

  /** How long the boot took, phase by phase; null for a sandbox that was connected to. */
  get bootTimes(): BootTimes | null {
    return this.#machine?.bootTimes ?? null;
  }

  /** What executes the guest; null for a sandbox that was connected to. */
  get accelerator(): Accelerator | null {
    return this.#machine?.accelerator ?? null;
  }

  async config(): Promise<SandboxConfig> {
    return this.configuration;
  }

  /** Runs a command to its end. A command that fails resolves too: see `success`. @throws ExecFailedError when it cannot be started. */
  exec(cmd: string, args: Iterable<string> = []): Promise<ExecOutput> {
    return this.execWith(cmd, (options) => options.args(args));
  }

  async execWith(
    cmd: string,
    configure: (options: ExecOptionsBuilder) => ExecOptionsBuilder,
  ): Promise<ExecOutput> {
    return (await this.execStreamWith(cmd, configure)).collect();
  }

  /** Starts a command and gives its events as they happen. */
  execStream(cmd: string, args: Iterable<string> = []): Promise<ExecHandle> {
    return this.execStreamWith(cmd, (options) => options.args(args));
  }

  async execStreamWith(
    cmd: string,
    configure: (options: ExecOptionsBuilder) => ExecOptionsBuilder,
  ): Promise<ExecHandle> {
    return this.#run(cmd, configure(new ExecOptionsBuilder()).options);
  }

  async #run(cmd: string, options: ExecOptions): Promise<ExecHandle> {
    applyDefaults(options, this.configuration);
    const entry = this.#journal.begin(cmd, options.args);
    try {
      const line = await this.openLine(undefined, options.signal);
      return await ExecHandle.start(line, cmd, options, entry);
    } catch (error) {
      entry.failed(error);
      throw error;
    }
  }

  /**
   * Runs the command that the sandbox is for: the entry point and arguments of its image, or of its builder. If the image names a stop
   * signal, a graceful stop sends that to this command first, and waits for it.
   *
   * @throws NoDefaultCommandError when nobody named one; ImageError when the image's stop signal is none that there is.
   */
  execDefault(): Promise<ExecOutput> {
    return this.execDefaultWith((options) => options);
  }

  /** Like {@link execDefault}; arguments that `configure` adds come after those that there are. */
  async execDefaultWith(configure: (options: ExecOptionsBuilder) => ExecOptionsBuilder): Promise<ExecOutput> {
    return (await this.execDefaultStreamWith(configure)).collect();
  }

  execDefaultStream(): Promise<ExecHandle> {
    return this.execDefaultStreamWith((options) => options);
  }

  async execDefaultStreamWith(
    configure: (options: ExecOptionsBuilder) => ExecOptionsBuilder,
  ): Promise<ExecHandle> {
    const { program, args } = defaultCommand(this.configuration);
    const stopSignal = stopSignalOf(this.record);
    return this.execStreamWith(program, (builder) => {
      builder.options.stopSignal = stopSignal;
      return configure(builder.args(args));
    });
  }

  /** Runs a script with the sandbox's shell. */
  shell(script: string): Promise<ExecOutput> {
    return this.exec(this.configuration.shell, ['-c', script]);
  }

  shellStream(script: string): Promise<ExecHandle> {
    return this.execStream(this.configuration.shell, ['-c', script]);
  }

  /**
   * Runs a command at this process's own terminal: keys, colours, window size. It has the terminal until it ends, or until somebody
   * presses the detach keys, Ctrl-] unless {@link attachWith} says otherwise; then the command goes on in the guest, and nobody reads what
   * it writes. Nothing else may read `process.stdin` meanwhile. The terminal is as it was afterwards, however this ends.
   *
   * @returns its exit status as a shell has it: its exit code, or 128 + n when signal n ended it; 0 after the detach keys.
   * @throws TerminalError where stdin is no terminal, or another command has it; ExecFailedError; what `ExecHandle.recv()` throws.
   */
  attach(cmd: string, args: Iterable<string> = []): Promise<number> {
    return this.attachWith(cmd, (options) => options.args(args));
  }

  async attachWith(
    cmd: string,
    configure: (options: AttachOptionsBuilder) => AttachOptionsBuilder,
  ): Promise<number> {
    const { options, attachment } = configure(new AttachOptionsBuilder());
    return attach((terminal) => this.#run(cmd, { ...options, terminal, stdin: Stdin.pipe() }), attachment);
  }

  /** The sandbox's shell, interactively. */
  attachShell(): Promise<number> {
    return this.attach(this.configuration.shell);
  }

  /** What the sandbox is for, as `execDefault()` runs it. @throws NoDefaultCommandError */
  attachDefault(): Promise<number> {
    return this.attachDefaultWith((options) => options);
  }

  async attachDefaultWith(
    configure: (options: AttachOptionsBuilder) => AttachOptionsBuilder,
  ): Promise<number> {
    const { program, args } = defaultCommand(this.configuration);
    return this.attachWith(program, (options) => configure(options.args(args)));
  }

  /** Waits until something holds in the machine: a port, a line of the log, a file, a command, its end. */
  readonly waitFor = new WaitFor(this);

  /** The guest's files. */
  fs(): SandboxFsOps {
    return this.#fs;
  }

  /**
   * Connects to a port of the guest, through its agent: no network device is needed, and what listens on the guest's loopback only can
   * be talked to. The stream is a Node `Duplex`.
   *
   * @throws ConnectFailedError where nobody listens, say; TimeoutError; InvalidConfigError.
   */
  async connect(port: number, options: TcpConnectOptions = {}): Promise<TcpStream> {
    checkPort(port, 'connect');
    return TcpStream.open(await this.openLine(options.timeoutMs, options.signal), port, options);
  }

  /**
   * Makes a port of the guest one of this host, until it is closed or this object disposed of:
   * `await fetch((await sandbox.forward(8080)).url)`.
   *
   * @throws IoError where this host's port is taken; InvalidConfigError.
   */
  async forward(port: number, options: ForwardOptions = {}): Promise<PortForward> {
    checkPort(port, 'forward');
    const forward = await PortForward.open(() => this.connect(port), options);
    this.#forwards.add(forward);
    return forward;
  }

  /**
   * The last 32 commands that were run through this object, oldest first, as they stand now: what to look at when a test has
   * failed. Not what environment they had, nor what they were given to read, since both hold secrets.
   */
  recentExecs(): readonly ExecRecord[] {
    return this.#journal.records();
  }

  /**
   * Stops the machine and boots it again on its disk; the object that this gives is the one to go on with.
   *
   * @throws what `SandboxHandle.restart()` throws.
   */
  async restart(options: RestartOptions = {}): Promise<Sandbox> {
    const again = await (await this.#handle()).restart(options);
    await this.#letGo();
    return again;
  }

  /** Stops the machine and removes the sandbox with its disk. */
  async destroy(options: DestroyOptions = {}): Promise<void> {
    await (await this.#handle()).destroy(options);
    await this.#letGo();
  }

  /** Of a machine that is gone. */
  async #letGo(): Promise<void> {
    this.#owns = false;
    this.#closeIdle();
    await this.#machine?.hold.release();
  }

  async #handle(): Promise<SandboxHandle> {
    this.directory.expectId(this.id);
    return SandboxHandle.open(this.environment, this.directory);
  }

  /** Gives up the ownership: the machine outlives this process, and this object's disposal. */
  async detach(): Promise<void> {
    this.#owns = false;
    this.#closeIdle();
    this.#machine?.hold.detach();
  }

  /** Stops the machine gracefully if this object owns it; an ephemeral one is killed and removed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#forwards].map((forward) => forward.close()));
    if (!this.#owns) return;
    this.#owns = false;
    try {
      if (!this.configuration.ephemeral) await this.stop();
      else {
        await this.kill();
        await (await SandboxHandle.open(this.environment, this.directory)).remove();
      }
    } catch (error) {
      // Removed or replaced by hand, which leaves nothing to do.
      if (!(error instanceof SandboxNotFoundError || error instanceof SandboxReplacedError)) throw error;
    } finally {
      this.#closeIdle();
      await this.#machine?.hold.release();
    }
  }

  /** @internal */
  protected override async openLine(timeoutMs?: number, signal?: AbortSignal): Promise<Line> {
    const idle = this.#idle.pop();
    if (!idle) return super.openLine(timeoutMs, signal);
    if (!idle.isOpen) return this.openLine(timeoutMs, signal);
    try {
      this.directory.expectId(this.id);
      signal?.throwIfAborted();
    } catch (error) {
      idle.close();
      throw error;
    }
    idle.takeUp();
    return new Line(idle, this.explainLoss, this.keepConnection);
  }

  /** @internal */
  protected override readonly keepConnection = (connection: AgentConnection) => {
    if (this.#isOver || this.#idle.length === idleConnectionsMax) {
      connection.close();
      return;
    }
    connection.rest();
    this.#idle.push(connection);
  };

  #closeIdle(): void {
    this.#isOver = true;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  /** @internal */
  static async boot(
    environment: Environment,
    directory: SandboxDirectory,
    timeoutMs: number,
  ): Promise<Sandbox> {
    const { record, machine } = await startMachine(environment, directory, { timeoutMs });
    return new Sandbox(environment, directory, record, machine);
  }
}
