import { appendFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { InvalidCursorError, MissedRotationError } from '../errors.js';
import { encodeRecord, header, type Written, WrittenLog } from './log.test.support.js';
import { placeOf } from './log-cursor.js';
import { type LogItem, LogReader } from './log-reader.js';

const written = (text: string, session = 1): Written => ({
  kind: 'stdout',
  session,
  data: Buffer.from(text),
});
const continued: Written = { kind: 'continued', session: 0, data: Buffer.alloc(0) };

function all(reader: LogReader): LogItem[] {
  const items: LogItem[] = [];
  for (let item = reader.next(); item; item = reader.next()) items.push(item);
  return items;
}

function read(log: WrittenLog, cursor?: string): LogItem[] {
  using reader = new LogReader(log.path, cursor === undefined ? null : placeOf(cursor));
  reader.checkPlace();
  return all(reader);
}

const texts = (items: readonly LogItem[]) => items.map(({ data }) => Buffer.from(data).toString());

/** Some of it may begin like a record, and the data of some is large. */
const record = fc.record({
  kind: fc.constantFrom('stdout', 'stderr', 'output', 'console', 'started', 'stopped' as const),
  session: fc.nat(5),
  data: fc.oneof(
    { weight: 18, arbitrary: fc.uint8Array({ maxLength: 60 }) },
    { weight: 1, arbitrary: fc.constant(encodeRecord(99, written('forged'))) },
    { weight: 1, arbitrary: fc.nat(300_000).map((size) => new Uint8Array(size).fill(7)) },
  ),
});
const files = fc.array(fc.array(record, { maxLength: 8 }), { minLength: 1, maxLength: 4 });

function write(log: WrittenLog, content: readonly (readonly Written[])[]): void {
  content.forEach((records, index) => {
    log.begin(index + 1);
    log.append(index + 1, index + 1 < content.length ? [...records, continued] : records);
  });
}

const plain = ({ kind, session, data }: Pick<LogItem, 'kind' | 'session' | 'data'>) => ({
  kind,
  session,
  data: Buffer.from(data).toString('latin1'),
});

/** Files are written by the hundred, on a host that may be busy. */
vi.setConfig({ testTimeout: 60_000 });

describe('a log', () => {
  it('is read over all its files, and from each cursor what comes behind it and nothing else', () => {
    fc.assert(
      fc.property(files, (content) => {
        using log = new WrittenLog();
        write(log, content);
        const items = read(log);
        expect(items.map(plain)).toEqual(content.flat().map(plain));
        for (const [index, { cursor }] of items.entries()) {
          if (items.length > 6 && index % 3 > 0) continue;
          expect(read(log, cursor).map(plain)).toEqual(items.slice(index + 1).map(plain));
        }
      }),
      { numRuns: 40 },
    );
  });

  it('has whole milliseconds, and kinds that are not known are none', () => {
    using log = new WrittenLog();
    log.begin(1);
    log.append(1, [written('a')]);
    expect(read(log)[0]?.timeMs).toBe(1_764_000_000_000);
    const bytes = encodeRecord(1, written('later'));
    bytes.writeUInt8(200, 12);
    appendFileSync(log.file(1), bytes);
    log.append(1, [written('b')]);
    expect(texts(read(log))).toEqual(['a', 'b']); // its checksum does not fit either
  });

  it('that grows byte by byte gives each record once, when it is whole', () => {
    using log = new WrittenLog();
    log.begin(1);
    using reader = new LogReader(log.path);
    const records = ['one', '', 'three'].map((text) => written(text));
    const bytes = Buffer.concat(records.map((one) => encodeRecord(1, one)));
    const seen: string[] = [];
    for (let at = 0; at < bytes.length; at++) {
      expect(reader.hasMore()).toBe(false);
      appendFileSync(log.file(1), bytes.subarray(at, at + 1));
      seen.push(...texts(all(reader)));
    }
    expect(seen).toEqual(['one', '', 'three']);
  });

  it('goes on in the next file, with a word of the last or without one', () => {
    using log = new WrittenLog();
    log.begin(1);
    using reader = new LogReader(log.path);
    log.append(1, [written('a')]);
    expect(texts(all(reader))).toEqual(['a']);
    log.append(1, [continued]);
    expect(all(reader)).toEqual([]);
    log.begin(2);
    expect(reader.hasMore()).toBe(true);
    log.append(2, [written('b')]);
    expect(texts(all(reader))).toEqual(['b']);
    appendFileSync(log.file(2), encodeRecord(2, written('cut off')).subarray(0, 35)); // its relay was killed
    log.begin(3);
    log.append(3, [written('c')]);
    expect(texts(all(reader))).toEqual(['c']);
    expect(reader.path).toBe(log.file(3));
  });

  it('whose torn end was taken away by the next relay goes on where that writes', () => {
    using log = new WrittenLog();
    log.begin(1);
    log.append(1, [written('a')]);
    const end = header(1).length + encodeRecord(1, written('a')).length;
    for (const torn of [
      encodeRecord(1, written('a longer one')).subarray(0, 40),
      Buffer.alloc(5_000, 'rubbish'),
    ]) {
      using reader = new LogReader(log.path);
      appendFileSync(log.file(1), torn);
      expect(texts(all(reader))).toEqual(['a']);
      truncateSync(log.file(1), end);
      log.append(1, [written('b')]);
      expect(texts(all(reader))).toEqual(['b']);
      truncateSync(log.file(1), end);
    }
  });

  it('that is rested is gone on with where it was', () => {
    using log = new WrittenLog();
    write(log, [[written('a'), written('b')], [written('c')]]);
    using reader = new LogReader(log.path);
    const seen: string[] = [];
    for (let item = reader.next(); item; item = reader.next()) {
      seen.push(Buffer.from(item.data).toString());
      reader.rest();
    }
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('that is not there is empty, and may come', () => {
    using log = new WrittenLog();
    using reader = new LogReader(log.path);
    expect([reader.next(), reader.path, reader.hasMore()]).toEqual([null, null, false]);
    log.begin(4, { previous: 0 });
    log.append(4, [written('late')]);
    expect(texts(all(reader))).toEqual(['late']);
    using gone = new LogReader('/nowhere/at/all');
    expect(gone.next()).toBeNull();
  });

  it("is not gone on with in another log's files, where its directory has become that one's", () => {
    using log = new WrittenLog();
    log.begin(1);
    log.append(1, [written('a')]);
    using reader = new LogReader(log.path);
    expect(texts(all(reader))).toEqual(['a']);
    log.begin(2, { seed: 5 });
    log.append(2, [written('secret')], 5);
    expect(all(reader)).toEqual([]);
    expect(all(reader)).toEqual([]);
  });
});

describe('a log that was damaged', () => {
  const damage = fc.array(
    fc.record({ at: fc.nat(), bytes: fc.uint8Array({ minLength: 1, maxLength: 80 }) }),
    {
      maxLength: 3,
    },
  );

  it('gives all records that are whole, in their order, and nothing that was none', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 20 }),
        damage,
        fc.nat(),
        (records, holes, cut) => {
          using log = new WrittenLog();
          const parts = records.map((one, index) => encodeRecord(1, { ...one, session: index + 1 }));
          const bytes = Buffer.concat([header(1), ...parts]);
          const touched = new Set<number>();
          const kept = cut % 3 === 0 ? 48 + (cut % (bytes.length - 47)) : bytes.length;
          const ends = parts.map(
            (_, index) => 48 + parts.slice(0, index + 1).reduce((sum, { length }) => sum + length, 0),
          );
          for (const hole of holes) {
            const from = 48 + (hole.at % (bytes.length - 48));
            const to = Math.min(bytes.length, from + hole.bytes.length);
            bytes.set(hole.bytes.subarray(0, to - from), from);
            ends.forEach((end, index) => {
              if (from < end && to > end - (parts[index]?.length ?? 0)) touched.add(index + 1);
            });
          }
          ends.forEach((end, index) => {
            if (end > kept) touched.add(index + 1);
          });
          writeFileSync(log.file(1), bytes.subarray(0, kept));
          const items = read(log);
          const sessions = items.map(({ session }) => session);
          expect(sessions).toEqual([...sessions].sort((a, b) => a - b));
          expect(new Set(sessions).size).toBe(sessions.length);
          const whole = records.flatMap((one, index) =>
            touched.has(index + 1) ? [] : [{ ...one, session: index + 1 }],
          );
          expect(items.filter(({ session }) => !touched.has(session)).map(plain)).toEqual(whole.map(plain));
          for (const { session } of items) expect(session).toBeLessThanOrEqual(records.length);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('of random bytes is read to its end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, headed) => {
        using log = new WrittenLog();
        writeFileSync(log.file(1), headed ? Buffer.concat([header(1), bytes]) : bytes);
        expect(read(log)).toEqual([]);
      }),
    );
  });

  it('is passed over where a whole file is none', () => {
    using log = new WrittenLog();
    write(log, [[written('a')], [written('b')], [written('c')]]);
    writeFileSync(log.file(2), 'no log at all');
    expect(texts(read(log))).toEqual(['a', 'c']);
    writeFileSync(log.file(1), '');
    expect(texts(read(log))).toEqual(['c']);
  });
});

describe('a cursor', () => {
  it('that is none is refused', () => {
    for (const cursor of [
      '',
      'x',
      '1.2',
      '1.48.0123456789abcdef',
      '0.100.0123456789abcdef',
      '1.100.0123',
      '1e3.100.0123456789abcdef',
    ]) {
      expect(() => placeOf(cursor)).toThrow(InvalidCursorError);
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => placeOf(text)).toThrow(InvalidCursorError);
      }),
    );
  });

  it('of another log, or of no entry, is refused', () => {
    using log = new WrittenLog();
    write(log, [[written('a'), written('b')]]);
    const [first] = read(log);
    const [number, offset, id] = (first?.cursor ?? '').split('.');
    for (const other of [
      `2.${offset}.${id}`,
      `${number}.${Number(offset) + 1}.${id}`,
      `${number}.99999.${id}`,
    ]) {
      expect(() => read(log, other)).toThrow(InvalidCursorError);
    }
    expect(() => read(log, `${number}.${offset}.${'b'.repeat(16)}`)).toThrow('its file is another one');
    log.begin(1, { seed: 3 });
    expect(() => read(log, first?.cursor)).toThrow(InvalidCursorError);
    writeFileSync(log.file(1), 'rubbish');
    expect(() => read(log, first?.cursor)).toThrow('damaged');
  });

  it('whose file has gone for newer ones has missed them', () => {
    using log = new WrittenLog();
    write(log, [[written('a')], [written('b')]]);
    const [first] = read(log);
    rmSync(log.file(1));
    expect(() => read(log, first?.cursor)).toThrow(MissedRotationError);
    expect(texts(read(log))).toEqual(['b']);
  });

  it('is not needed to miss something: a slow reader does, too, and reads the file first that it has open', () => {
    using log = new WrittenLog();
    write(log, [[written('a'), written('b')], [written('c')], [written('d')]]);
    using reader = new LogReader(log.path);
    expect(Buffer.from(reader.next()?.data ?? []).toString()).toBe('a');
    rmSync(log.file(1));
    rmSync(log.file(2));
    expect(Buffer.from(reader.next()?.data ?? []).toString()).toBe('b');
    expect(() => reader.next()).toThrow(MissedRotationError);
    using rested = new LogReader(log.path);
    rested.next();
    rested.rest();
    log.begin(4, { previous: 3 });
    rmSync(log.file(3));
    expect(() => rested.next()).toThrow(MissedRotationError);
  });
});
