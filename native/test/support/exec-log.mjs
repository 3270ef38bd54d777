/** Reads the log that a relay keeps of its machine, by the letter of docs/architecture.md. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const KINDS = ['continued', 'stdout', 'stderr', 'output', 'console', 'vmm', 'started', 'stopped'];

/** All entries, oldest first: {kind, session, text, time}. */
export const execLog = (dir) => {
  const number = (name) => Number(/^exec\.(\d+)\.log$/.exec(name)?.[1]);
  const names = readdirSync(dir).filter((name) => number(name) > 0);
  return names
    .sort((a, b) => number(a) - number(b))
    .flatMap((name) => entriesOf(readFileSync(join(dir, name))));
};

const entriesOf = (bytes) => {
  const sync = bytes.subarray(32, 40);
  const entries = [];
  for (let at = 48; at < bytes.length; ) {
    if (!bytes.subarray(at, at + 8).equals(sync)) throw new Error(`no record at ${at}`);
    const end = at + 32 + bytes.readUInt32BE(at + 8);
    entries.push({
      kind: KINDS[bytes[at + 12]],
      session: bytes.readUInt32BE(at + 24),
      text: bytes.toString('latin1', at + 32, end),
      time: Number(bytes.readBigUInt64BE(at + 16)) / 1000,
    });
    at = end;
  }
  return entries;
};
