import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checksum, type LogKind, logKinds } from './log-format.js';

export interface Written {
  readonly kind: LogKind;
  readonly session: number;
  readonly data: Uint8Array;
}

const nothing = '0'.repeat(16);

/** Files of a log as a relay would write them, with whatever in them a test wants. */
export class WrittenLog implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'msb-log-'));

  file(number: number): string {
    return join(this.path, `exec.${number}.log`);
  }

  /** Begins a file, with ids that follow from their numbers. */
  begin(number: number, { previous = number - 1, seed = 0 } = {}): void {
    writeFileSync(this.file(number), header(number, previous, seed));
  }

  append(number: number, records: readonly Written[], seed = 0): void {
    for (const record of records) appendFileSync(this.file(number), encodeRecord(number, record, seed));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

function idOf(number: number, seed: number): string {
  return number === 0 ? nothing : (number * 1000 + seed).toString(16).padStart(16, 'a');
}

function syncOf(number: number, seed: number): Buffer {
  return Buffer.from((number * 1000 + seed).toString(16).padStart(16, 'f'), 'hex');
}

export function header(number: number, previous = number - 1, seed = 0): Buffer {
  const bytes = Buffer.alloc(48);
  bytes.write('msb-log\u0001', 'latin1');
  bytes.writeUInt32BE(number, 8);
  bytes.write(idOf(number, seed), 16, 'hex');
  bytes.write(idOf(previous, seed), 24, 'hex');
  syncOf(number, seed).copy(bytes, 32);
  bytes.writeUInt32BE(checksum(bytes, 0, 40), 40);
  return bytes;
}

export function encodeRecord(number: number, { kind, session, data }: Written, seed = 0): Buffer {
  const bytes = Buffer.alloc(32 + data.length);
  syncOf(number, seed).copy(bytes);
  bytes.writeUInt32BE(data.length, 8);
  bytes.writeUInt8(logKinds.indexOf(kind), 12);
  bytes.writeBigUInt64BE(1_764_000_000_000_999n, 16);
  bytes.writeUInt32BE(session, 24);
  bytes.writeUInt32BE(checksum(bytes, 0, 28), 28);
  bytes.set(data, 32);
  return bytes;
}
