import { checkUpper, Sandbox } from '@msbtest/core';
import { describe, expect, it } from 'vitest';
import { small, usePrivateHome } from './support/vm.js';
import { createBy, openPool, ways } from './support/ways.js';

usePrivateHome();

/** From the order to stop until the machine is gone, on a host that may be busy. */
const stopMs = 20_000;

/** Waits until a machine has stopped by itself. @returns how many milliseconds after `since` it had. */
async function stopped(name: string, since: number): Promise<number> {
  const result = await (await Sandbox.get(name)).waitUntilStopped({ signal: AbortSignal.timeout(60_000) });
  expect(result).toMatchObject({ status: 'stopped', exitCode: 0, signal: null });
  return result.observedAt.getTime() - since;
}

/** Boots it again on its disk, reads a file, and removes it. */
async function leftIn(name: string, file: string): Promise<string> {
  const handle = await Sandbox.get(name);
  expect((await checkUpper(handle.diskPath)).clean).toBe(true);
  const again = await handle.start();
  const text = (await again.exec('cat', [file])).stdout();
  await again.kill();
  await handle.remove();
  return text;
}

describe.each(ways)('a machine that came as %s', (way) => {
  it('stops when it has been idle for its time, and keeps what it wrote', async () => {
    const sandbox = await createBy(way, small('idle').idleTimeout(2));
    await sandbox.shell('printf idle-705 > /root/marker'); // no sync
    const since = Date.now();
    const ms = await stopped('idle', since);
    expect(ms).toBeGreaterThan(1_900);
    expect(ms).toBeLessThan(2_000 + stopMs);
    await expect(sandbox.exec('true')).rejects.toMatchObject({
      code: 'sandboxNotRunning',
      message: expect.stringContaining('it had been idle for 2 s (idleTimeout), and was stopped'),
    });
    await sandbox[Symbol.asyncDispose]();
    expect(await leftIn('idle', '/root/marker')).toBe('idle-705');
  });

  it('stops when it has run for its time, whatever it is at, and keeps what it wrote', async () => {
    const sandbox = await createBy(way, small('long').maxDuration(3));
    const since = Date.now();
    const busy = sandbox.shell('printf long-705 > /root/marker; while :; do sleep 0.1; done');
    busy.catch(() => {}); // it ends with the machine
    const ms = await stopped('long', since);
    expect(ms).toBeGreaterThan(2_500);
    expect(ms).toBeLessThan(3_000 + stopMs);
    await expect(sandbox.ping()).rejects.toMatchObject({
      code: 'sandboxNotRunning',
      message: expect.stringContaining('it had run for 3 s (maxDuration), and was stopped'),
    });
    await busy.catch(() => {});
    await sandbox[Symbol.asyncDispose]();
    expect(await leftIn('long', '/root/marker')).toBe('long-705');
  });
});

it('a machine that waited in a pool has its time from when it is taken', async () => {
  await using pool = openPool();
  const builder = (name: string) => small(name).ephemeral(true).idleTimeout(2).maxDuration(4);
  pool.foresee([await builder('foreseen').build()]);
  await pool.settled();
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  await using sandbox = await builder('taken').create({ pool });
  const since = Date.now();
  expect(sandbox.bootTimes?.origin).toBe('pool');
  expect((await sandbox.exec('true')).success).toBe(true);
  expect(await stopped('taken', since)).toBeGreaterThan(1_900);
});

it('touch keeps a machine going, and so does a command; a ping does not', async () => {
  const sandbox = await small('used').idleTimeout(2).create();
  const handle = await Sandbox.get('used');
  const begin = Date.now();
  for (let count = 0; count < 4; count++) {
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    await handle.touch();
  }
  expect((await handle.refresh()).status).toBe('running');
  await sandbox.exec('sleep', ['3']);
  expect((await handle.refresh()).status).toBe('running');
  expect(Date.now() - begin).toBeGreaterThan(7_000);
  const since = Date.now();
  const pinging = setInterval(() => handle.ping().catch(() => {}), 300);
  try {
    expect(await stopped('used', since)).toBeLessThan(2_000 + stopMs);
  } finally {
    clearInterval(pinging);
  }
  await sandbox[Symbol.asyncDispose]();
  await handle.remove();
});

it('a machine that outlives its owner still has its limits, and a new start gives it its time anew', async () => {
  const sandbox = await small('detached').idleTimeout(3).create();
  await sandbox.detach();
  await stopped('detached', Date.now());
  const handle = await Sandbox.get('detached');
  const again = await handle.startDetached();
  expect((await again.exec('true')).success).toBe(true);
  const ms = await stopped('detached', Date.now());
  expect(ms).toBeGreaterThan(2_500);
  await handle.remove();
});
