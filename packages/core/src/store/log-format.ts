/**
 * The files of a machine's log, as its relay writes them (native/relay/log_segment.hh; docs/architecture.md). The guest decides what
 * is in the data of records, and nothing else.
 */

export const segmentHeaderBytes = 48;
export const recordHeaderBytes = 32;
const nameBytes = 8;
const segmentChecked = 40;
const recordChecked = 28;

/** No relay writes a longer record: the agent's frames are that long at most. */
const mostDataBytes = 4 * 1024 * 1024;

const magic = Buffer.from('msb-log\u0001', 'latin1');

/** What a record holds, by its number in the file. */
export const logKinds = [
  /** The last record of a file: the next file goes on. */
  'continued',
  'stdout',
  'stderr',
  'output',
  'console',
  'vmm',
  'started',
  'stopped',
] as const;

export type LogKind = (typeof logKinds)[number];

/** What stands at the beginning of a file. */
export interface LogSegment {
  readonly number: number;
  readonly id: string;
  /** The id of the file before; zeros where that is not known. */
  readonly previous: string;
  /** Begins each record. Random, so that no output can look like one. */
  readonly sync: Buffer;
}

export interface LogRecord {
  /** Null for one that only later versions know. */
  readonly kind: LogKind | null;
  /** Milliseconds since 1970, whole. */
  readonly timeMs: number;
  /** 0 where there is none. */
  readonly session: number;
  /** A part of the buffer. */
  readonly data: Uint8Array;
}

/** @returns null for what is no such header. */
export function decodeSegment(bytes: Buffer): LogSegment | null {
  if (bytes.length < segmentHeaderBytes || !bytes.subarray(0, nameBytes).equals(magic)) return null;
  if (checksum(bytes, 0, segmentChecked) !== bytes.readUInt32BE(segmentChecked)) return null;
  const name = (at: number) => bytes.subarray(at, at + nameBytes);
  return {
    number: bytes.readUInt32BE(8),
    id: name(16).toString('hex'),
    previous: name(24).toString('hex'),
    sync: Buffer.from(name(32)),
  };
}

/**
 * The first record that is whole, from `from` on; what is none is passed over.
 *
 * @returns null when there is none. What lies there may be the beginning of one that is still being written.
 */
export function nextRecord(
  buffer: Buffer,
  from: number,
  sync: Buffer,
): { readonly record: LogRecord; readonly end: number } | null {
  for (let at = from; at >= 0 && buffer.length - at >= recordHeaderBytes; at = buffer.indexOf(sync, at + 1)) {
    if (!isHeader(buffer, at, sync)) continue;
    const begin = at + recordHeaderBytes;
    const end = begin + buffer.readUInt32BE(at + 8);
    if (end > buffer.length) continue;
    const record = {
      kind: logKinds[buffer.readUInt8(at + 12)] ?? null,
      timeMs: Math.floor((buffer.readUInt32BE(at + 16) * 2 ** 32 + buffer.readUInt32BE(at + 20)) / 1000),
      session: buffer.readUInt32BE(at + 24),
      data: buffer.subarray(begin, end),
    };
    return { record, end };
  }
  return null;
}

/** How long the record at `at` is with its header, if one begins there; 0 if not, or if that cannot be told yet. */
export function recordBytesAt(buffer: Buffer, at: number, sync: Buffer): number {
  const there = buffer.length - at >= recordHeaderBytes && isHeader(buffer, at, sync);
  return there ? recordHeaderBytes + buffer.readUInt32BE(at + 8) : 0;
}

function isHeader(buffer: Buffer, at: number, sync: Buffer): boolean {
  return (
    buffer.compare(sync, 0, nameBytes, at, at + nameBytes) === 0 &&
    checksum(buffer, at, at + recordChecked) === buffer.readUInt32BE(at + recordChecked) &&
    buffer.readUInt32BE(at + 8) <= mostDataBytes
  );
}

/** FNV-1a. */
export function checksum(bytes: Buffer, from: number, to: number): number {
  let sum = 0x811c9dc5;
  for (let at = from; at < to; at++) sum = Math.imul(sum ^ (bytes[at] ?? 0), 0x01000193);
  return sum >>> 0;
}
