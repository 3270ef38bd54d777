import { constants } from 'node:os';
import { AgentGoneError, type ReceivedMessage } from '../agent/connection.js';
import {
  AgentProtocolError,
  ExecFailedError,
  ExecTimeoutError,
  InvalidConfigError,
  OutputLimitError,
  TimeoutError,
} from '../errors.js';
import { clearTimeout, setTimeout } from '../host/clock.js';
import { startError } from './exec-failure.js';
import { ExecInbox } from './exec-inbox.js';
import type { ExecEntry } from './exec-journal.js';
import { ExecSink } from './exec-sink.js';
import {
  checkTerminalSize,
  defaultTerminalSize,
  type ExecEvent,
  type ExecOptions,
  ExecOutput,
  type ExitStatus,
} from './exec-types.js';
import { GatheredBytes } from './gathered-bytes.js';
import type { Line } from './line.js';

/** What `collect()` holds of both streams together. A guest must not be able to fill its host's memory. */
const outputLimitBytes = 64 * 1024 * 1024;

/** A killed command that does not end in this time has a stuck guest behind it. */
const killGraceMs = 3_000;

/** An agent says at once that it has let go of a command; who asked for it waits at a terminal. */
const detachTimeoutMs = 5_000;

/**
 * A command that runs in a sandbox. Its events are pulled: one that is not read does not go on writing for ever, nor does
 * it hold up others. Disposing of it kills the command, unless it has ended.
 */
export class ExecHandle implements AsyncIterable<ExecEvent>, AsyncDisposable {
  readonly #command: string;
  readonly #line: Line;
  readonly #id: number;
  readonly #options: ExecOptions;
  readonly #entry: ExecEntry;
  readonly #inbox: ExecInbox;
  readonly #sink: ExecSink;
  readonly #timers: NodeJS.Timeout[] = [];
  #first: ExecEvent | null;
  #stdin: ExecSink | null;
  #ended = false;
  #timedOut = false;
  #detaching: 'asked' | 'late' | 'done' | null = null;

  private constructor(
    command: string,
    line: Line,
    id: number,
    pid: number,
    options: ExecOptions,
    entry: ExecEntry,
  ) {
    this.#command = command;
    this.#line = line;
    this.#id = id;
    this.#options = options;
    this.#entry = entry;
    this.#first = { kind: 'started', pid };
    this.#inbox = new ExecInbox(line.connection, id, command);
    this.#sink = new ExecSink(line, this.#inbox, id);
    this.#stdin = options.stdin.kind === 'pipe' ? this.#sink : null;
    if (options.timeoutMs !== undefined) {
      this.#timers.push(setTimeout(() => this.#expire(), options.timeoutMs));
    }
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /**
   * Starts a command over a line of its own, which the handle takes over.
   *
   * @internal
   * @throws ExecFailedError when it could not be started.
   */
  static async start(
    line: Line,
    command: string,
    options: ExecOptions,
    entry: ExecEntry,
  ): Promise<ExecHandle> {
    const { connection } = line;
    try {
      options.signal?.throwIfAborted();
      const id = await connection.open('core.exec.request', {
        cmd: command,
        args: options.args,
        env: Object.entries(options.env).map(([key, value]) => `${key}=${value}`),
        cwd: options.cwd,
        user: options.user,
        tty: options.terminal !== null,
        ...(options.terminal ?? defaultTerminalSize),
        rlimits: options.rlimits.length > 0 ? options.rlimits : undefined,
        stdin: options.stdin.kind === 'null' ? 'null' : 'pipe',
        stop_signal: options.stopSignal,
      });
      const first = await connection.receive();
      if (first.id !== id)
        throw new AgentProtocolError(
          `The agent sent a ${first.type} for a session that is not "${command}".`,
        );
      if (first.type !== 'core.exec.started') throw startError(command, first);
      const handle = new ExecHandle(command, line, id, first.payload.uint('pid'), options, entry);
      if (options.stdin.kind === 'bytes') handle.#feed(options.stdin.data);
      return handle;
    } catch (error) {
      if (error instanceof ExecFailedError) line.giveBack();
      else line.close();
      throw error instanceof AgentGoneError ? await line.explainLoss(error) : error;
    }
  }

  /** The next event, or null after `exited`.
   * @throws ExecTimeoutError, SandboxCrashedError, AgentProtocolError, the abort signal's reason. */
  async recv(): Promise<ExecEvent | null> {
    const first = this.#first;
    this.#first = null;
    if (first) return first;
    try {
      while (!this.#ended) {
        const message = await this.#receive();
        if (message.type === 'msb.exec.detached' && this.#detaching) {
          this.#detaching = 'done';
          this.#finish('over');
          return null;
        }
        const event = this.#event(message);
        if (event?.kind === 'exited') this.#finish('over');
        if (event?.kind === 'exited' && this.#timedOut) throw this.#timeoutError();
        if (event) this.#note(event);
        if (event) return event;
      }
    } catch (error) {
      this.#entry.failed(error);
      throw error;
    }
    return null;
  }

  /** The writer of a command that was started with a stdin pipe; null for any other, and from the second call on. */
  async takeStdin(): Promise<ExecSink | null> {
    const stdin = this.#stdin;
    this.#stdin = null;
    return stdin;
  }

  /** Waits for the end; output that nobody has read is thrown away. */
  async wait(): Promise<ExitStatus> {
    for await (const event of this) {
      if (event.kind === 'exited') return exitStatus(event);
    }
    throw new AgentProtocolError(`"${this.#command}" has ended, and how was told to an earlier reader.`);
  }

  /**
   * Reads all output until the end.
   *
   * @throws ExecTimeoutError with the output so far; OutputLimitError past 64 MiB; what {@link recv} throws.
   */
  async collect(): Promise<ExecOutput> {
    const output = { stdout: new GatheredBytes(), stderr: new GatheredBytes() };
    try {
      for await (const event of this) {
        switch (event.kind) {
          case 'stdout':
          case 'stderr':
            output[event.kind].push(event.data);
            if (output.stdout.length + output.stderr.length > outputLimitBytes) throw this.#limitError();
            break;
          case 'stdinError':
            // Not reading all of one's input is a command's right; anything else lost bytes that were meant for it.
            if (event.errnoName !== 'EPIPE') throw this.#stdinFailure(event.message, event.errnoName);
            break;
          case 'exited':
            return new ExecOutput(exitStatus(event), output.stdout.join(), output.stderr.join());
        }
      }
    } catch (error) {
      this.#finish('given up');
      this.#entry.failed(error);
      if (!(error instanceof ExecTimeoutError)) throw error;
      throw this.#timeoutError({
        stdout: output.stdout.join().toString('utf8'),
        stderr: output.stderr.join().toString('utf8'),
      });
    }
    throw new AgentProtocolError(`"${this.#command}" has ended, and how was told to an earlier reader.`);
  }

  /** Sends a signal, by number, to the command's process group. */
  async signal(signal: number): Promise<void> {
    if (this.#ended) return;
    await this.#sink.flush();
    await this.#line.connection.send('core.exec.signal', { signal }, { id: this.#id });
  }

  /**
   * Gives the command's terminal another size, in characters; the foreground processes get SIGWINCH.
   *
   * @throws InvalidConfigError for a size that is none, and where there is no terminal.
   */
  async resize(rows: number, cols: number): Promise<void> {
    const size = checkTerminalSize(rows, cols);
    if (this.#options.terminal === null) {
      throw new InvalidConfigError(
        `"${this.#command}" has no terminal that could be resized; give it one with .tty(true).`,
      );
    }
    if (this.#ended) return;
    await this.#sink.flush();
    await this.#line.connection.send('core.exec.resize', { ...size }, { id: this.#id });
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    return this.signal(constants.signals.SIGKILL);
  }

  /**
   * Lets the command go on without us: {@link recv} gives null then, or `exited` if it ends first. What it writes after that is read in
   * the guest, and lost.
   *
   * @internal
   */
  async detach(): Promise<void> {
    if (this.#ended || this.#detaching) return;
    this.#detaching = 'asked';
    const giveUp = () => {
      this.#detaching = 'late';
      this.#line.close();
    };
    this.#timers.push(setTimeout(giveUp, detachTimeoutMs));
    await this.#sink.flush();
    await this.#line.connection.send('msb.exec.detach', {}, { id: this.#id });
  }

  async *[Symbol.asyncIterator](): AsyncIterator<ExecEvent> {
    for (let event = await this.recv(); event; event = await this.recv()) yield event;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#detaching === 'done') return;
    this.#finish('given up'); // the guest kills what a connection that ends has started
    this.#entry.failed(
      new Error('Its handle was disposed of before its end was read, which kills what still runs.'),
    );
  }

  async #receive(): Promise<ReceivedMessage> {
    try {
      return await this.#inbox.next();
    } catch (error) {
      this.#finish('given up');
      if (this.#options.signal?.aborted) throw this.#options.signal.reason;
      if (this.#timedOut) throw this.#timeoutError();
      if (this.#detaching === 'late') throw this.#lateError();
      throw error instanceof AgentGoneError ? await this.#line.explainLoss(error) : error;
    }
  }

  #event({ type, payload }: ReceivedMessage): ExecEvent | null {
    switch (type) {
      case 'core.exec.stdout':
        return { kind: 'stdout', data: payload.bytes('data') };
      case 'core.exec.stderr':
        return { kind: 'stderr', data: payload.bytes('data') };
      case 'core.exec.stdin.error':
        return {
          kind: 'stdinError',
          errnoName: payload.optionalText('errno_name') ?? null,
          message: payload.text('message'),
        };
      case 'core.exec.exited':
        return { kind: 'exited', code: payload.int('code'), signal: payload.optionalInt('signal') ?? null };
      case 'core.error':
        throw new AgentProtocolError(
          `The agent refused a message about "${this.#command}": ${payload.text('message')}`,
        );
      default:
        return null; // a newer agent may say more
    }
  }

  #note(event: ExecEvent): void {
    if (event.kind === 'stdout' || event.kind === 'stderr') this.#entry.output(event.kind, event.data);
    else if (event.kind === 'exited') this.#entry.exited(event.code, event.signal);
  }

  /** Feeds bytes while the output is read; what goes wrong shows in the events. */
  #feed(data: Uint8Array): void {
    this.#sink
      .write(data)
      .then(() => this.#sink.close())
      .catch(() => {});
  }

  #expire(): void {
    this.#timedOut = true;
    this.#entry.failed(this.#timeoutError());
    this.kill().catch(() => {});
    this.#timers.push(setTimeout(() => this.#line.close(), killGraceMs));
  }

  readonly #onAbort = () => {
    this.#entry.failed(this.#options.signal?.reason);
    this.#line.close();
  };

  #finish(how: 'over' | 'given up'): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#inbox.endInput();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    if (how === 'over') this.#line.giveBack();
    else this.#line.close();
  }

  #timeoutError(output = { stdout: '', stderr: '' }): ExecTimeoutError {
    const timeoutMs = this.#options.timeoutMs ?? 0;
    return new ExecTimeoutError(
      `"${this.#command}" ran longer than its time-out of ${timeoutMs} ms and was killed.`,
      timeoutMs,
      output,
    );
  }

  #lateError(): TimeoutError {
    return new TimeoutError(
      `The guest has not let go of "${this.#command}" within ${detachTimeoutMs} ms. It is killed as soon as the guest can be talked to.`,
    );
  }

  #limitError(): OutputLimitError {
    return new OutputLimitError(
      `"${this.#command}" wrote more than ${outputLimitBytes} bytes and was killed. Read large outputs with execStream.`,
    );
  }

  #stdinFailure(message: string, errnoName: string | null): ExecFailedError {
    return new ExecFailedError(`"${this.#command}" did not get all of its input: ${message}`, {
      kind: 'other',
      errnoName,
      stage: 'stdin',
    });
  }
}

function exitStatus({ code, signal }: { code: number; signal: number | null }): ExitStatus {
  return { code, success: code === 0 && signal === null, signal };
}
