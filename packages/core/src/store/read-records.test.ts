import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeExit, endedCleanly, statusOf } from '../engine/ending.js';
import { readBootRecord, readExitRecord, readLockLine, readSandboxRecord } from './read-records.js';

const exit = {
  version: 1,
  startedAtUnixMs: 1764000000000,
  readyMs: 2034.1,
  exitMs: 5012.8,
  asked: { shutdownMs: 4100, killMs: null, ownerDeathMs: null, idleTimeoutMs: 4000, maxDurationMs: null },
  limits: { idleTimeoutMs: 5000, maxDurationMs: null },
  cause: null,
  vmm: { pid: 71, code: 0, signal: null },
  spawnError: { step: 'exec', errno: 2, code: 'ENOENT' },
  halted: 'a0',
};
const record = {
  version: 1,
  id: '1',
  createdAt: '2026-01-01T00:00:00.000Z',
  config: {
    ...{ name: 'a', image: 'b', cpus: 1, memoryMib: 256, rootDiskMib: 1024, env: { A: 'b' } },
    ...{ workdir: null, hostname: 'a', shell: '/bin/sh', ephemeral: false, labels: {} },
    ...{ user: 'app', rlimits: [{ resource: 'nofile', soft: 1, hard: 2 }], entrypoint: ['a'], cmd: ['b'] },
    ...{ idleTimeoutSecs: 5, maxDurationSecs: 60 },
  },
  image: { reference: 'b', digest: 'sha256:0', rootfs: 'r' },
};
const boot = {
  ...{ origin: 'cold', forked: false, spawnMs: 1, guestMs: 2, resumeMs: null, renewMs: null },
  ...{ totalMs: 3, attempts: 1 },
};

/** A text that was valid, cut off or with a few characters changed: what a bad disk makes of it. Or no such text at all. */
function damaged(valid: unknown): fc.Arbitrary<string> {
  const text = JSON.stringify(valid);
  const edit = fc.tuple(
    fc.nat({ max: text.length - 1 }),
    fc.constantFrom('0', '"', '{', '}', ',', '\0', 'n', '-', '1e999'),
  );
  return fc.oneof(
    fc.nat({ max: text.length }).map((size) => text.slice(0, size)),
    fc
      .array(edit, { maxLength: 4 })
      .map((edits) =>
        edits.reduce((changed, [at, by]) => changed.slice(0, at) + by + changed.slice(at + 1), text),
      ),
    fc.json(),
    fc.string(),
  );
}

/** The same with one of its values, at any depth, in another's place. */
function retyped(valid: object): fc.Arbitrary<string> {
  const paths: string[][] = [];
  const walk = (value: unknown, path: string[]) => {
    if (path.length > 0) paths.push(path);
    if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) walk(inner, [...path, key]);
  };
  walk(valid, []);
  return fc.tuple(fc.constantFrom(...paths), fc.jsonValue()).map(([path, value]) => {
    const copy = structuredClone(valid) as Record<string, unknown>;
    let at = copy;
    for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
    at[path.at(-1) as string] = value;
    return JSON.stringify(copy);
  });
}

const any = (valid: object) => fc.oneof(damaged(valid), retyped(valid));

describe('exit.json', () => {
  it('is read as it is written', () => {
    expect(readExitRecord(JSON.stringify(exit))).toEqual(exit);
    expect(
      readExitRecord(JSON.stringify({ ...exit, vmm: null, spawnError: null, halted: null })),
    ).not.toBeNull();
    const { limits, ...before } = exit;
    const asked = { shutdownMs: 4100, killMs: null, ownerDeathMs: null };
    expect(readExitRecord(JSON.stringify({ ...before, asked }))).not.toBeNull(); // of an earlier relay
  });

  it('is, whatever is in it, an end that can be told, or none', () => {
    fc.assert(
      fc.property(any(exit), (text) => {
        const read = readExitRecord(text);
        expect(typeof describeExit(read)).toBe('string');
        expect(typeof endedCleanly(read)).toBe('boolean');
        expect(['stopped', 'crashed']).toContain(statusOf(null, read));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('record.json', () => {
  it('is read as it is written', () => {
    expect(readSandboxRecord(JSON.stringify(record))).toEqual(record);
  });

  it('is, whatever is in it, a record with all that is read of it, or none', () => {
    fc.assert(
      fc.property(any(record), (text) => {
        const read = readSandboxRecord(text);
        if (read === undefined) return;
        expect(typeof read.id).toBe('string');
        expect(typeof read.config.name).toBe('string');
        expect(Number.isFinite(read.config.memoryMib)).toBe(true);
        expect(Object.entries(read.config.env)).toBeInstanceOf(Array);
        expect(typeof read.image.rootfs).toBe('string');
      }),
      { numRuns: 2000 },
    );
  });
});

describe('boot.json', () => {
  it('is read as it is written, or not at all', () => {
    expect(readBootRecord(JSON.stringify(boot))).toEqual(boot);
    fc.assert(
      fc.property(any(boot), (text) => {
        const read = readBootRecord(text);
        if (read) expect(Number.isFinite(read.totalMs + read.attempts)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the line in the lock file', () => {
  it('has a pid and a state, and is padded', () => {
    expect(readLockLine(`71 running\n${' '.repeat(20)}`)).toEqual({ pid: 71, state: 'running' });
    for (const text of [
      '',
      '71',
      '0 running',
      '-1 running',
      '71 runningly',
      `${'9'.repeat(8)} running`,
      ' 71 running',
    ])
      expect(readLockLine(text), text).toBeUndefined();
  });

  it('gives, whatever is in it, a number that a process can have', () => {
    const pieces = fc.constantFrom(
      '7',
      '0',
      ' ',
      '-',
      'starting',
      'running',
      'stopping',
      '\n',
      '\0',
      '4194304',
      '1e9',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 8 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, (line) => {
        const read = readLockLine(line);
        if (!read) return;
        expect(Number.isSafeInteger(read.pid) && read.pid > 0 && read.pid < 1e7).toBe(true);
        expect(['starting', 'running', 'stopping']).toContain(read.state);
      }),
      { numRuns: 2000 },
    );
  });
});
