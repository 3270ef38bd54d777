import { isError } from '../host/any-realm.js';
import { monotonicMs, wallMs } from '../host/clock.js';
import { printable } from '../host/console-tail.js';

/** How many commands are remembered, and of each at the most so many bytes of each stream. */
const recordsMax = 32;
const tailBytes = 4096;
/** A command line and a message are for people to recognize; a script of a megabyte is not worth keeping for that. */
const commandLineChars = 4096;
const messageChars = 4096;

/** How a command ended, or that it did not get that far. */
export type ExecRecordStatus =
  | { readonly kind: 'exited'; readonly code: number; readonly signal: number | null }
  | { readonly kind: 'failed'; readonly message: string };

/** A command that a sandbox was asked to run: see `Sandbox.recentExecs()`. */
export interface ExecRecord {
  readonly command: string;
  /** Shortened, with `…`, where all of them together are longer than 4,096 characters. */
  readonly args: readonly string[];
  /** When it was asked for. */
  readonly startedAt: Date;
  /** Milliseconds until its end or failure was known to this process; null while it runs. */
  readonly durationMs: number | null;
  /** Its exit (code −1 and the number when a signal ended it), or why there was none; null while it runs, was detached from, or nobody has read its end. */
  readonly status: ExecRecordStatus | null;
  /** The end of what it wrote and this process has read, 4,096 bytes at the most; UTF-8, lossy, safe for a terminal. */
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The last commands of one sandbox object, for a report on a test that failed. Neither environments nor what was written
 * to stdin are in it: both hold secrets.
 *
 * @internal
 */
export class ExecJournal {
  readonly #entries: ExecEntry[] = [];

  begin(command: string, args: readonly string[]): ExecEntry {
    const entry = new ExecEntry(command, args);
    this.#entries.push(entry);
    // One that is dropped may still run; its handle then goes on writing to an entry that nobody else has.
    if (this.#entries.length > recordsMax) this.#entries.shift();
    return entry;
  }

  /** Oldest first; what happens later does not show in it. */
  records(): readonly ExecRecord[] {
    return this.#entries.map((entry) => entry.record());
  }
}

/** What is noted about one command while it runs. @internal */
export class ExecEntry {
  readonly #command: string;
  readonly #args: readonly string[];
  readonly #startedAt = wallMs();
  readonly #begin = monotonicMs();
  readonly #tails = { stdout: new Tail(), stderr: new Tail() };
  #end: { readonly durationMs: number; readonly status: ExecRecordStatus } | null = null;

  constructor(command: string, args: readonly string[]) {
    [this.#command = '', ...this.#args] = clipCommandLine([command, ...args]);
  }

  output(stream: 'stdout' | 'stderr', data: Uint8Array): void {
    this.#tails[stream].push(data);
  }

  exited(code: number, signal: number | null): void {
    this.#ended({ kind: 'exited', code, signal });
  }

  failed(error: unknown): void {
    const message = isError(error) ? error.message : String(error);
    this.#ended({ kind: 'failed', message: printable(clipText(message, messageChars)) });
  }

  record(): ExecRecord {
    const ended = this.#end !== null;
    return {
      command: this.#command,
      args: [...this.#args],
      startedAt: new Date(this.#startedAt),
      durationMs: this.#end?.durationMs ?? null,
      status: this.#end ? { ...this.#end.status } : null,
      stdout: this.#tails.stdout.text(ended),
      stderr: this.#tails.stderr.text(ended),
    };
  }

  /** The first end is the one that counts: a handle that is disposed of after it ends nothing. */
  #ended(status: ExecRecordStatus): void {
    this.#end ??= { durationMs: monotonicMs() - this.#begin, status };
  }
}

/** The last bytes of a stream, in a ring. */
class Tail {
  /** Made with the first byte: most commands write to one stream, many to none. */
  #ring: Buffer | null = null;
  /** How much has gone through, which also says where the next byte belongs. */
  #total = 0;

  push(data: Uint8Array): void {
    if (data.length === 0) return;
    this.#ring ??= Buffer.alloc(tailBytes);
    const kept = data.subarray(Math.max(0, data.length - tailBytes));
    const at = (this.#total + data.length - kept.length) % tailBytes;
    const beforeWrap = kept.subarray(0, tailBytes - at);
    this.#ring.set(beforeWrap, at);
    this.#ring.set(kept.subarray(beforeWrap.length), 0);
    this.#total += data.length;
  }

  /** @param ended whether no more comes; else a character that is not whole yet is left out. */
  text(ended: boolean): string {
    if (this.#ring === null) return '';
    const at = this.#total % tailBytes;
    const bytes =
      this.#total <= tailBytes
        ? this.#ring.subarray(0, this.#total)
        : fromCharacter(Buffer.concat([this.#ring.subarray(at), this.#ring.subarray(0, at)]));
    return printable(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes, { stream: !ended }));
  }
}

/** Without the rest of a character whose beginning was cut off. */
function fromCharacter(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return bytes.subarray(start);
}

/** As many words as there is room for, an empty one taking some too; where more were, the last is `…` or ends in it. */
function clipCommandLine(words: readonly string[]): string[] {
  const clipped: string[] = [];
  let room = commandLineChars;
  for (const word of words) {
    const kept = clipText(String(word), room);
    clipped.push(kept);
    room -= kept.length + 1;
    if (room <= 0) {
      if (clipped.length < words.length) clipped.push('…');
      break;
    }
  }
  return clipped;
}

/** A copy if it is shortened, so that it does not keep the long text in memory of which it is a part. */
function clipText(text: string, chars: number): string {
  if (text.length <= chars) return text;
  const kept = text.slice(0, chars - 1).replace(/[\ud800-\udbff]$/, ''); // half a character
  return Buffer.from(`${kept}…`).toString();
}
