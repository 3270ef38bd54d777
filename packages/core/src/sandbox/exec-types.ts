import { InvalidConfigError } from '../errors.js';

/** How a command ended. */
export interface ExitStatus {
  /** Its exit code; −1 when a signal ended it. */
  readonly code: number;
  /** Whether it exited with 0. */
  readonly success: boolean;
  /** The number of the signal that ended it; null when it exited by itself. */
  readonly signal: number | null;
}

/** What a running command does; `exited` is the last one. */
export type ExecEvent =
  | { kind: 'started'; pid: number }
  | { kind: 'stdout'; data: Uint8Array }
  | { kind: 'stderr'; data: Uint8Array }
  | { kind: 'stdinError'; errnoName: string | null; message: string }
  | { kind: 'exited'; code: number; signal: number | null };

/** What a command reads. */
export type StdinMode = { kind: 'null' } | { kind: 'pipe' } | { kind: 'bytes'; data: Uint8Array };

/** A terminal's size in characters; each a whole number from 1 to 65,535. */
export interface TerminalSize {
  readonly rows: number;
  readonly cols: number;
}

export const Stdin = {
  /** `/dev/null`; the default. */
  null: (): StdinMode => ({ kind: 'null' }),
  /** A pipe, written through `ExecHandle.takeStdin()`. */
  pipe: (): StdinMode => ({ kind: 'pipe' }),
  /** These bytes, then end of file. */
  bytes: (data: Uint8Array | string): StdinMode => ({ kind: 'bytes', data: toBytes(data) }),
};

/** The output of a command that has ended. */
export class ExecOutput {
  readonly status: ExitStatus;
  readonly #stdout: Uint8Array;
  readonly #stderr: Uint8Array;

  /** @internal */
  constructor(status: ExitStatus, stdout: Uint8Array, stderr: Uint8Array) {
    this.status = status;
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  get code(): number {
    return this.status.code;
  }
  get success(): boolean {
    return this.status.success;
  }
  /** Decoded as UTF-8; what is not valid becomes U+FFFD. */
  stdout(): string {
    return Buffer.from(this.#stdout).toString('utf8');
  }
  /** Decoded as UTF-8; what is not valid becomes U+FFFD. */
  stderr(): string {
    return Buffer.from(this.#stderr).toString('utf8');
  }
  stdoutBytes(): Uint8Array {
    return this.#stdout;
  }
  stderrBytes(): Uint8Array {
    return this.#stderr;
  }
}

/** What can be said of every command, however it is run. */
export class CommandOptionsBuilder {
  /** @internal */
  readonly options: ExecOptions = { args: [], env: {}, rlimits: [], stdin: Stdin.null(), terminal: null };

  arg(arg: string): this {
    this.options.args.push(arg);
    return this;
  }
  args(args: Iterable<string>): this {
    this.options.args.push(...args);
    return this;
  }
  /** The working directory; default the image's, else `/`. */
  cwd(cwd: string): this {
    this.options.cwd = cwd;
    return this;
  }
  /** `name` or `uid`, with `:group` or `:gid` if it is not the user's own; default the sandbox's, else root. */
  user(user: string): this {
    this.options.user = user;
    return this;
  }
  env(key: string, value: string): this {
    if (key === '' || /[=\0]/.test(key) || value.includes('\0')) {
      throw new InvalidConfigError(
        `${JSON.stringify(key)} cannot be set as an environment variable of a command.`,
      );
    }
    this.options.env[key] = value;
    return this;
  }
  envs(vars: Readonly<Record<string, string>>): this {
    for (const [key, value] of Object.entries(vars)) this.env(key, value);
    return this;
  }
  /** Milliseconds after which the command is killed; default: none. Kept by the host, however stuck the guest is. */
  timeout(ms: number): this {
    if (!(ms > 0))
      throw new InvalidConfigError(`A command's time-out is ${ms}; it is a positive number of milliseconds.`);
    this.options.timeoutMs = ms;
    return this;
  }
  /** A limit such as `nofile`, soft and hard alike, in the place of the sandbox's. */
  rlimit(resource: string, limit: number): this {
    return this.rlimitRange(resource, limit, limit);
  }
  rlimitRange(resource: string, soft: number, hard: number): this {
    this.options.rlimits.push({ resource, soft, hard });
    return this;
  }
  /** Kills the command when it is aborted; the call then rejects with the signal's reason. */
  abortSignal(signal: AbortSignal): this {
    this.options.signal = signal;
    return this;
  }
}

/** A command's details, as `execWith` and `execStreamWith` hand them out to be filled in. */
export class ExecOptionsBuilder extends CommandOptionsBuilder {
  stdinNull(): this {
    this.options.stdin = Stdin.null();
    return this;
  }
  stdinPipe(): this {
    this.options.stdin = Stdin.pipe();
    return this;
  }
  stdinBytes(data: Uint8Array | string): this {
    this.options.stdin = Stdin.bytes(data);
    return this;
  }
  /**
   * Whether the command runs at a terminal, which is its stdin, stdout and stderr: all that it writes comes as `stdout`, with
   * `\r\n` for line ends, and what is typed through `stdinPipe()` or `stdinBytes()` is echoed there. With `stdinNull()`, the default,
   * who reads finds an end of file. Default false; `TERM` is `xterm-256color` unless the environment says otherwise.
   *
   * @param size what the terminal begins with, 24 rows of 80 columns if nothing is said; see `ExecHandle.resize()`.
   * @throws InvalidConfigError
   */
  tty(enabled: boolean, size: TerminalSize = defaultTerminalSize): this {
    if (typeof enabled !== 'boolean')
      throw new InvalidConfigError(`A command's tty is ${String(enabled)}; it is true or false.`);
    this.options.terminal = enabled ? checkTerminalSize(size.rows, size.cols) : null;
    return this;
  }
}

/** @internal */
export interface ExecOptions {
  readonly args: string[];
  readonly env: Record<string, string>;
  readonly rlimits: { resource: string; soft: number; hard: number }[];
  cwd?: string;
  user?: string;
  timeoutMs?: number;
  stdin: StdinMode;
  /** The number of the signal that a shutdown of the machine sends it before all others; absent: none. */
  stopSignal?: number | undefined;
  /** The size of the terminal that it runs at; null: pipes. */
  terminal: TerminalSize | null;
  signal?: AbortSignal;
}

/** Of a terminal that nobody has said anything about, and of what stands in a request that wants none. */
export const defaultTerminalSize: TerminalSize = { rows: 24, cols: 80 };

const terminalSizeMax = 65_535;

/** @throws InvalidConfigError */
export function checkTerminalSize(rows: number, cols: number): TerminalSize {
  for (const [name, value] of Object.entries({ rows, cols })) {
    if (!Number.isInteger(value) || value < 1 || value > terminalSizeMax)
      throw new InvalidConfigError(
        `A terminal's ${name} is ${value}; it is a whole number from 1 to ${terminalSizeMax}.`,
      );
  }
  return { rows, cols };
}

export function toBytes(data: Uint8Array | string): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
}
