import { describe, expect, it } from 'vitest';
import { Tally, type TestRecord } from './tally.js';

const ran: TestRecord = {
  kind: 'ran',
  accelerator: 'tcg',
  booted: 1,
  origins: { clone: 1 },
  bootMs: 2000,
  waitedMs: 600,
  kept: [],
};
const skipped: TestRecord = {
  kind: 'skipped',
  reason: 'no KVM: open /dev/kvm failed with ENOENT',
  remedy: 'Get one.',
};
const leftOut: TestRecord = { kind: 'left out' };

function tally(...records: TestRecord[]): Tally {
  const all = new Tally();
  for (const record of records) all.add(record);
  return all;
}

describe('Tally', () => {
  it('counts what ran, what was skipped and why, and what was left out', () => {
    expect(tally(ran, ran).summary).toBe('microVM tests: 2 ran on tcg, 0 skipped');
    expect(tally(skipped, skipped).summary).toBe(
      'microVM tests: 0 ran, 2 skipped (no KVM: open /dev/kvm failed with ENOENT)',
    );
    expect(tally(ran, leftOut).summary).toBe('microVM tests: 1 ran on tcg, 0 skipped, 1 left out');
  });

  it('says what the machines cost, and which were kept', () => {
    const many: TestRecord = { ...ran, booted: 3, origins: { cold: 1, pool: 2 }, bootMs: 6000, waitedMs: 0 };
    expect(tally(ran, many).details).toEqual(['4 machines (2 pool, 1 clone, 1 cold), 2000 ms each to boot']);
    expect(tally(ran, { ...ran, kept: ['way in'] }).details).toEqual([
      '2 machines (2 clone), 2000 ms each to boot, 1.2 s spent in the queue for a place',
      'kept: way in',
    ]);
    expect(tally(skipped, skipped).details).toEqual(['to run them: Get one.']);
    expect(tally(leftOut).details).toEqual([]);
  });

  it('fails a run that was required to run, and did not', () => {
    expect(tally(ran, skipped).verdict('require')).toContain('1 microVM tests were skipped: no KVM');
    expect(tally(leftOut).verdict('require')).toContain('none of the 1 microVM tests ran');
    expect(tally(ran, leftOut).verdict('require')).toBeNull();
    expect(tally().verdict('require')).toBeNull();
    expect(tally(skipped, leftOut).verdict('auto')).toBeNull();
    expect(tally(skipped).verdict('off')).toBeNull();
  });

  it('warns on GitHub in one line, however the reason looks', () => {
    expect(tally({ ...skipped, reason: '50%\nof it' }).githubWarning).toBe(
      '::warning title=microVM tests skipped::1 microVM tests were skipped: 50%25%0Aof it',
    );
    expect(tally(ran).githubWarning).toBeNull();
  });
});
