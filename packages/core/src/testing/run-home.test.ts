import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RunHome } from './run-home.js';

let root: string;
let env: NodeJS.ProcessEnv;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'msb-'));
  env = { MSB_HOME: join(root, 'home'), MSB_RUNTIME_DIR: join(root, 'run') };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const runs = () => readdirSync(join(root, 'home/runs'));
const sockets = () => readdirSync(join(root, 'run'));

describe('RunHome', () => {
  it('is below the home and the place for sockets, and goes at the end', async () => {
    {
      await using home = await RunHome.open(env);
      expect(home.env.MSB_HOME).toBe(join(root, 'home/runs', runs()[0] ?? ''));
      expect(home.env.MSB_RUNTIME_DIR).toBe(join(root, 'run', sockets()[0] ?? ''));
      expect(await home.leaks()).toEqual([]);
    }
    expect([runs(), sockets()]).toEqual([[], []]);
  });

  it('leaves alone what a living run has', async () => {
    await using home = await RunHome.open(env);
    await using _other = await RunHome.open(env);
    expect(existsSync(home.env.MSB_HOME)).toBe(true);
    expect(runs()).toHaveLength(2);
  });

  it('removes what dead runs left, locked or not', async () => {
    for (const id of ['00000001', '00000002', '00000003']) {
      mkdirSync(join(root, 'home/runs', id, 'sandboxes'), { recursive: true });
      mkdirSync(join(root, 'run', id), { recursive: true, mode: 0o700 });
    }
    writeFileSync(join(root, 'home/runs/00000001/lock'), '');
    const longAgo = new Date(Date.now() - 3_600_000);
    utimesSync(join(root, 'home/runs/00000002'), longAgo, longAgo); // died before it had a lock
    mkdirSync(join(root, 'home/runs/not-a-run'));
    rmSync(join(root, 'run'), { recursive: true });
    mkdirSync(join(root, 'run/00000001'), { recursive: true, mode: 0o700 });
    {
      await using _home = await RunHome.open(env);
      expect(runs().filter((name) => name.startsWith('0000'))).toEqual(['00000003']); // which may be in the making
      expect(existsSync(join(root, 'run/00000001'))).toBe(false);
    }
    expect(runs().sort()).toEqual(['00000003', 'not-a-run']);
  });

  it('names what is left in it, and removes that', async () => {
    await using home = await RunHome.open(env);
    const stray = join(home.env.MSB_RUNTIME_DIR, 'stray');
    mkdirSync(stray);
    expect(await home.leaks()).toEqual([`directory ${stray}`]);
  }, 20_000);

  it('goes even without the time to wait', async () => {
    const home = await RunHome.open(env);
    home.abandon();
    expect([runs(), sockets()]).toEqual([[], []]);
    await home[Symbol.asyncDispose]();
  });
});
