import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidCursorError, MissedRotationError } from '../errors.js';
import { errnoOf } from '../host/native.js';
import { cursorOf, type LogPlace } from './log-cursor.js';
import type { LogRecord } from './log-format.js';
import { LogSegmentReader } from './log-segment.js';

const nowhere = '0'.repeat(16);

/** A record, and the place behind it. */
export interface LogItem extends LogRecord {
  readonly cursor: string;
}

/**
 * Reads a machine's log, from its oldest record or from a place on, over all its files. It never waits: at the end of what there is
 * it says so, and can be asked again. Whatever a file holds, it gives records that are whole, in their order, each once.
 */
export class LogReader implements Disposable {
  readonly #directory: string;
  /** Where to go on while no file is open; null for the beginning. */
  #place: LogPlace | null;
  #segment: LogSegmentReader | null = null;
  /** The directory has become another log's. */
  #gone = false;

  constructor(directory: string, place: LogPlace | null = null) {
    this.#directory = directory;
    this.#place = place;
  }

  /** The file that the next record comes from, as far as is known. */
  get path(): string | null {
    const number = this.#segment?.header.number ?? this.#place?.number;
    return number === undefined ? null : this.#pathOf(number);
  }

  /**
   * Sees to it that the place to begin with is one of this log's.
   *
   * @throws InvalidCursorError; MissedRotationError when what comes next is gone.
   */
  checkPlace(): void {
    const place = this.#place;
    if (place === null) return;
    const invalid = (why: string) =>
      new InvalidCursorError(
        `The cursor "${cursorOf(place)}" is not of the log in ${this.#directory}: ${why}. Read it from its beginning, or with "since".`,
      );
    const segment = LogSegmentReader.open(this.#pathOf(place.number));
    if (segment === 'absent') {
      if (this.#numbers().some((number) => number > place.number)) throw this.#missed();
      throw invalid('it has no such file');
    }
    if (segment === 'unreadable') throw invalid('its file is damaged');
    using reader = segment;
    if (reader.header.id !== place.id) throw invalid('its file is another one');
    while (reader.offset < place.offset && reader.next() !== null);
    if (reader.offset !== place.offset) throw invalid('there is no end of an entry');
  }

  /** The next record; null when there is none (yet). @throws MissedRotationError */
  next(): LogItem | null {
    while (this.#segment || this.#open()) {
      const segment = this.#segment as LogSegmentReader;
      const record = segment.next();
      if (record?.kind === 'continued') {
        if (!this.#goOn(segment)) return null;
      } else if (record) {
        const { number, id } = segment.header;
        return { ...record, cursor: cursorOf({ number, id, offset: segment.offset }) };
      } else {
        // A relay that was killed has said nothing of the next file. When that is there, all of this one is.
        if (!existsSync(this.#pathOf(segment.header.number + 1))) return null;
        if (!segment.hasMore() && !this.#goOn(segment)) return null;
      }
    }
    return null;
  }

  /** Whether something has come since next() gave null, in the file that is open or in the one after it. */
  hasMore(): boolean {
    if (!this.#segment) return false;
    return this.#segment.hasMore() || existsSync(this.#pathOf(this.#segment.header.number + 1));
  }

  /** Lets go of the file that is open; the next record is looked for where this one was. */
  rest(): void {
    if (this.#segment === null) return;
    const { header, offset } = this.#segment;
    this.#place = { number: header.number, id: header.id, offset };
    this.#close();
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #open(): boolean {
    if (this.#gone) return false;
    const place = this.#place;
    for (const number of place ? [place.number] : this.#numbers()) {
      const segment = LogSegmentReader.open(this.#pathOf(number), place?.offset);
      if (segment === 'absent' && place && this.#numbers().some((other) => other > number))
        throw this.#missed();
      if (typeof segment === 'string') continue; // removed a moment ago, or damaged
      this.#segment = segment;
      if (place && place.id !== segment.header.id) {
        this.#close();
        this.#gone = true;
      }
      return !this.#gone;
    }
    return false;
  }

  /** Goes on with the file after one that has been read. @returns false when there is none (yet). */
  #goOn(segment: LogSegmentReader): boolean {
    const { id, number: last } = segment.header;
    for (let number = last + 1; ; number++) {
      const next = LogSegmentReader.open(this.#pathOf(number));
      if (next === 'unreadable') continue;
      if (next === 'absent') {
        if (this.#numbers().some((other) => other > number)) throw this.#missed();
        return false;
      }
      const { previous } = next.header;
      this.#close();
      this.#segment = next;
      if (number > last + 1 || previous === id || previous === nowhere) return true;
      this.#close();
      this.#gone = true;
      return false;
    }
  }

  #close(): void {
    this.#segment?.[Symbol.dispose]();
    this.#segment = null;
  }

  #missed(): MissedRotationError {
    return new MissedRotationError(
      `Entries of the log in ${this.#directory} that come next are gone: it keeps the last 16 MiB or so, and more has been ` +
        'written since. Read it from its beginning, or with "since", and read faster than the guest writes.',
    );
  }

  #pathOf(number: number): string {
    return join(this.#directory, `exec.${number}.log`);
  }

  /** Of the files that there are, the oldest first. */
  #numbers(): number[] {
    try {
      return readdirSync(this.#directory)
        .map((name) => Number(/^exec\.([1-9]\d{0,9})\.log$/.exec(name)?.[1] ?? 0))
        .filter((number) => number > 0)
        .sort((a, b) => a - b);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  }
}
