import { AgentConnection, AgentGoneError } from '../agent/connection.js';
import { ended } from '../engine/end-relay.js';
import { crashed, describeExit, statusOf } from '../engine/ending.js';
import type { Environment } from '../engine/environment.js';
import {
  kill,
  requestKill,
  type SandboxStopResult,
  type StopResult,
  stop,
  waitUntilStopped,
} from '../engine/stop.js';
import { AgentProtocolError, type SandboxCrashedError, SandboxNotRunningError } from '../errors.js';
import { monotonicMs } from '../host/clock.js';
import { native } from '../host/native.js';
import type { SandboxConfig, SandboxRecord } from '../store/record.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import { Line } from './line.js';
import type { LogEntry, LogReadOptions, LogStreamOptions } from './log-entry.js';
import { LogStream } from './log-stream.js';
import { readLogs } from './read-logs.js';

/** A stop's budget when the caller names none, as in `microsandbox`; milliseconds. */
export const stopTimeoutMs = 10_000;
/** A kill's budget before the relay itself is killed. */
const killTimeoutMs = 5_000;
/** A relay that ends hangs up on its clients a moment before it is gone. */
const hangUpMs = 1_000;
/** For connecting to a machine that runs. */
export const connectTimeoutMs = 10_000;

export interface SandboxPingResult {
  readonly name: string;
  readonly latencyMs: number;
}

export interface SandboxTouchResult {
  readonly name: string;
  readonly activitySeq: number;
}

/** What a sandbox and a handle to one can both do; everything goes by identity, so a replacement is never mistaken for it. */
export abstract class SandboxBase {
  /** Unique in its home; at most 128 bytes of UTF-8. */
  readonly name: string;
  /** Changes when the name is removed and made again. */
  readonly id: string;
  readonly backendKind = 'local';
  /** @internal */
  protected readonly environment: Environment;
  /** @internal */
  protected readonly directory: SandboxDirectory;
  /** @internal */
  protected readonly record: SandboxRecord;

  /** @internal */
  constructor(environment: Environment, directory: SandboxDirectory, record: SandboxRecord) {
    this.environment = environment;
    this.directory = directory;
    this.record = record;
    this.name = record.config.name;
    this.id = record.id;
  }

  /** The path of the writable disk, an ext4 image. Only for reading, and only while the sandbox is stopped. */
  get diskPath(): string {
    return this.directory.upper;
  }

  /**
   * Stops gracefully: the guest writes everything to its disk before the machine goes. After 10,000 ms it is killed
   * instead, and the result says so.
   *
   * @throws SandboxCrashedError when the machine ended without having stopped properly.
   */
  stop(): Promise<StopResult> {
    return this.stopWithTimeout(stopTimeoutMs);
  }

  /** Like {@link stop}, with a budget in milliseconds; 0 kills at once. */
  async stopWithTimeout(timeoutMs: number): Promise<StopResult> {
    this.directory.expectId(this.id);
    return stop(this.directory, timeoutMs);
  }

  /** Another name for {@link stop}, which always waits. */
  stopAndWait(): Promise<StopResult> {
    return this.stop();
  }

  /** Gives the order to stop and does not wait for it to be carried out. */
  async requestStop(): Promise<void> {
    using line = await this.openLine();
    await line.connection.requestShutdown();
  }

  /** Ends the machine at once. What its guest had not synced is lost. */
  kill(): Promise<void> {
    return this.killWithTimeout(killTimeoutMs);
  }

  /** Like {@link kill}; past `timeoutMs` milliseconds the relay is killed with it. */
  async killWithTimeout(timeoutMs: number): Promise<void> {
    this.directory.expectId(this.id);
    return kill(this.directory, timeoutMs);
  }

  /** Gives the order to kill and does not wait for it to be carried out. */
  async requestKill(): Promise<void> {
    this.directory.expectId(this.id);
    return requestKill(this.directory);
  }

  /**
   * Waits until the machine is gone; has no bound of its own.
   *
   * @throws the reason of `signal`, within half a second of its abort.
   */
  async waitUntilStopped({ signal }: { readonly signal?: AbortSignal } = {}): Promise<SandboxStopResult> {
    this.directory.expectId(this.id);
    return waitUntilStopped(this.directory, signal);
  }

  /** Asks the agent for a sign of life. */
  async ping(): Promise<SandboxPingResult> {
    const line = await this.openLine();
    const begin = monotonicMs();
    await this.#ask(line, 'core.ping', 'core.pong');
    return { name: this.name, latencyMs: monotonicMs() - begin };
  }

  /** Counts as activity. */
  async touch(): Promise<SandboxTouchResult> {
    const answer = await this.#ask(await this.openLine(), 'core.touch', 'core.touched');
    return { name: this.name, activitySeq: answer.uint('activity_seq') };
  }

  /**
   * What the guest's commands wrote, oldest first, also of earlier runs and of a sandbox that is stopped; whatever process ran them.
   * The last 16 MiB or so are kept. Nothing is asked of the guest.
   *
   * @throws InvalidConfigError; MissedRotationError when the guest writes faster than this reads.
   */
  async logs(options: LogReadOptions = {}): Promise<LogEntry[]> {
    this.directory.expectId(this.id);
    return readLogs(this.directory.path, options);
  }

  /**
   * The same one by one, and with `follow` what comes, within moments, until the machine has ended.
   *
   * @throws InvalidConfigError; InvalidCursorError; MissedRotationError when what was to come behind the cursor is gone.
   */
  async logStream(options: LogStreamOptions = {}): Promise<LogStream> {
    this.directory.expectId(this.id);
    return new LogStream({ id: this.id, directory: this.directory }, options);
  }

  async #ask(line: Line, question: string, answer: string) {
    const { connection } = line;
    try {
      const id = connection.newId();
      await connection.send(question, {}, { id });
      const { type, payload, id: answered } = await connection.receive();
      if (type !== answer || answered !== id)
        throw new AgentProtocolError(`The agent answered ${question} with ${type}.`);
      line.giveBack();
      return payload;
    } catch (error) {
      line.close();
      throw error instanceof AgentGoneError ? await this.explainLoss(error) : error;
    }
  }

  /** @internal A line of its own for one piece of work. */
  protected async openLine(timeoutMs = connectTimeoutMs, signal?: AbortSignal): Promise<Line> {
    this.directory.expectId(this.id);
    try {
      const connection = await AgentConnection.connect(this.directory.agentSocket, { timeoutMs, signal });
      return new Line(connection, this.explainLoss, this.keepConnection);
    } catch (error) {
      throw error instanceof AgentGoneError ? await this.explainLoss(error) : error;
    }
  }

  /** @internal What it means that the agent's line is gone. */
  protected readonly explainLoss = async (cause: AgentGoneError): Promise<Error> => {
    const holder = await this.directory.holder();
    const relayLives = holder?.kind === 'relay' && !(await ended(holder.pidfd, hangUpMs));
    if (holder?.kind === 'relay') native.closeFd(holder.pidfd);
    if (relayLives) {
      return new AgentProtocolError(
        `The relay of sandbox "${this.name}" closed the connection, though the machine runs: too many clients, or one that did not read.`,
        { cause },
      );
    }
    const exit = this.directory.exitRecord();
    if (exit && statusOf(null, exit) === 'stopped') {
      return new SandboxNotRunningError(
        `Sandbox "${this.name}" is not running: ${describeExit(exit)} Start it with start().`,
        { cause },
      );
    }
    const error: SandboxCrashedError = crashed(this.directory, this.name, 'it was in use');
    error.cause = cause;
    return error;
  };

  /** @internal What becomes of a connection that can be used again; absent where it is closed. */
  protected readonly keepConnection: ((connection: AgentConnection) => void) | undefined;

  /** @internal */
  protected get configuration(): SandboxConfig {
    return this.record.config;
  }
}
