import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode, frame, message, read, SESSION_START, SHUTDOWN, TERMINAL } from './support/frames.mjs';
import { cpuTicks } from './support/proc.mjs';
import { BOOTSTRAP, eventually, Machine, READY } from './support/relay.mjs';

const STEP = 33_554_431;

test('the guest gets the bootstrap frame first, and its core.init.resolved is acknowledged', async (t) => {
  const machine = await Machine.start(t);
  const first = await machine.guest.frame();
  assert.deepEqual(frame(first.id, first.flags, first.body), BOOTSTRAP);
  await machine.guest.write(message('core.init.resolved', { default_user: { uid: 0, gid: 0 } }));
  assert.deepEqual(await machine.guest.message(), { id: 0, flags: 0, t: 'core.init.ack', p: {} });
});

test('the VMM is born with five descriptors and nothing else', async (t) => {
  const machine = await Machine.start(t);
  const descriptors = machine.descriptors.filter((line) => line.startsWith('fd '));
  assert.match(descriptors[0], /^fd 0 \/dev\/null$/);
  assert.match(descriptors[1], /^fd 1 pipe:/);
  assert.match(descriptors[2], /^fd 2 pipe:/);
  assert.match(descriptors[3], /^fd 3 socket:/);
  assert.match(descriptors[4], /^fd 4 socket:/);
  assert.equal(descriptors.length, 5);
  assert.equal(descriptors[1].slice(5), descriptors[2].slice(5));
  assert.equal(machine.descriptors.at(-1), `sid ${machine.process.pid}`);
});

test('who connects before ready waits for it; the handshake is the range and the ready frame', async (t) => {
  const machine = await Machine.start(t);
  const early = machine.client();
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.match(machine.lockLine(), new RegExp(`^${machine.process.pid} starting\\n {1,31}$`));
  await machine.boot();
  const first = await early;
  const second = await machine.client();
  assert.deepEqual([first.start, first.endExclusive], [1, STEP + 1]);
  assert.deepEqual([second.start, second.endExclusive], [STEP + 1, 2 * STEP + 1]);
  assert.deepEqual(frame(first.ready.id, first.ready.flags, first.ready.body), READY);
  assert.equal(machine.lockLine().length, 32);
  assert.match(machine.lockLine(), new RegExp(`^${machine.process.pid} running\\n`));
});

test('a second core.ready changes nothing', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  await machine.guest.write(message('core.ready', { ready_time_ns: 99 }));
  const client = await machine.client();
  assert.deepEqual(read(client.ready.body).p, { ready_time_ns: 5 });
});

test('frames pass unchanged, each to the one whose id it carries', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const a = await machine.client();
  const b = await machine.client();
  await a.write(frame(a.start, SESSION_START, Buffer.from('request a')));
  await b.write(frame(b.endExclusive - 1, SESSION_START, Buffer.from('request b')));
  const requests = [await machine.guest.frame(), await machine.guest.frame()];
  assert.deepEqual(requests.map(({ body }) => body.toString()).sort(), ['request a', 'request b']);
  for (const [index, { id }] of requests.entries()) {
    await machine.guest.write(frame(id, TERMINAL, Buffer.from(`answer ${index}`)));
  }
  const answers = [await a.frame(), await b.frame()];
  assert.deepEqual(
    answers.map(({ id }) => id),
    [a.start, b.endExclusive - 1],
  );
});

test('a 4 MiB frame passes both ways, byte for byte', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const client = await machine.client();
  const body = Buffer.alloc(4 * 1024 * 1024 - 5, 'abcdefg');
  client.write(frame(1, 0, body));
  const there = await machine.guest.frame();
  assert.ok(there.body.equals(body));
  machine.guest.write(frame(1, 0, body));
  const back = await client.frame();
  assert.ok(back.body.equals(body));
});

for (const [what, bad] of [
  ['an id of another range', frame(STEP + 1, 0)],
  ['id 0 without the flag SHUTDOWN', frame(0, 0)],
  ['a length over 4 MiB', Buffer.from([0, 0x40, 0, 1])],
  ['a length under 5', Buffer.from([0, 0, 0, 4])],
]) {
  test(`a client that sends ${what} is disconnected, and only it`, async (t) => {
    const machine = await Machine.start(t);
    await machine.boot();
    const client = await machine.client();
    const other = await machine.client();
    await client.write(bad);
    await client.end();
    assert.deepEqual(await machine.guest.message(), {
      id: 0,
      flags: 0,
      t: 'core.relay.client.disconnected',
      p: { id_start: 1, id_end_exclusive: STEP + 1 },
    });
    await machine.guest.write(frame(other.start, 0, Buffer.from('still here')));
    assert.equal((await other.frame()).body.toString(), 'still here');
  });
}

test('frames for nobody are dropped', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const client = await machine.client();
  for (const id of [0, 5 * STEP, 128 * STEP + 1, 0xffffffff])
    await machine.guest.write(frame(id, 0, encode({})));
  await machine.guest.write(frame(7, 0));
  assert.equal((await client.frame()).id, 7);
});

test('when a client goes, the agent is told after its last frame', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const client = await machine.client();
  for (let i = 0; i < 100; i++) client.socket.write(frame(1 + i, 0, Buffer.alloc(1000)));
  client.socket.end();
  for (let i = 0; i < 100; i++) assert.equal((await machine.guest.frame()).id, 1 + i);
  assert.equal((await machine.guest.message()).t, 'core.relay.client.disconnected');
});

test('128 clients are served, the next one sees the end of file, and a free place is used again', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const clients = await Promise.all(Array.from({ length: 128 }, () => machine.client()));
  assert.equal(new Set(clients.map(({ start }) => start)).size, 128);
  const refused = await machine.connect();
  assert.equal(await refused.bytes(8), null);
  clients[9].socket.destroy();
  await machine.guest.message();
  const again = await machine.client();
  assert.equal(again.start, clients[9].start);
});

test('a client that reads slowly is paused, and resumed when it has caught up', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const slow = await machine.client();
  slow.socket.pause();
  const chunk = frame(1, 0, Buffer.alloc(64 * 1024));
  let written = 0;
  const flow = machine.guest.message();
  let paused;
  flow.then((got) => {
    paused = got;
  });
  while (!paused && written < 400) {
    await machine.guest.write(chunk);
    written++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(await flow, {
    id: 0,
    flags: 0,
    t: 'msb.flow',
    p: { id_start: 1, id_end_exclusive: STEP + 1, paused: true },
  });
  slow.socket.resume();
  const resumed = await machine.guest.message();
  assert.deepEqual(resumed.p, { id_start: 1, id_end_exclusive: STEP + 1, paused: false });
  for (let i = 0; i < written; i++) assert.equal((await slow.frame()).body.length, 64 * 1024);
});

test('a guest that floods a client that does not read loses that client, and nobody else', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const deaf = await machine.client();
  deaf.socket.pause();
  const other = await machine.client();
  const chunk = frame(1, 0, Buffer.alloc(1024 * 1024));
  for (let i = 0; i < 18; i++) await machine.guest.write(chunk);
  assert.deepEqual((await machine.guest.message()).p.paused, true);
  assert.deepEqual(await machine.guest.message(), {
    id: 0,
    flags: 0,
    t: 'core.relay.client.disconnected',
    p: { id_start: 1, id_end_exclusive: STEP + 1 },
  });
  await machine.guest.write(frame(other.start, 0, Buffer.from('fine')));
  assert.equal((await other.frame()).body.toString(), 'fine');
});

test('a guest that does not read holds its clients back; nothing is lost', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const client = await machine.client();
  await machine.command('deaf');
  const body = Buffer.alloc(60_000, 'z');
  for (let i = 0; i < 100; i++) client.socket.write(frame(1 + i, 0, body));
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(client.socket.writableLength > 1_000_000, 'the client was allowed to send it all');
  await machine.command('hearing');
  for (let i = 0; i < 100; i++) assert.equal((await machine.guest.frame()).id, 1 + i);
});

test('ten clients that send as fast as they can: all of it arrives', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const clients = await Promise.all(Array.from({ length: 10 }, () => machine.client()));
  const body = Buffer.alloc(250_000, 'q');
  for (let i = 0; i < 30; i++)
    for (const { socket, start } of clients) socket.write(frame(start + i, 0, body));
  const next = new Map(clients.map(({ start }) => [Math.floor(start / STEP), start]));
  for (let i = 0; i < 300; i++) {
    const { id } = await machine.guest.frame();
    const client = Math.floor((id - 1) / STEP);
    assert.equal(id, next.get(client));
    next.set(client, id + 1);
  }
});

test('a client that has gone while the guest does not read makes the relay neither spin nor forget', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const client = await machine.client();
  await machine.command('deaf');
  // More than the queue and the agent's socket take, less than those and the client's socket.
  for (let i = 0; i < 9; i++) client.socket.write(frame(1 + i, 0, Buffer.alloc(60_000)));
  await eventually('all is written', () => client.socket.writableLength === 0);
  client.socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const before = cpuTicks(machine.process.pid);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(cpuTicks(machine.process.pid) - before <= 5, 'the relay is busy with nothing');
  await machine.command('hearing');
  for (let i = 0; i < 9; i++) assert.equal((await machine.guest.frame()).id, 1 + i);
  assert.equal((await machine.guest.message()).t, 'core.relay.client.disconnected');
});

test('a shutdown frame is recorded and forwarded, and the machine goes on', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const client = await machine.client();
  await client.write(message('core.shutdown', {}, { flags: SHUTDOWN }));
  assert.equal((await machine.guest.message()).t, 'core.shutdown');
  assert.match(machine.lockLine(), /^\d+ stopping\n/);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await machine.guest.write(frame(1, 0, Buffer.from('still alive')));
  assert.equal((await client.frame()).body.toString(), 'still alive');
  await machine.powerOff();
  const record = await machine.exitRecord();
  assert.ok(record.asked.shutdownMs > 0 && record.asked.killMs === null);
  assert.deepEqual([record.cause, record.vmm.code, record.vmm.signal], [null, 0, null]);
});
