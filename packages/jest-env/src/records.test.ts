import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { neverReported } from '@msbtest/core/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FileRecords, makeRecords, readRecords, recordsVariable } from './records.js';

const leftOut = { kind: 'left out' } as const;

describe('the records of a run', () => {
  let place: string;
  let directory: string;
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'msb-records-'));
    directory = join(place, 'records');
    makeRecords(directory);
    vi.stubEnv(recordsVariable, directory);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(place, { recursive: true });
  });

  it('are those of all files, the last of each test', () => {
    const a = new FileRecords('a.test.js');
    a.write(0, neverReported);
    a.write(1, leftOut);
    a.write(0, { ...neverReported, booted: 2 });
    new FileRecords('b.test.js').write(0, leftOut);
    expect(readRecords(directory)).toHaveLength(3);
    expect(readRecords(directory)).toEqual(
      expect.arrayContaining([{ ...neverReported, booted: 2 }, leftOut, leftOut]),
    );
  });

  it('replace those of a process that ran the file before and was killed while it wrote', () => {
    new FileRecords('a.test.js').write(0, leftOut);
    const [name = ''] = readdirSync(directory);
    appendFileSync(join(directory, name), '[0,{"kind":"r');
    new FileRecords('a.test.js').write(0, neverReported);
    new FileRecords('a.test.js').write(1, leftOut);
    expect(readRecords(directory)).toEqual([neverReported, leftOut]);
  });

  it('are nowhere when nobody will read them', () => {
    vi.stubEnv(recordsVariable, undefined);
    const records = new FileRecords('a.test.js');
    records.write(0, leftOut);
    expect(records.areRead).toBe(false);
    expect(readdirSync(directory)).toEqual([]);
  });
});
