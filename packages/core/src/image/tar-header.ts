import type { ByteText } from '../disk/file-tree.js';
import { ImageError } from '../errors.js';

export const recordSize = 512;

/** A header's fields as they stand; what PAX records, long names and sparse maps say of the entry is not in it. */
export interface TarHeader {
  readonly name: ByteText;
  readonly linkTarget: ByteText;
  readonly type: string;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly major: number;
  readonly minor: number;
}

/** @throws ImageError when it is none. */
export function parseTarHeader(block: Buffer): TarHeader {
  checkSum(block);
  const isGnu = block.toString('latin1', 257, 265) === 'ustar  \0';
  const isUstar = block.toString('latin1', 257, 263) === 'ustar\0';
  const name = textAt(block, 0, 100);
  // GNU's has access and creation times where the others have the beginning of a long name; an old writer put one there nevertheless.
  const prefix =
    isUstar || (isGnu && !/^[0-7 ]*$/.test(textAt(block, 345, 12)) && (block[345] ?? 0) < 0x80)
      ? textAt(block, 345, isStar(block) ? 131 : 155)
      : '';
  const hasDevice = isUstar || isGnu;
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkTarget: textAt(block, 157, 100),
    type: String.fromCharCode(block[156] ?? 0),
    size: unsigned(block, 124, 12, 'size'),
    mode: numberAt(block, 100, 8, 'mode'),
    uid: unsigned(block, 108, 8, 'uid'),
    gid: unsigned(block, 116, 8, 'gid'),
    mtime: numberAt(block, 136, 12, 'mtime'),
    major: hasDevice ? unsigned(block, 329, 8, 'major device number') : 0,
    minor: hasDevice ? unsigned(block, 337, 8, 'minor device number') : 0,
  };
}

export function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

/** What is not a number, or none that a double holds, is refused. */
export function numberAt(block: Buffer, at: number, length: number, what: string): number {
  const field = block.subarray(at, at + length);
  const first = field[0] ?? 0;
  if (first >= 0x80) {
    // Binary, two's complement, with the topmost bit as the mark.
    let value = BigInt(first & 0x40 ? (first & 0x7f) - 0x80 : first & 0x7f);
    for (const byte of field.subarray(1)) value = (value << 8n) | BigInt(byte);
    if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER))
      throw new ImageError(`a ${what} is beyond all bounds`);
    return Number(value);
  }
  const digits = field
    .toString('latin1')
    .replace(/^[ \0]+/, '')
    .replace(/[ \0].*$/s, '');
  if (!/^[0-7]*$/.test(digits)) throw new ImageError(`a ${what} is no number`);
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

export function unsigned(block: Buffer, at: number, length: number, what: string): number {
  const value = numberAt(block, at, length, what);
  if (value < 0) throw new ImageError(`a ${what} is negative`);
  return value;
}

/** Some old writers summed signed bytes. */
function checkSum(block: Buffer): void {
  let sum = 0;
  let signed = 0;
  for (let at = 0; at < recordSize; at++) {
    const byte = at >= 148 && at < 156 ? 0x20 : (block[at] ?? 0);
    sum += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const stated = numberAt(block, 148, 8, 'checksum');
  if (stated !== sum && stated !== signed) throw new ImageError('what should be a header is none');
}

function isStar(block: Buffer): boolean {
  return block.toString('latin1', 508, 512) === 'tar\0';
}

function textAt(block: Buffer, at: number, length: number): ByteText {
  const text = block.toString('latin1', at, at + length);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}
