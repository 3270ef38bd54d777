import type { ByteText } from '../disk/file-tree.js';
import { ImageError } from '../errors.js';

/** A piece of a sparse file that is stored; between pieces there is nothing but zeros. */
export interface Segment {
  readonly offset: number;
  readonly length: number;
}

/** A sparse file as PAX records describe it. */
export interface SparseRecords {
  readonly name: ByteText | null;
  readonly size: number;
  /** `null`: it stands before the content. */
  readonly map: readonly Segment[] | null;
}

export type PaxRecords = readonly (readonly [key: string, value: ByteText])[];

const maxSegments = 100_000;
const sparsePrefix = 'GNU.sparse.';
const xattrPrefix = 'SCHILY.xattr.';

/** Reads `<length> <key>=<value>\n`, again and again. @throws ImageError */
export function parsePaxRecords(bytes: Buffer): PaxRecords {
  const records: [string, ByteText][] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const digits = space < 0 || space - at > 10 ? '' : bytes.toString('latin1', at, space);
    const end = at + (/^[0-9]+$/.test(digits) ? Number(digits) : 0);
    const equals = bytes.indexOf(0x3d, at);
    if (end <= space + 1 || end > bytes.length || bytes[end - 1] !== 0x0a || equals < 0 || equals >= end)
      throw new ImageError('a PAX record is malformed');
    const key = bytes.toString('latin1', space + 1, equals);
    const value = bytes.toString('latin1', equals + 1, end - 1);
    if (key === '' || (value.includes('\0') && !key.startsWith(xattrPrefix)))
      throw new ImageError('a PAX record is malformed');
    records.push([key, value]);
    at = end;
  }
  return records;
}

/** The last that is there; an empty one stands for none. */
export function paxText(records: PaxRecords, key: string): ByteText | null {
  return records.findLast(([name]) => name === key)?.[1] || null;
}

export function paxNumber(records: PaxRecords, key: string): number | null {
  const value = paxText(records, key);
  return value === null ? null : decimal(value, key);
}

/** Whole seconds; a fraction is cut off, towards the past. */
export function paxTime(records: PaxRecords, key: string): number | null {
  const value = paxText(records, key);
  if (value === null) return null;
  if (!/^-?[0-9]{1,15}(\.[0-9]*)?$/.test(value)) throw new ImageError(`the PAX record ${key} is no time`);
  return Math.floor(Number(value));
}

/** Extended attributes, by name; null if there are none. One without a value is none, as with all records. */
export function paxXattrs(records: PaxRecords): ReadonlyMap<ByteText, ByteText> | null {
  const xattrs = new Map<ByteText, ByteText>();
  for (const [key, value] of records) {
    if (key.startsWith(xattrPrefix) && value !== '') xattrs.set(key.slice(xattrPrefix.length), value);
  }
  return xattrs.size > 0 ? xattrs : null;
}

/** Of GNU tar's three ways to say it (0.0, 0.1, 1.0), the one that is there. @throws ImageError */
export function paxSparse(records: PaxRecords): SparseRecords | null {
  if (!records.some(([key]) => key.startsWith(sparsePrefix))) return null;
  const name = paxText(records, `${sparsePrefix}name`);
  const major = paxNumber(records, `${sparsePrefix}major`);
  const size = paxNumber(records, `${sparsePrefix}realsize`) ?? paxNumber(records, `${sparsePrefix}size`);
  if (size === null) throw new ImageError('a sparse file has no size');
  if (major !== null && major !== 0) {
    if (major !== 1 || paxNumber(records, `${sparsePrefix}minor`) !== 0)
      throw new ImageError('a sparse file is of a format that is not understood');
    return { name, size, map: null };
  }
  const map = paxText(records, `${sparsePrefix}map`);
  const numbers =
    map === null
      ? records
          .filter(([key]) => key === `${sparsePrefix}offset` || key === `${sparsePrefix}numbytes`)
          .map(([key, value]) => decimal(value, key))
      : map.split(',').map((value) => decimal(value, `${sparsePrefix}map`));
  return { name, size, map: segments(numbers) };
}

/** From offsets and lengths in turn. @throws ImageError */
export function segments(numbers: readonly number[]): Segment[] {
  if (numbers.length % 2 !== 0) throw new ImageError('the map of a sparse file is malformed');
  checkedCount(numbers.length / 2);
  const map: Segment[] = [];
  for (let at = 0; at < numbers.length; at += 2)
    map.push({ offset: numbers[at] ?? 0, length: numbers[at + 1] ?? 0 });
  return map;
}

/** Pieces in order, none over another nor beyond the end, and as many bytes in them as are stored. @throws ImageError */
export function checkSegments(map: readonly Segment[], size: number, stored: number): void {
  let end = 0;
  let bytes = 0;
  for (const { offset, length } of map) {
    if (offset < end || offset + length > size) throw new ImageError('the map of a sparse file is malformed');
    end = offset + length;
    bytes += length;
  }
  if (bytes !== stored)
    throw new ImageError(`a sparse file has ${bytes} bytes by its map and ${stored} that are stored`);
}

/** How many pieces a sparse file has, if they are not too many. @throws ImageError */
export function checkedCount(pieces: number): number {
  if (pieces > maxSegments) throw new ImageError(`a sparse file has more than ${maxSegments} pieces`);
  return pieces;
}

export function decimal(text: string, what: string): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new ImageError(`the PAX record ${what} is no number`);
  return value;
}
