import { InvalidCursorError } from '../errors.js';
import { segmentHeaderBytes } from './log-format.js';

/** A place in a log: behind one of its records, or behind the header of a file. */
export interface LogPlace {
  readonly number: number;
  /** Of that file. */
  readonly id: string;
  /** From the file's beginning. */
  readonly offset: number;
}

/** A place as a text that can be kept and given back. */
export function cursorOf({ number, offset, id }: LogPlace): string {
  return `${number}.${offset}.${id}`;
}

/** @throws InvalidCursorError */
export function placeOf(cursor: string): LogPlace {
  const [, number, offset, id] = /^([1-9]\d{0,9})\.([1-9]\d{0,9})\.([0-9a-f]{16})$/.exec(cursor) ?? [];
  if (id === undefined || Number(offset) <= segmentHeaderBytes) {
    throw new InvalidCursorError(
      `${JSON.stringify(String(cursor).slice(0, 80))} is no cursor of a log. Take one from an entry's "cursor".`,
    );
  }
  return { number: Number(number), offset: Number(offset), id };
}
