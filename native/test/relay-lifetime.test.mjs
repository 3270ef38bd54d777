import assert from 'node:assert/strict';
import { writeSync } from 'node:fs';
import { test } from 'node:test';
import { message, SESSION_START, SHUTDOWN, TERMINAL } from './support/frames.mjs';
import { eventually, Machine } from './support/relay.mjs';

const SIGKILL = 9;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** As its owner says it when the machine is its user's. */
const limit = (machine, idleMs, durationMs) => writeSync(machine.leash, `L${idleMs} ${durationMs}\n`);

const started = async (t, args = []) => {
  const machine = await Machine.start(t, { args });
  await machine.boot();
  return machine;
};

/** Milliseconds until the guest is told to stop. */
const untilTold = async (machine, since = performance.now()) => {
  const told = await machine.guest.message();
  assert.deepEqual([told.t, told.id, told.flags], ['core.shutdown', 0, SHUTDOWN]);
  return performance.now() - since;
};

test('a machine that nobody uses is told to stop, and its record says for how long it may be idle', async (t) => {
  const machine = await started(t);
  limit(machine, 300, 0);
  const ms = await untilTold(machine);
  assert.ok(ms >= 290 && ms < 3000, `${ms} ms`);
  assert.match(machine.lockLine(), /stopping/);
  await machine.powerOff();
  const record = await machine.exitRecord();
  assert.deepEqual([record.cause, record.vmm.code], [null, 0]);
  assert.deepEqual(record.limits, { idleTimeoutMs: 300, maxDurationMs: null });
  assert.ok(record.asked.idleTimeoutMs > 290 && record.asked.maxDurationMs === null);
  assert.equal(record.asked.shutdownMs, null);
});

test('a machine whose time is over is told to stop, whoever uses it', async (t) => {
  const machine = await started(t);
  const client = await machine.client();
  await client.write(message('core.exec.request', { cmd: 'x' }, { id: client.start, flags: SESSION_START }));
  await machine.guest.message();
  limit(machine, 0, 300);
  const ms = await untilTold(machine);
  assert.ok(ms >= 290 && ms < 3000, `${ms} ms`);
  await machine.powerOff();
  const record = await machine.exitRecord();
  assert.deepEqual([record.cause, record.limits.maxDurationMs], [null, 300]);
  assert.ok(record.asked.maxDurationMs > 290);
});

for (const [limits, cause] of [
  [[100, 0], 'idle-timeout'],
  [[0, 100], 'max-duration'],
]) {
  test(`a guest that does not stop is killed after the budget: ${cause}`, async (t) => {
    const machine = await started(t, ['--lifetime-budget', '200']);
    limit(machine, ...limits);
    await untilTold(machine);
    const record = await machine.exitRecord();
    assert.deepEqual([record.cause, record.vmm.signal], [cause, SIGKILL]);
    assert.ok(record.exitMs - (record.asked.idleTimeoutMs ?? record.asked.maxDurationMs) >= 199);
  });
}

test('requests, data and the ends of sessions count as use, a ping and a clock do not', async (t) => {
  const machine = await started(t);
  const client = await machine.client();
  limit(machine, 500, 0);
  const say = async (type) => {
    await client.write(message(type, {}, { id: client.start + 9 }));
    assert.equal((await machine.guest.message()).t, type);
  };
  await pause(300);
  await say('core.touch');
  let since = performance.now();
  for (const type of ['core.ping', 'core.clock.sync', 'core.ping']) {
    await pause(100);
    await say(type);
  }
  const ms = await untilTold(machine, since);
  assert.ok(ms >= 490 && ms < 3000, `${ms} ms`);
  await machine.powerOff();
  await machine.exitRecord();

  const busy = await started(t);
  const user = await busy.client();
  limit(busy, 200, 0);
  await user.write(message('core.exec.request', { cmd: 'x' }, { id: user.start, flags: SESSION_START }));
  await busy.guest.message();
  await pause(600);
  assert.match(busy.lockLine(), /running/); // it has a live session
  since = performance.now();
  await busy.guest.write(message('core.exec.exited', { code: 0 }, { id: user.start, flags: TERMINAL }));
  const after = await untilTold(busy, since);
  assert.ok(after >= 190, `${after} ms`);
  await busy.powerOff();
});

test('sessions whose client has gone keep nothing alive', async (t) => {
  const machine = await started(t);
  const client = await machine.client();
  await client.write(message('core.fs.request', {}, { id: client.start, flags: SESSION_START }));
  await machine.guest.message();
  limit(machine, 200, 0);
  await pause(400);
  const since = performance.now();
  client.socket.destroy();
  assert.equal((await machine.guest.message()).t, 'core.relay.client.disconnected');
  assert.ok((await untilTold(machine, since)) >= 190);
  await machine.powerOff();
});

test('a limit holds when the owner has let go, and a later one takes its place', async (t) => {
  const machine = await started(t);
  limit(machine, 0, 60_000);
  limit(machine, 200, 0);
  writeSync(machine.leash, 'D');
  machine.dropLeash();
  await untilTold(machine);
  await machine.powerOff();
  assert.deepEqual((await machine.exitRecord()).limits, { idleTimeoutMs: 200, maxDurationMs: null });
});

test("a stop that a client asked for is the client's: idleness ends nothing meanwhile", async (t) => {
  const machine = await started(t, ['--lifetime-budget', '50']);
  const client = await machine.client();
  limit(machine, 200, 0);
  await client.write(message('core.shutdown', {}, { id: 0, flags: SHUTDOWN }));
  await untilTold(machine);
  await pause(500);
  await eventually('it has not been killed', () => machine.lockLine().includes('stopping'));
  assert.equal(machine.has('exit.json'), false);
  await machine.powerOff();
  const record = await machine.exitRecord();
  assert.deepEqual([record.cause, record.asked.idleTimeoutMs], [null, null]);
});
