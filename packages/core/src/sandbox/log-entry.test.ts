import { describe, expect, it } from 'vitest';
import type { LogItem } from '../store/log-reader.js';
import { checkTail, LogEntry, LogSelection } from './log-entry.js';

const item = (fields: Partial<LogItem> = {}): LogItem => ({
  kind: 'stdout',
  timeMs: 1000,
  session: 3,
  data: Buffer.from('text'),
  cursor: 'c',
  ...fields,
});

describe('what is selected', () => {
  it('is what commands wrote, unless the system is asked for', () => {
    const some = new LogSelection({});
    expect(some.entry(item())).toEqual(
      new LogEntry(new Date(1000), 'stdout', 3, new Uint8Array(Buffer.from('text')), 'c'),
    );
    expect(some.entry(item({ kind: 'output' }))?.source).toBe('output');
    expect(some.entry(item({ kind: 'console' }))).toBeNull();
    for (const kind of ['console', 'vmm', 'started', 'stopped'] as const) {
      expect(new LogSelection({ sources: ['all'] }).entry(item({ kind, session: 0 }))).toMatchObject({
        source: 'system',
        sessionId: null,
      });
    }
    const stderr = new LogSelection({ sources: ['stderr'] });
    expect(stderr.entry(item())).toBeNull();
    expect(stderr.entry(item({ kind: 'stderr' }))?.source).toBe('stderr');
    expect(new LogSelection({ sources: ['all'] }).entry(item({ kind: null }))).toBeNull();
  });

  it('is of its time: since then, and until before then', () => {
    const between = new LogSelection({ since: new Date(1000), until: new Date(2000) });
    const within = [999, 1000, 1999, 2000].filter((timeMs) => between.entry(item({ timeMs })));
    expect(within).toEqual([1000, 1999]);
  });

  it('has data of its own', () => {
    const data = Buffer.from('text');
    const entry = new LogSelection({}).entry(item({ data }));
    data.fill(0);
    expect(entry?.text()).toBe('text');
  });

  it.each([
    { sources: [] },
    { sources: ['stdout', 'stdin'] },
    { sources: 'stdout' },
    { since: new Date(Number.NaN) },
    { until: 5 },
  ])('%j is refused, by name', (options) => {
    expect(() => new LogSelection(options as never)).toThrow(new RegExp(`^${Object.keys(options)[0]} is`));
  });

  it.each([-1, 1.5, Number.NaN])('a tail of %d is refused', (tail) => {
    expect(() => checkTail(tail)).toThrow('tail is');
  });
});

it('an entry that is no UTF-8 is a text all the same', () => {
  expect(new LogEntry(new Date(), 'stdout', 1, Uint8Array.from([0xff, 0x61]), '').text()).toBe('\ufffda');
});
