import { closeSync, fstatSync, mkdtempSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFile, ownDescriptor } from './descriptor.js';
import { native } from './native.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'msb-unit-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const open = () => readdirSync('/proc/self/fd').length;

describe.runIf(process.platform === 'linux')('a descriptor', () => {
  it('is closed once, and not when its number is that of another file', () => {
    for (const make of [() => openFile(join(directory, 'file'), 'w'), () => ownDescriptor(socket())]) {
      const before = open();
      const descriptor = make();
      expect(open()).toBe(before + 1);
      descriptor[Symbol.dispose]();
      expect(open()).toBe(before);
      const others: number[] = [];
      do others.push(openSync(directory, 'r'));
      while (!others.includes(descriptor.fd));
      descriptor[Symbol.dispose]();
      for (const other of others) {
        expect(fstatSync(other).isDirectory()).toBe(true);
        closeSync(other);
      }
    }
  });

  it('of a file that is made is for nobody else', () => {
    using _file = openFile(join(directory, 'file'), 'w');
    expect(statSync(join(directory, 'file')).mode & 0o777).toBe(0o600);
    expect(() => openFile(join(directory, 'nowhere'), 'r')).toThrow(/ENOENT/);
  });
});

function socket(): number {
  const [ours, theirs] = native.socketPair();
  native.closeFd(ours);
  return theirs;
}
