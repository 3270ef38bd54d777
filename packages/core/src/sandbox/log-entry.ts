import { InvalidConfigError } from '../errors.js';
import type { LogKind } from '../store/log-format.js';
import type { LogItem } from '../store/log-reader.js';

/**
 * Where an entry comes from. `stdout` and `stderr`: a command. `output`: a command at a terminal, which has one stream. `system`: the
 * guest's console, line by line, what the VMM and its relay said, and where a machine was started and stopped.
 */
export type LogSource = 'stdout' | 'stderr' | 'output' | 'system';

/** What to read: a source, or `all` of them. */
export type LogReadSource = LogSource | 'all';

/** For {@link Sandbox.logs}; by default every entry of `stdout`, `stderr` and `output`. */
export interface LogReadOptions {
  /** Only the last so many of those that the rest selects. */
  readonly tail?: number;
  /** Entries of then or later. */
  readonly since?: Date;
  /** Entries from before then. */
  readonly until?: Date;
  /** Default: `stdout`, `stderr` and `output`. */
  readonly sources?: ReadonlyArray<LogReadSource>;
}

/** For {@link Sandbox.logStream}. */
export interface LogStreamOptions {
  /** Default: `stdout`, `stderr` and `output`. */
  readonly sources?: ReadonlyArray<LogReadSource>;
  /** Begins with the first entry of then or later. Not together with `fromCursor`. */
  readonly since?: Date;
  /** Begins behind the entry with that `cursor`. Not together with `since`. */
  readonly fromCursor?: string;
  /** Ends before the first entry of then or later; one that follows ends then in any case. */
  readonly until?: Date;
  /** Whether to go on with what is written from now on, until the machine has ended. Default false. */
  readonly follow?: boolean;
  /** Ends it: whoever waits for an entry gets the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Something that a command wrote at once, or a line of the system. */
export class LogEntry {
  constructor(
    /** When the relay got it; the host's clock. */
    readonly timestamp: Date,
    readonly source: LogSource,
    /** Which command's; counts from 1 over all runs of the sandbox. Null for `system`. */
    readonly sessionId: number | null,
    readonly data: Uint8Array,
    /** For `fromCursor`: the place behind this entry. */
    readonly cursor: string,
  ) {}

  /** `data` as UTF-8, lossy. What a guest wrote may hold sequences that steer a terminal. */
  text(): string {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.data);
  }
}

const sources: Readonly<Record<LogKind, LogSource | null>> = {
  continued: null,
  stdout: 'stdout',
  stderr: 'stderr',
  output: 'output',
  console: 'system',
  vmm: 'system',
  started: 'system',
  stopped: 'system',
};

const allSources: readonly LogSource[] = ['stdout', 'stderr', 'output', 'system'];
const defaultSources: readonly LogSource[] = ['stdout', 'stderr', 'output'];

/** Which entries are asked for; times in milliseconds since 1970. */
export class LogSelection {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly #sources: ReadonlySet<LogSource>;

  /** @throws InvalidConfigError */
  constructor(options: Pick<LogReadOptions, 'since' | 'until' | 'sources'>) {
    this.sinceMs = timeOf('since', options.since) ?? Number.NEGATIVE_INFINITY;
    this.untilMs = timeOf('until', options.until) ?? Number.POSITIVE_INFINITY;
    this.#sources = new Set(options.sources === undefined ? defaultSources : sourcesOf(options.sources));
  }

  /** The entry that an item of the log is, if it is asked for. */
  entry({ kind, timeMs, session, data, cursor }: LogItem): LogEntry | null {
    const source = kind && sources[kind];
    if (!source || !this.#sources.has(source) || timeMs < this.sinceMs || timeMs >= this.untilMs) return null;
    // A copy: the item's data is a part of a buffer that is far larger.
    return new LogEntry(new Date(timeMs), source, session || null, new Uint8Array(data), cursor);
  }
}

/** @throws InvalidConfigError */
export function checkTail(tail: number | undefined): number {
  if (tail === undefined) return Number.POSITIVE_INFINITY;
  if (Number.isSafeInteger(tail) && tail >= 0) return tail;
  throw new InvalidConfigError(
    `tail is ${tail}; it is how many entries to read at the most, a whole number.`,
  );
}

function sourcesOf(given: ReadonlyArray<LogReadSource>): LogSource[] {
  const list = Array.isArray(given) ? [...given] : [];
  const known: readonly string[] = [...allSources, 'all'];
  const wrong = list.find((source) => !known.includes(source));
  if (list.length > 0 && wrong === undefined)
    return list.flatMap((one) => (one === 'all' ? allSources : one));
  throw new InvalidConfigError(
    `sources is ${JSON.stringify(given)}; it is a list of ${known.map((source) => `"${source}"`).join(', ')}.`,
  );
}

function timeOf(what: string, date: Date | undefined): number | undefined {
  if (date === undefined) return undefined;
  const ms = Object.prototype.toString.call(date) === '[object Date]' ? date.getTime() : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new InvalidConfigError(`${what} is ${String(date)}; it is a valid Date.`);
}
