import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { native } from '../host/native.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import { Template } from './template.js';
import { Templates } from './templates.js';

const mib = 1024 * 1024;

let root: string;
let templates: Templates;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'msb-unit-'));
  const places = { home: join(root, 'home'), cache: join(root, 'cache'), runtime: join(root, 'run') };
  templates = new Templates(places, 3 * mib);
});
afterEach(() => rmSync(root, { recursive: true }));

const key = (n: number) => `${n}`.repeat(32);
const at = (entry: string) => join(root, 'cache/templates', entry);
const entries = () => readdirSync(join(root, 'cache/templates')).sort();
const bounds = { timeoutMs: 10_000 };

/** What a template of that size is filled with. */
const filled = (bytes: number) => async (directory: SandboxDirectory) =>
  writeFileSync(join(directory.path, 'memory'), Buffer.alloc(bytes, 1));

/** A time at which it was used, so many minutes ago. */
function age(n: number, minutes: number): void {
  const then = new Date(Date.now() - 60_000 * minutes);
  utimesSync(at(key(n)), then, then);
}

describe('Templates', () => {
  it('makes one once, however many want it at once', async () => {
    let built = 0;
    const build = async (directory: SandboxDirectory) => {
      built++;
      expect(templates.find(key(1))).toBeNull(); // not before it is whole
      await filled(10)(directory);
    };
    const made = await Promise.all([1, 2, 3].map(() => templates.make(key(1), build, bounds)));
    expect(built).toBe(1);
    expect(new Set(made.map(({ path }) => path))).toEqual(new Set([at(key(1))]));
    expect(entries()).toEqual([key(1), `${key(1)}.lock`]);
    expect(templates.find(key(1))?.memory).toBe(join(at(key(1)), 'memory'));
    expect(templates.find(key(2))).toBeNull();
  });

  it('leaves nothing of one that fails, and lets the next one try', async () => {
    const failing = templates.make(
      key(1),
      async (directory) => {
        await filled(10)(directory);
        throw new Error('no boot');
      },
      bounds,
    );
    const next = templates.make(key(1), filled(20), bounds);
    await expect(failing).rejects.toThrow('no boot');
    await next;
    expect(entries()).toEqual([key(1), `${key(1)}.lock`]);
  });

  it('tells a relay that what it has is unfinished', async () => {
    await templates.make(
      key(1),
      async (directory) => {
        expect(directory.creating).toBe(true);
        directory.created();
      },
      bounds,
    );
  });

  it('waits for another process half of the time, and can be told to give that up', async () => {
    mkdirSync(at(''), { recursive: true });
    const lock = await native.lockFile(at(`${key(1)}.lock`), 1000);
    try {
      const never = () => Promise.reject(new Error('it is not ours'));
      const begin = performance.now();
      await expect(templates.make(key(1), never, { timeoutMs: 600 })).rejects.toMatchObject({
        code: 'timeout',
      });
      expect(performance.now() - begin).toBeGreaterThan(290);
      const abort = new AbortController();
      const waiting = templates.make(key(1), never, { timeoutMs: 60_000, signal: abort.signal });
      abort.abort(new Error('changed my mind'));
      await expect(waiting).rejects.toThrow('changed my mind');
    } finally {
      native.closeFd(lock);
    }
    await templates.make(key(1), filled(10), { timeoutMs: 600 });
  });

  it('removes what was used least recently when there is too much, but not what it has just made', async () => {
    for (const n of [1, 2, 3]) await templates.make(key(n), filled(mib - 8192), bounds);
    for (const n of [1, 2, 3]) age(n, n);
    templates.find(key(3)); // is used
    await templates.make(key(4), filled(mib - 8192), bounds);
    expect(templates.list().map((template) => template.key)).toEqual([4, 3, 1].map(key));
    expect(entries().filter((entry) => entry.includes(key(2)))).toEqual([]); // its lock is gone, too

    await templates.make(key(5), filled(8 * mib), bounds);
    expect(entries()).toContain(key(5));
  });

  it('sweeps what dead makers left, and nothing that somebody makes', async () => {
    mkdirSync(at(''), { recursive: true });
    const theirs = await native.lockFile(at(`${key(2)}.lock`), 1000);
    const dead = [`.new-${key(1)}-0a`, `.new-${key(3)}-0b`, '.trash-0c'];
    for (const entry of [...dead, `.new-${key(2)}-0d`])
      mkdirSync(join(at(entry), 'in it'), { recursive: true });
    writeFileSync(at(`${key(3)}.lock`), '');
    await templates.make(key(1), filled(10), bounds);
    native.closeFd(theirs);
    expect(entries()).toEqual([`.new-${key(2)}-0d`, key(1), `${key(1)}.lock`, `${key(2)}.lock`].sort());
  });

  it('discards one, whoever else does', async () => {
    const template = await templates.make(key(1), filled(10), bounds);
    templates.discard(template);
    templates.discard(template);
    templates.discard(new Template(key(9), at(key(9))));
    expect(templates.list()).toEqual([]);
    expect(existsSync(template.path)).toBe(false);
  });

  it('lists them with their sizes, and nothing else', async () => {
    expect(templates.list()).toEqual([]);
    await templates.make(key(1), filled(mib), bounds);
    mkdirSync(at('something else'));
    const [only, ...more] = templates.list();
    expect(more).toEqual([]);
    expect(only).toMatchObject({ key: key(1), usedAt: expect.any(Date) });
    expect(only?.bytes).toBeGreaterThanOrEqual(mib);
  });
});
