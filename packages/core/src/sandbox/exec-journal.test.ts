import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExecJournal } from './exec-journal.js';

const bytes = (text: string) => new Uint8Array(Buffer.from(text));

/** The one record of a journal that has only one. */
function only(journal: ExecJournal) {
  const [record, ...others] = journal.records();
  if (!record || others.length > 0) throw new Error(`There are ${journal.records().length} records.`);
  return record;
}

describe('ExecJournal', () => {
  it('tells what ran, since when, for how long, and how it ended', () => {
    const journal = new ExecJournal();
    const before = Date.now();
    const entry = journal.begin('sh', ['-c', 'exit 3']);
    expect(only(journal)).toEqual({
      command: 'sh',
      args: ['-c', 'exit 3'],
      startedAt: expect.any(Date),
      durationMs: null,
      status: null,
      stdout: '',
      stderr: '',
    });
    expect(only(journal).startedAt.getTime()).toBeGreaterThanOrEqual(before);
    entry.output('stdout', bytes('out\n'));
    entry.output('stderr', bytes('err\n'));
    entry.exited(3, null);
    expect(only(journal)).toMatchObject({
      durationMs: expect.any(Number),
      status: { kind: 'exited', code: 3, signal: null },
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  it('keeps the first end', () => {
    const journal = new ExecJournal();
    const entry = journal.begin('x', []);
    entry.failed(new Error('why'));
    const { durationMs } = only(journal);
    entry.exited(0, null);
    entry.failed(new Error('later'));
    expect(only(journal)).toMatchObject({ status: { kind: 'failed', message: 'why' }, durationMs });
  });

  it('remembers the last 32, oldest first', () => {
    const journal = new ExecJournal();
    const first = journal.begin('first', []);
    for (let i = 0; i < 32; i++) journal.begin(`command ${i}`, []);
    first.output('stdout', bytes('from one that is forgotten'));
    first.exited(0, null);
    expect(journal.records().map(({ command }) => command)).toEqual(
      Array.from({ length: 32 }, (_, i) => `command ${i}`),
    );
  });

  it('keeps commands that run at once apart', () => {
    const journal = new ExecJournal();
    const [a, b] = [journal.begin('a', []), journal.begin('b', [])];
    for (let i = 0; i < 3; i++) {
      b.output('stdout', bytes(`b${i} `));
      a.output('stdout', bytes(`a${i} `));
      a.output('stderr', bytes(`e${i} `));
    }
    b.exited(-1, 9);
    expect(journal.records()).toMatchObject([
      { command: 'a', stdout: 'a0 a1 a2 ', stderr: 'e0 e1 e2 ', status: null },
      { command: 'b', stdout: 'b0 b1 b2 ', stderr: '', status: { code: -1, signal: 9 } },
    ]);
  });

  it('gives a snapshot, which nothing changes later and which changes nothing', () => {
    const journal = new ExecJournal();
    const entry = journal.begin('x', ['a']);
    const snapshot = journal.records();
    entry.output('stdout', bytes('more'));
    entry.exited(0, null);
    journal.begin('y', []);
    expect(snapshot).toMatchObject([{ command: 'x', stdout: '', status: null }]);
    for (const { args, startedAt } of snapshot) {
      (args as string[]).push('b');
      startedAt.setTime(0);
    }
    expect(journal.records()[0]).toMatchObject({ args: ['a'] });
    expect(journal.records()[0]?.startedAt.getTime()).not.toBe(0);
  });

  it('keeps the last 4096 bytes of a stream, however they came', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 9000 }), { maxLength: 12 }), (sizes) => {
        const journal = new ExecJournal();
        const entry = journal.begin('x', []);
        let all = '';
        for (const size of sizes) {
          const chunk = Array.from({ length: size }, (_, i) => 'abcdefghijklmnopqrs'[(all.length + i) % 19]);
          entry.output('stderr', bytes(chunk.join('')));
          all += chunk.join('');
        }
        expect(only(journal).stderr).toBe(all.slice(-4096));
      }),
    );
  });

  it('cuts no character in two', () => {
    const journal = new ExecJournal();
    const entry = journal.begin('x', []);
    entry.output('stdout', bytes(`${'€'.repeat(1365)}ab`)); // 4097 bytes: the first of the first € is one too many
    expect(only(journal).stdout).toBe(`${'€'.repeat(1364)}ab`);
    entry.output('stderr', bytes('€').subarray(0, 2));
    expect(only(journal).stderr).toBe('');
    entry.output('stderr', bytes('€').subarray(2));
    expect(only(journal).stderr).toBe('€');
    entry.output('stderr', bytes('€').subarray(0, 2));
    entry.exited(0, null);
    expect(only(journal).stderr).toBe('€\ufffd');
  });

  it('is safe for a terminal, whatever bytes a guest writes', () => {
    const journal = new ExecJournal();
    const entry = journal.begin('x', []);
    entry.output('stdout', bytes('\u001b[2J\u001b]0;title\u0007one\r\ntwo\u0000\ttab'));
    entry.output(
      'stderr',
      Uint8Array.from({ length: 10_000 }, (_, i) => (i * 7919) & 255),
    );
    entry.failed(new Error('\u001b[31mred\u0007'));
    const { stdout, stderr, status } = only(journal);
    expect(stdout).toBe('one\ntwo\ttab');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not be there
    expect(stderr).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    expect(status).toEqual({ kind: 'failed', message: 'red' });
  });

  it('shortens command lines and messages that nobody would read', () => {
    const journal = new ExecJournal();
    journal.begin('sh', ['-c', 'x'.repeat(1_000_000), 'last']).failed(new Error('y'.repeat(1_000_000)));
    const { args, status } = only(journal);
    expect(args).toEqual(['-c', `${'x'.repeat(4096 - 'sh -c '.length - 1)}…`, '…']);
    expect(status).toMatchObject({ message: `${'y'.repeat(4095)}…` });

    const many = new ExecJournal();
    many.begin('x', Array(1_000_000).fill(''));
    expect(only(many).args).toHaveLength(4096 - 'x '.length + 1);
    expect(only(many).args.at(-1)).toBe('…');
    many.begin('😀'.repeat(5000), []);
    expect(many.records()[1]?.command).toBe(`${'😀'.repeat(2047)}…`);
  });
});
