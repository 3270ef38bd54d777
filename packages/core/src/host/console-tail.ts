import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/**
 * The last lines of a log that a guest filled: bounded, and with everything taken out that could steer a terminal.
 *
 * @returns an empty string when there is no such file.
 */
export function logTail(path: string, { lines = 20, bytes = 8192 } = {}): string {
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
    return printable(buffer.subarray(0, read).toString('utf8'))
      .trimEnd()
      .split('\n')
      .slice(-lines)
      .join('\n');
  } finally {
    closeSync(fd);
  }
}

/** Text from a guest, safe to print: no escape sequences, no control characters but newline and tab. */
export function printable(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to remove
      .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?)/g, '')
      .replace(/\r+\n/g, '\n')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to remove
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
  );
}
