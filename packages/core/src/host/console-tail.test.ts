import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

describe('printable', () => {
  it('takes out what could steer a terminal', () => {
    expect(printable('\u001b[2J\u001b]0;title\u0007a\u001b(B\r\nb\u0000\u009bc\td')).toBe('a\nbc\td');
  });
});
