import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { logTail, printable } from './console-tail.js';

const directory = mkdtempSync(join(tmpdir(), 'msb-unit-'));
afterAll(() => rmSync(directory, { recursive: true }));

function tailOf(text: string, lines?: number): string {
  const path = join(directory, 'console.log');
  writeFileSync(path, text);
  return logTail(path, lines === undefined ? {} : { lines });
}

describe('logTail', () => {
  it('gives the last lines, and nothing for a file that is not there', () => {
    expect(tailOf('a\nb\nc\n', 2)).toBe('b\nc');
    expect(tailOf('')).toBe('');
    expect(logTail(join(directory, 'absent'))).toBe('');
  });

  it('keeps the line that says why, however long the trace after it', () => {
    const text = `boot\nKernel panic - not syncing: x\n${'trace\n'.repeat(40)}end\n`;
    expect(tailOf(text, 3)).toBe('Kernel panic - not syncing: x\n…\ntrace\ntrace\nend');
  });

  it('reads a bounded part of a huge log', () => {
    expect(tailOf('x'.repeat(5_000_000)).length).toBeLessThan(20_000);
  });
});

const steering = fc.constantFrom(
  '\u001b',
  '[',
  ']',
  '0;',
  'm',
  '\u0007',
  '\u009b',
  '\r',
  '\n',
  '\t',
  '\u0000',
  'Kernel panic',
  'é',
  'x',
);
const guestText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(steering, { maxLength: 60 }).map((all) => all.join('')),
);
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not be there
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

describe('whatever a guest prints', () => {
  it('has no control characters left but newline and tab', () => {
    fc.assert(
      fc.property(guestText, (text) => {
        const shown = printable(text);
        expect(shown).not.toMatch(control);
        expect(printable(shown)).toBe(shown);
        expect(shown.length).toBeLessThanOrEqual(text.length);
      }),
      { numRuns: 2000 },
    );
  });

  it('has an end of a bounded number of lines, in bytes of any kind', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 1, max: 5 }), (bytes, lines) => {
        const path = join(directory, 'any.log');
        writeFileSync(path, bytes);
        const tail = logTail(path, { lines, bytes: 200 });
        expect(tail).not.toMatch(control);
        // Those that name a disaster may come before the last ones, as many again.
        expect(tail.split('\n').length).toBeLessThanOrEqual(2 * lines + 1);
        expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(3 * 200 + 4);
      }),
      { numRuns: 300 },
    );
  });
});

describe('printable', () => {
  it('takes out what could steer a terminal', () => {
    expect(printable('\u001b[2J\u001b]0;title\u0007a\u001b(B\r\nb\u0000\u009bc\td')).toBe('a\nbc\td');
  });
});
