import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Sandbox, type SandboxBuilder } from '@msbtest/core';
import { leftProcesses } from '@msbtest/fixtures/private-home';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { MachinePool } from '#core/engine/pool.js';
import { childrenCpuMs } from '#core/engine/stuck-boot.js';
import { checkout } from './support/saboteurs.js';
import { withEnv } from './support/stop-ways.js';
import { eventually, small, usePrivateHome, vmmsIn } from './support/vm.js';
import { warningsOf } from './support/warnings.js';
import { openPool } from './support/ways.js';

const home = usePrivateHome();
const builder = (name: string) => small(name).ephemeral(true);
beforeAll(async () => {
  await using _sandbox = await builder('has-a-template').create(); // which takes the longest, and is not what is tested
});
afterEach(async () => {
  expect((await Sandbox.list()).sandboxes.map(({ name }) => name)).toEqual([]);
});

const foresee = async (pool: MachinePool, ...builders: SandboxBuilder[]) =>
  pool.foresee(await Promise.all(builders.map((one) => one.build())));

async function ready(...builders: SandboxBuilder[]): Promise<MachinePool> {
  const pool = openPool();
  await foresee(pool, ...builders);
  await pool.settled();
  return pool;
}

const waiting = () => vmmsIn(join(home.path, 'home'));
const noneWaits = () => eventually(() => leftProcesses(home.path).length === 0, 5_000, 'no machine is left');

describe('a pool', () => {
  it('has the machine ready that was foreseen, and nobody sees it before', async () => {
    await using pool = await ready(builder('foreseen'));
    expect((await Sandbox.list()).sandboxes).toEqual([]);
    await using sandbox = await builder('asked-for').create({ pool });
    expect(sandbox.bootTimes).toMatchObject({ origin: 'pool', attempts: 1, renewMs: expect.any(Number) });
    expect((await Sandbox.get('asked-for')).bootRecord).toMatchObject({ origin: 'pool' });
    expect((await sandbox.exec('hostname')).stdout()).toBe('asked-for\n');
    expect((await sandbox.shell('cat /etc/machine-id')).stdout()).toBe(`${sandbox.id.replaceAll('-', '')}\n`);
    expect((await Sandbox.get('asked-for')).id).toBe(sandbox.id);
    expect(waiting()).toHaveLength(1); // what was foreseen has been taken, and is not made again
  });

  it('lets whoever asks wait for the one that is being made', async () => {
    await using pool = openPool();
    await foresee(pool, builder('soon'));
    await eventually(() => waiting().length > 0, 10_000, 'it is being made');
    await using sandbox = await builder('soon').create({ pool });
    expect(sandbox.bootTimes?.origin).toBe('pool');
  });

  it('has two, and gives each once', async () => {
    await using pool = await ready(builder('a'), builder('b'), builder('c'));
    expect(waiting()).toHaveLength(2);
    const origins = [];
    for (const name of ['a', 'b', 'c']) {
      await using sandbox = await builder(name).create({ pool });
      origins.push(sandbox.bootTimes?.origin);
    }
    expect(origins).toEqual(['pool', 'pool', 'clone']);
  });

  it('has nothing for another shape, nor for one that is to boot', async () => {
    await using pool = await ready(builder('foreseen'));
    {
      await using kept = await small('kept').create({ pool }); // its relay would have removed it
      expect(kept.bootTimes?.origin).toBe('clone');
      await kept.kill();
      await (await Sandbox.get('kept')).remove();
    }
    await using cold = await builder('cold').coldBoot().create({ pool });
    expect(cold.bootTimes?.origin).toBe('cold');
    expect(waiting()).toHaveLength(2);
  });

  it('gives up what is foreseen no more', async () => {
    await using pool = await ready(builder('foreseen'));
    const [before] = waiting();
    await foresee(pool, small('another shape'));
    await pool.settled();
    expect(waiting()).toHaveLength(1);
    expect(waiting()).not.toEqual([before]);
    pool.foresee([]);
    await pool.settled();
    expect(waiting()).toEqual([]);
  });

  it.each(['place', 'memory'])('asks again where the host had no %s for it', async (what) => {
    let asked = 0;
    const leave = { [Symbol.dispose]() {} };
    const host =
      what === 'place'
        ? { leave: async () => (++asked < 3 ? null : leave) }
        : { isMemoryShort: () => ++asked < 3 };
    await using pool = openPool(host);
    await foresee(pool, builder('refused'));
    await eventually(() => waiting().length > 0, 10_000, 'it is being made');
    await using sandbox = await builder('refused').create({ pool });
    expect(sandbox.bootTimes?.origin).toBe('pool');
    expect(asked).toBe(3);
  });

  it('leaves nothing when it is closed, whatever it is at', async () => {
    for (const ms of [0, 50, 400]) {
      await using pool = openPool();
      await foresee(pool, builder('a'), builder('b'));
      await delay(ms);
    }
    expect(await home.leaks()).toEqual([]);
    {
      await using pool = openPool();
      await foresee(pool, builder('a'));
      await pool[Symbol.asyncDispose]();
      await foresee(pool, builder('b')); // has no effect any more
      await pool.settled();
    }
    expect(await home.leaks()).toEqual([]);
  });
});

describe('a machine that was ready', () => {
  it('has the right time, however long it has waited, and a clock that goes on', async () => {
    await using pool = await ready(builder('waits'));
    const cpuMs = () => waiting().map(({ relay }) => childrenCpuMs(relay) ?? 0);
    const [before = 0] = cpuMs();
    await delay(3_000);
    const [after = 0] = cpuMs();
    expect(after - before).toBeLessThan(300); // it stands still
    await using sandbox = await builder('waits').create({ pool });
    expect(sandbox.bootTimes?.origin).toBe('pool');
    const begin = Math.floor(Date.now() / 1000);
    const times = (await sandbox.shell('date +%s; sleep 1; date +%s'))
      .stdout()
      .trim()
      .split('\n')
      .map(Number);
    const [first = 0, second = 0] = times;
    expect(first).toBeGreaterThanOrEqual(begin - 1);
    expect(second).toBeLessThanOrEqual(Date.now() / 1000);
    expect(second).toBeGreaterThan(first);
  });

  it('has nothing of whom it was made for', async () => {
    await using pool = await ready(
      builder('before').env('SECRET', 'secret').hostname('hidden').workdir('/srv'),
    );
    await using sandbox = await builder('after').create({ pool });
    expect(sandbox.bootTimes?.origin).toBe('pool');
    const seen = await sandbox.shell(
      'env; cat /proc/1/environ; echo; hostname; cat /etc/hostname /etc/hosts; pwd',
    );
    expect(seen.stdout()).not.toMatch(/secret|SECRET|hidden|before|srv/);
  });

  it.each(['VMM', 'relay'])('and whose %s has died is replaced by a clone, without a word', async (which) => {
    await using pool = await ready(builder('dies'));
    const [vmm] = waiting();
    process.kill((which === 'VMM' ? vmm?.pid : vmm?.relay) ?? 0, 'SIGKILL');
    await noneWaits();
    const warnings = await warningsOf(async () => {
      await using sandbox = await builder('dies').create({ pool });
      expect(sandbox.bootTimes?.origin).toBe('clone');
    });
    expect(warnings).toEqual([]);
  });

  it('takes the name over from another', async () => {
    await small('name').create();
    await using pool = await ready(builder('name'));
    await using sandbox = await builder('name').replaceWithTimeout(0).create({ pool });
    expect(sandbox.bootTimes?.origin).toBe('pool');
    expect((await sandbox.exec('true')).success).toBe(true);
  });

  it('stays for the next one when the name is taken', async () => {
    await using pool = await ready(builder('name'));
    await using _first = await small('name').ephemeral(true).coldBoot().create();
    await expect(builder('name').create({ pool })).rejects.toMatchObject({ code: 'sandboxAlreadyExists' });
    await using other = await builder('other').create({ pool });
    expect(other.bootTimes?.origin).toBe('pool');
  });

  it('stays for the next one when its create is aborted before', async () => {
    await using pool = await ready(builder('a'));
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(builder('a').create({ pool, signal })).rejects.toThrow('too late');
    await using sandbox = await builder('a').create({ pool });
    expect(sandbox.bootTimes?.origin).toBe('pool');
  });

  it('goes when the create is aborted that waits for it', async () => {
    const relay = join(home.path, 'relay-that-hangs');
    writeFileSync(relay, '#!/bin/sh\nexec tail -n 0 -f "$0"\n', { mode: 0o755 });
    await withEnv({ MSB_RELAY: relay }, async () => {
      await using pool = openPool();
      await foresee(pool, builder('a'));
      await eventually(() => leftProcesses(home.path).length > 0, 5_000, 'it is being made');
      const abort = new AbortController();
      const creating = builder('a').create({ pool, signal: abort.signal });
      setTimeout(() => abort.abort(new Error('changed my mind')), 500);
      await expect(creating).rejects.toThrow('changed my mind');
      await noneWaits();
    });
  });
});

it('leaves nothing of the machines that wait when their owner is killed', async () => {
  const owner = spawn(process.execPath, [`${checkout}/test/dist/support/pool-owner.js`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(createInterface({ input: owner.stdout }), 'line');
  expect(waiting()).toHaveLength(2);
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  const left = () => leftProcesses(home.path).length + readdirSync(join(home.path, 'run')).length;
  await eventually(() => left() === 0, 5_000, 'no VMM, relay or socket is left');
  expect(await home.leaks()).toEqual([]);
});

it('does not keep a process that is done', async () => {
  const owner = spawn(process.execPath, [`${checkout}/test/dist/support/pool-owner.js`, 'return'], {
    stdio: 'ignore',
  });
  const [code] = await once(owner, 'exit', { signal: AbortSignal.timeout(30_000) });
  expect(code).toBe(0);
  await eventually(async () => (await home.leaks()).length === 0, 5_000, 'nothing is left');
});
