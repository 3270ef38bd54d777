import type { SandboxStopResult } from '../engine/stop.js';
import {
  ConnectFailedError,
  ExecFailedError,
  ExecTimeoutError,
  InvalidConfigError,
  TimeoutError,
} from '../errors.js';
import { clearTimeout, monotonicMs, setTimeout } from '../host/clock.js';
import { printable } from '../host/console-tail.js';
import type { ExecOptionsBuilder, ExecOutput } from './exec-types.js';
import type { FsMetadata } from './fs-types.js';
import type { LogEntry, LogReadSource } from './log-entry.js';
import type { Sandbox } from './sandbox.js';
import { checkPort } from './tcp-stream.js';

const defaultTimeoutMs = 30_000;
/** Between two looks; a guest is not to be kept busy by who waits for it. */
const firstPauseMs = 20;
const longestPauseMs = 500;
/** Of what was seen last, in a message. */
const evidenceChars = 500;
const logLines = 5;

export interface WaitOptions {
  /** Milliseconds; default 30,000. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface WaitForPortOptions extends WaitOptions {
  /** An address as the guest sees it; default `localhost`. */
  readonly host?: string | undefined;
}

export interface WaitForLogOptions extends WaitOptions {
  /** Where to look; default `stdout`, `stderr` and `output`. `system` is the console. */
  readonly sources?: ReadonlyArray<LogReadSource> | undefined;
}

export interface WaitForFileOptions extends WaitOptions {
  /** What has to hold of it; default: that it is there. */
  readonly until?: ((metadata: FsMetadata) => boolean) | undefined;
}

export interface WaitForCommandOptions extends WaitOptions {
  /** What has to hold of a run of it; default: that it succeeds. */
  readonly until?: ((output: ExecOutput) => boolean) | undefined;
  /** How it is run, as with `execWith`. */
  readonly configure?: ((options: ExecOptionsBuilder) => ExecOptionsBuilder) | undefined;
}

/**
 * Waits until something holds in a machine. Each wait has a deadline, and fails at once when the machine ends, with the error that says
 * how; past the deadline it throws a TimeoutError that says what was seen last.
 */
export class WaitFor {
  readonly #sandbox: Sandbox;

  /** @internal */
  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  /** Until somebody accepts connections there. @throws TimeoutError, SandboxCrashedError, SandboxNotRunningError, InvalidConfigError */
  async port(port: number, { host, ...options }: WaitForPortOptions = {}): Promise<void> {
    checkPort(port, 'waitFor.port');
    await this.#poll(`somebody to listen on port ${port}`, options, async (left) => {
      try {
        (await this.#sandbox.connect(port, { host, ...left })).destroy();
        return { value: undefined };
      } catch (error) {
        if (!(error instanceof ConnectFailedError)) throw error;
        return { seen: error.message };
      }
    });
  }

  /**
   * Until the log has it: what commands write, also what they wrote before this was called, line by line. A text has to be in the line.
   *
   * @returns the entry that it was found in, or the last of those that have the line's parts.
   * @throws TimeoutError with the last lines; SandboxCrashedError, SandboxNotRunningError; MissedRotationError.
   */
  async log(pattern: string | RegExp, options: WaitForLogOptions = {}): Promise<LogEntry> {
    const what = `the log to say ${pattern instanceof RegExp ? pattern : JSON.stringify(pattern)}`;
    const { timeoutMs = defaultTimeoutMs, signal, sources } = options;
    const lines = new LineMatcher(pattern);
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), timeoutMs);
    const either = signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal;
    try {
      await using stream = await this.#sandbox.logStream({
        follow: true,
        signal: either,
        ...(sources && { sources }),
      });
      for await (const entry of stream) if (lines.matches(entry)) return entry;
    } catch (error) {
      if (!deadline.signal.aborted || signal?.aborted) throw error;
      throw late(
        what,
        timeoutMs,
        lines.last.length > 0 ? `The last lines: ${lines.last.join('\n')}` : 'It is empty.',
      );
    } finally {
      clearTimeout(timer);
    }
    // A log that is followed ends when its machine has, of which this says how.
    await this.#sandbox.ping();
    throw late(what, timeoutMs, `It has ended. The last lines: ${lines.last.join('\n')}`);
  }

  /** Until a file, or anything else, is there. @throws TimeoutError, SandboxCrashedError, SandboxNotRunningError, SandboxFsOpsError */
  file(path: string, { until = () => true, ...options }: WaitForFileOptions = {}): Promise<FsMetadata> {
    return this.#poll(`${path} to be there`, options, async (left) => {
      if (!(await this.#sandbox.fs().exists(path, left))) return { seen: 'It is not.' };
      const metadata = await this.#sandbox.fs().stat(path, left);
      const { kind, size } = metadata;
      return until(metadata) ? { value: metadata } : { seen: `It is a ${kind} of ${size} bytes.` };
    });
  }

  /**
   * Until a command does what it is to do; it is run again and again.
   *
   * @returns what it wrote, and how it ended, the time that it did.
   * @throws TimeoutError with how it ended last; SandboxCrashedError, SandboxNotRunningError.
   */
  command(
    cmd: string,
    args: Iterable<string> = [],
    options: WaitForCommandOptions = {},
  ): Promise<ExecOutput> {
    const { until = (output) => output.success, configure = (same) => same, ...rest } = options;
    const all = [...args];
    return this.#poll(`"${[cmd, ...all].join(' ')}" to succeed`, rest, async ({ timeoutMs, signal }) => {
      try {
        const output = await this.#sandbox.execWith(cmd, (builder) => {
          const bounded = configure(builder.args(all));
          bounded.timeout(Math.min(timeoutMs, bounded.options.timeoutMs ?? timeoutMs));
          return signal ? bounded.abortSignal(signal) : bounded;
        });
        return until(output) ? { value: output } : { seen: describe(output) };
      } catch (error) {
        if (error instanceof ExecFailedError) return { seen: error.message };
        if (!(error instanceof ExecTimeoutError)) throw error;
        if (error.timeoutMs < timeoutMs) return { seen: error.message }; // a time-out of the command's own
        throw new TimeoutError(error.message); // which adds to what was seen before it
      }
    });
  }

  /** Until the machine has ended, in whatever way. @throws TimeoutError */
  async exit({ timeoutMs = defaultTimeoutMs, signal }: WaitOptions = {}): Promise<SandboxStopResult> {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), timeoutMs);
    try {
      return await this.#sandbox.waitUntilStopped({
        signal: signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal,
      });
    } catch (error) {
      if (!deadline.signal.aborted || signal?.aborted) throw error;
      throw late(`sandbox "${this.#sandbox.name}" to end`, timeoutMs, 'It runs.');
    } finally {
      clearTimeout(timer);
    }
  }

  /** Looks again and again, at growing intervals, for as long as there is time. */
  async #poll<T>(
    what: string,
    { timeoutMs = defaultTimeoutMs, signal }: WaitOptions,
    look: (left: {
      timeoutMs: number;
      signal: AbortSignal | undefined;
    }) => Promise<{ value: T } | { seen: string }>,
  ): Promise<T> {
    const deadline = monotonicMs() + timeoutMs;
    let seen = '';
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 1.5)) {
      signal?.throwIfAborted();
      const left = deadline - monotonicMs();
      if (left <= 0) throw late(what, timeoutMs, seen || 'There was no time to look.');
      try {
        const found = await look({ timeoutMs: Math.ceil(left), signal });
        if ('value' in found) return found.value;
        seen = found.seen;
      } catch (error) {
        if (error instanceof TimeoutError) throw late(what, timeoutMs, `${seen} ${error.message}`.trim());
        throw error;
      }
      await pause(Math.min(pauseMs, deadline - monotonicMs()), signal);
    }
  }
}

/** Puts the pieces that commands write together to lines, of each stream of each command. */
class LineMatcher {
  readonly #matches: (line: string) => boolean;
  readonly #begun = new Map<string, string>();
  /** The last lines, safe for a terminal. */
  readonly last: string[] = [];

  constructor(pattern: string | RegExp) {
    if (pattern === '')
      throw new InvalidConfigError('Every log says "": waitFor.log needs a text or an expression.');
    // One that is global or sticky goes on where it was; here each line is a new one.
    const expression =
      typeof pattern === 'string' ? null : new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
    this.#matches = (line) => (expression ? expression.test(line) : line.includes(pattern as string));
  }

  /** What is not ended by a line's end yet counts as a line as well: a prompt is one. */
  matches(entry: LogEntry): boolean {
    const key = `${entry.sessionId} ${entry.source}`;
    const lines = `${this.#begun.get(key) ?? ''}${entry.text()}`.split('\n');
    const rest = lines.at(-1) ?? '';
    this.#begun.set(key, rest.slice(-lineChars));
    if (this.#begun.size > streamsMax) this.#begun.delete(this.#begun.keys().next().value as string);
    for (const line of lines) {
      if (line !== '') this.last.push(printable(line.slice(0, evidenceChars)));
      if (this.last.length > logLines) this.last.shift();
      if (this.#matches(line)) return true;
    }
    return false;
  }
}

/** A line that has no end is kept so far. */
const lineChars = 64 * 1024;
/** Commands whose unfinished lines are remembered. */
const streamsMax = 256;

function late(what: string, timeoutMs: number, seen: string): TimeoutError {
  return new TimeoutError(
    `Waited ${timeoutMs} ms for ${what}, in vain. ${seen.slice(0, logLines * evidenceChars)}`,
  );
}

function describe(output: ExecOutput): string {
  const said = (output.stderr() || output.stdout()).trim().slice(-evidenceChars);
  const end = output.status.signal === null ? `exit code ${output.code}` : `signal ${output.status.signal}`;
  return `It ended last with ${end}${said ? `, and wrote: ${printable(said)}` : ''}.`;
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (ms <= 0) return;
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
