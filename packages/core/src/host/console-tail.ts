import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** Lines that say what the many after them only illustrate. */
const telling = /Kernel panic|BUG:|Oops:|Out of memory|agentd: fatal/;

/**
 * The last lines of a log that a guest filled: bounded, and with everything taken out that could steer a terminal. A line that names
 * a disaster is kept even when its stack trace has pushed it out of the last lines.
 *
 * @returns an empty string when there is no such file.
 */
export function logTail(path: string, { lines = 20, bytes = 16_384 } = {}): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const size = fstatSync(fd).size;
    const buffer = Buffer.alloc(Math.min(size, bytes));
    const read = readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    const all = printable(buffer.subarray(0, read).toString('utf8')).trimEnd().split('\n');
    const before = all.slice(0, -lines).filter((line) => telling.test(line));
    return [...before.slice(-lines), ...(before.length > 0 ? ['…'] : []), ...all.slice(-lines)].join('\n');
  } finally {
    closeSync(fd);
  }
}

/** Text from a guest, safe to print: no escape sequences, no control characters but newline and tab. */
export function printable(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to remove
      .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g, '')
      .replace(/\r+\n/g, '\n')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to remove
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
  );
}
