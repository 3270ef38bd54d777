import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { native } from '../host/native.js';
import type { SandboxRecord } from './record.js';
import { sameFile } from './sandbox-directory.js';
import { SandboxStore } from './sandbox-store.js';

let home: string;
let store: SandboxStore;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'msb-unit-'));
  store = new SandboxStore({ home, cache: join(home, 'cache'), runtime: join(home, 'run') });
});
afterEach(() => rmSync(home, { recursive: true }));

/** Says of which directories that have no name yet it got the lock. */
const lookForFreeLocks = `
const { existsSync, readdirSync } = require('node:fs');
const { parentPort, workerData: { root, native: url, over } } = require('node:worker_threads');
import(url).then(({ native }) => {
  const free = [];
  while (Atomics.load(over, 0) === 0) {
    try {
      for (const name of readdirSync(root).filter((name) => name.startsWith('.new-'))) {
        const path = root + '/' + name + '/lock';
        const lock = native.tryLockFile(path);
        if (lock === null) continue;
        if (existsSync(path)) free.push(name); // else it has been removed meanwhile, and the lock is free since
        native.closeFd(lock);
      }
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }
  parentPort.postMessage(free);
});`;

/** Sweeps without a pause, and says how often. */
const sweepOnAndOn = `
const { parentPort, workerData: { places, store: url, over } } = require('node:worker_threads');
import(url).then(async ({ SandboxStore }) => {
  const store = new SandboxStore(places);
  let sweeps = 0;
  for (; Atomics.load(over, 0) === 0; sweeps++) await store.sweep();
  parentPort.postMessage(sweeps);
});`;
const storeUrl = new URL('../../dist/store/sandbox-store.js', import.meta.url).href;
const nativeUrl = new URL('../../dist/host/native.js', import.meta.url).href;

const nothing = async () => {};
const names = () => (existsSync(join(home, 'sandboxes')) ? readdirSync(join(home, 'sandboxes')) : []);

function record(name: string, { ephemeral = false, id = `id of ${name}` } = {}): SandboxRecord {
  const config = {
    name,
    image: 'i',
    cpus: 1,
    memoryMib: 64,
    rootDiskMib: 64,
    env: {},
    workdir: null,
    hostname: 'h',
    shell: 'sh',
    ephemeral,
    labels: {},
  };
  return {
    version: 1,
    id,
    createdAt: new Date().toISOString(),
    config,
    image: { reference: 'i', digest: 'd', rootfs: 'r' },
  };
}

/** As a relay writes it whose machine has ended by itself. */
const exitRecord = (startedAtUnixMs: number) =>
  JSON.stringify({
    ...{ version: 1, startedAtUnixMs, readyMs: 5, exitMs: 10, cause: null, spawnError: null, halted: null },
    asked: { shutdownMs: null, killMs: null, ownerDeathMs: null },
    vmm: { pid: 71, code: 0, signal: null },
  });

describe('SandboxStore', () => {
  it('gives a name to one claim only', async () => {
    const claims = await Promise.allSettled(
      [1, 2, 3, 4].map((n) => store.claim(record('one', { id: `${n}` }), nothing)),
    );
    const won = claims.filter((claim) => claim.status === 'fulfilled');
    expect(won).toHaveLength(1);
    for (const claim of claims)
      if (claim.status === 'rejected') expect(claim.reason).toMatchObject({ code: 'sandboxAlreadyExists' });
    expect(names()).toHaveLength(1);
    for (const { value } of won) closeSync(value.lock);
  });

  it('leaves nothing of a claim that fails, its descriptor included', async () => {
    const failing = store.claim(record('x'), async (directory) => {
      writeFileSync(join(directory.path, 'part'), '');
      throw new Error('no space');
    });
    await expect(failing).rejects.toThrow('no space');
    expect(names()).toEqual([]);
    expect(() => store.find('x')).toThrow(/no sandbox named "x"/);
    const open = readdirSync('/proc/self/fd').length;
    await store.claim(record('y'), () => Promise.reject(new Error('no'))).catch(() => {});
    expect(readdirSync('/proc/self/fd').length).toBe(open);
  });

  it('sweeps what its creator left when it died, and nothing that somebody holds', async () => {
    const { directory, lock } = await store.claim(record('unfinished'), nothing);
    expect(await store.list()).toHaveLength(1);
    expect(await directory.holder()).toEqual({ kind: 'creator' });
    closeSync(lock); // what the kernel does when the creator dies
    expect(await store.list()).toEqual([]);
    expect(names()).toEqual([]);
  });

  it('keeps a sandbox whose create has succeeded, unless it is ephemeral and has ended a while ago', async () => {
    const kept = await store.claim(record('kept'), nothing);
    kept.directory.created();
    closeSync(kept.lock);
    const spent = await store.claim(record('spent', { ephemeral: true }), nothing);
    spent.directory.created();
    writeFileSync(join(spent.directory.path, 'exit.json'), exitRecord(Date.now() - 60_000));
    closeSync(spent.lock);
    const fresh = await store.claim(record('fresh', { ephemeral: true }), nothing);
    fresh.directory.created();
    writeFileSync(join(fresh.directory.path, 'exit.json'), exitRecord(Date.now()));
    closeSync(fresh.lock);
    expect((await store.list()).map((directory) => directory.record().config.name)).toEqual([
      'kept',
      'fresh',
    ]);
  });

  it('sweeps half-made directories and trash, but not one that is being made this moment', async () => {
    const root = join(home, 'sandboxes');
    const dead = ['.new-dead', '.trash-1-x', '.new-without-lock', '.new-never-held'];
    for (const name of [...dead, '.new-held']) mkdirSync(join(root, name), { recursive: true });
    for (const name of ['.new-dead', '.trash-1-x']) writeFileSync(join(root, name, 'lock'), '');
    writeFileSync(join(root, '.new-never-held', 'lock.new'), '');
    const lock = await native.lockFile(join(root, '.new-held', 'lock.new'), 1000);
    await store.sweep();
    native.closeFd(lock);
    expect(names()).toEqual(['.new-held']);
    await store.sweep();
    expect(names()).toEqual([]);
  });

  it('sweeps what a removal left that was cut short, when it has not been touched for a while', async () => {
    const root = join(home, 'sandboxes');
    const hourAgo = new Date(Date.now() - 3_600_000);
    for (const name of ['.trash-1-x', '.new-old', '.new-young']) {
      mkdirSync(join(root, name), { recursive: true });
      writeFileSync(join(root, name, 'record.json'), '');
      if (name !== '.new-young') utimesSync(join(root, name), hourAgo, hourAgo);
    }
    await store.sweep();
    expect(names()).toEqual(['.new-young']);
  });

  it('takes nothing away from who makes one, at whatever moment', async () => {
    const over = new Int32Array(new SharedArrayBuffer(4));
    const places = { home, cache: join(home, 'cache'), runtime: join(home, 'run') };
    const sweeper = new Worker(sweepOnAndOn, {
      eval: true,
      workerData: { places, store: storeUrl, over },
    });
    const swept = once(sweeper, 'message');
    try {
      await once(sweeper, 'online');
      for (let n = 0; n < 300; n++) {
        const { directory, lock } = await store.prepare(nothing);
        expect(sameFile(lock, join(directory.path, 'lock'))).toBe(true);
        expect(directory.creating).toBe(true);
        await directory.remove(lock);
      }
      Atomics.store(over, 0, 1);
      expect((await swept)[0], 'sweeps beside it').toBeGreaterThan(10);
      expect(names()).toEqual([]);
    } finally {
      await sweeper.terminate();
    }
  });

  it('has nothing that is being made look as if its creator had died, at whatever moment', async () => {
    const over = new Int32Array(new SharedArrayBuffer(4));
    const looker = new Worker(lookForFreeLocks, {
      eval: true,
      workerData: { root: join(home, 'sandboxes'), native: nativeUrl, over },
    });
    try {
      for (let n = 0; n < 300; n++) {
        const { directory, lock } = await store.prepare(nothing);
        await directory.remove(lock);
      }
      Atomics.store(over, 0, 1);
      expect(await once(looker, 'message')).toEqual([[]]);
    } finally {
      await looker.terminate();
    }
  });

  it('never takes a number in a lock file for a living relay unless the lock is held', async () => {
    const { directory, lock } = await store.claim(record('stale'), nothing);
    directory.created();
    writeFileSync(join(directory.path, 'lock'), `${process.pid} running\n`);
    closeSync(lock);
    expect(await directory.holder()).toBeNull();
    const again = await directory.acquire();
    await expect(directory.acquire()).rejects.toMatchObject({ code: 'sandboxStillRunning' });
    const holder = await directory.holder();
    expect(holder).toMatchObject({ kind: 'relay', state: 'running' });
    if (holder?.kind === 'relay') closeSync(holder.pidfd);
    await directory.remove(again);
    expect(names()).toEqual([]);
    await expect(directory.acquire()).rejects.toMatchObject({ code: 'sandboxNotFound' });
  });

  it('waits for one who only looks', async () => {
    const { directory, lock } = await store.claim(record('looked-at'), nothing);
    setTimeout(() => native.closeFd(lock), 20);
    closeSync(await directory.acquire());
  });

  it('prepares what nobody sees, and names it whole, with its sockets', async () => {
    const { directory, lock } = await store.prepare(async ({ path }) =>
      writeFileSync(join(path, 'part'), 'x'),
    );
    expect(await store.list()).toEqual([]); // nor is it swept: it is held
    mkdirSync(directory.sockets, { recursive: true });
    writeFileSync(directory.agentSocket, '');
    const stale = store.at('named');
    mkdirSync(stale.sockets, { recursive: true });
    writeFileSync(join(stale.sockets, 'stale'), '');

    const named = store.name(directory, record('named'));
    expect(named.path).toBe(store.find('named').path);
    expect(names()).toEqual([basename(named.path)]);
    expect(existsSync(directory.sockets)).toBe(false);
    expect(readdirSync(named.sockets)).toEqual(['agent.sock']);
    expect(readdirSync(named.path).sort()).toEqual(['creating', 'lock', 'part', 'record.json']);
    expect(await named.holder()).toEqual({ kind: 'creator' });
    closeSync(lock);
  });

  it('refuses a name that is taken, and what was to have it can have another', async () => {
    const taken = await store.claim(record('taken'), nothing);
    const { directory, lock } = await store.prepare(nothing);
    mkdirSync(directory.sockets, { recursive: true });
    expect(() => store.name(directory, record('taken'))).toThrow(/named "taken" already/);
    expect(existsSync(directory.sockets)).toBe(true);
    expect(store.name(directory, record('free')).record().config.name).toBe('free');
    expect(names()).toHaveLength(2);
    for (const fd of [lock, taken.lock]) closeSync(fd);
  });

  it('lets nobody have a name but the first, at whatever moment', async () => {
    const prepared = await Promise.all([1, 2, 3, 4].map(() => store.prepare(nothing)));
    const named = prepared.filter(({ directory }) => {
      try {
        return store.name(directory, record('one'));
      } catch (error) {
        expect(error).toMatchObject({ code: 'sandboxAlreadyExists' });
        return false;
      }
    });
    expect(named).toHaveLength(1);
    for (const { lock } of prepared) closeSync(lock);
  });

  it('tells a name that is free, also where a dead owner had it', async () => {
    await store.expectFree('x');
    const { lock } = await store.claim(record('x'), nothing);
    await expect(store.expectFree('x')).rejects.toMatchObject({ code: 'sandboxAlreadyExists' });
    closeSync(lock); // what the kernel does when the creator dies
    await store.expectFree('x');
    expect(names()).toEqual([]);
  });
});
