import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cpio } from './cpio.js';

it('is an archive that cpio itself unpacks to the same files', () => {
  const directory = mkdtempSync(join(tmpdir(), 'msb-unit-'));
  try {
    const contents = ['', 'a', 'abc', 'x'.repeat(4096)].map((text) => Buffer.from(text));
    const archive = cpio([
      { name: 'd', mode: 0o040755 },
      ...contents.map((content, index) => ({ name: `d/file-${index}`, mode: 0o100640, content })),
    ]);
    execFileSync('cpio', ['-i', '--quiet'], { input: archive, cwd: directory });
    contents.forEach((content, index) => {
      const path = join(directory, `d/file-${index}`);
      expect(readFileSync(path).equals(content)).toBe(true);
      expect(statSync(path).mode & 0o777).toBe(0o640);
    });
    expect(archive.length % 4).toBe(0);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
