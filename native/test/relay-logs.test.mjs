import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { execLog } from './support/exec-log.mjs';
import { encode, frame, message, SESSION_START, TERMINAL } from './support/frames.mjs';
import { eventually, Machine } from './support/relay.mjs';

const request = (id, tty) => message('core.exec.request', { cmd: 'x', tty }, { id, flags: SESSION_START });
const output = (id, stream, data) => message(`core.exec.${stream}`, { data: Buffer.from(data) }, { id });
const exited = (id) => message('core.exec.exited', { code: 0 }, { id, flags: TERMINAL });
const kinds = (machine) =>
  execLog(machine.dir)
    .filter(({ session }) => session > 0)
    .map(({ kind, session, text }) => `${session} ${kind} ${text}`);

/** Opens a session as a client does, and waits until the guest has it. */
const open = async (machine, client, id, tty = false) => {
  await client.write(request(id, tty));
  assert.equal((await machine.guest.message()).t, 'core.exec.request');
};

test('what commands write is in the log before a client has it, each under a number of its own', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const client = await machine.client();
  const other = await machine.client();
  await open(machine, client, client.start);
  await open(machine, other, other.start + 5, true);
  for (const [who, bytes] of [
    [client, output(client.start, 'stdout', 'one\n')],
    [client, output(client.start, 'stderr', 'two\n')],
    [other, output(other.start + 5, 'stdout', 'at a terminal')],
  ]) {
    await machine.guest.write(bytes);
    const before = kinds(machine).length;
    await who.frame();
    assert.ok(kinds(machine).length >= before);
  }
  assert.deepEqual(kinds(machine), ['1 stdout one\n', '1 stderr two\n', '2 output at a terminal']);
  for (const { time } of execLog(machine.dir)) assert.ok(Math.abs(time - Date.now()) < 20_000);
  assert.equal(statSync(join(machine.dir, 'exec.1.log')).mode & 0o777, 0o600);

  await machine.guest.write(exited(client.start));
  await client.frame();
  await machine.guest.write(output(client.start, 'stdout', 'after its end'));
  await client.frame();
  await open(machine, client, client.start); // the id is free again
  await machine.guest.write(output(client.start, 'stdout', 'the next'));
  await client.frame();
  assert.deepEqual(kinds(machine).slice(3), ['3 stdout the next']);
});

test('what nobody asked for, or is no output, goes its way and into no log', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const client = await machine.client();
  await client.write(
    message('core.tcp.connect', { port: 80 }, { id: client.start + 1, flags: SESSION_START }),
  );
  await machine.guest.message();
  await open(machine, client, client.start);
  const frames = [
    output(client.start + 7, 'stdout', 'unasked'),
    output(client.start + 1, 'stdout', 'of a connection'),
    frame(client.start, 0, Buffer.from('rubbish')),
    frame(client.start, 0, Buffer.alloc(100_000, 0x81)),
    frame(client.start, 0, encode({ v: 7, t: 'core.exec.stdout', p: Buffer.from([0xbf]) })),
    message('core.exec.stdout', { data: 5 }, { id: client.start }),
    output(client.start, 'stdout', ''),
  ];
  await machine.guest.write(Buffer.concat(frames));
  for (const sent of frames) assert.ok((await client.frame()).body.equals(sent.subarray(9)));
  assert.deepEqual(kinds(machine), []);
});

test('the log tells of the machine and its console', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  await machine.command('console Linux version 6');
  await eventually('the console is in the log', () => execLog(machine.dir).length > 1);
  await machine.powerOff();
  await machine.exitRecord();
  const log = execLog(machine.dir);
  assert.deepEqual(
    log.map(({ kind }) => kind),
    ['started', 'console', 'stopped'],
  );
  assert.match(log[1].text, /Linux version 6/);
  assert.deepEqual([log[0].text, log[2].text], ['--- sandbox started ---\n', '--- sandbox stopped ---\n']);
});

test('a client that goes takes its commands with it: what they still say is for nobody', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const client = await machine.client();
  await open(machine, client, client.start);
  client.socket.destroy();
  assert.equal((await machine.guest.message()).t, 'core.relay.client.disconnected');
  await machine.guest.write(output(client.start, 'stdout', 'late'));
  await machine.powerOff();
  await machine.exitRecord();
  assert.deepEqual(kinds(machine), []);
});

test('a flood has its end in the log and its beginning gone, and costs some megabytes', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const client = await machine.client();
  await open(machine, client, client.start);
  const chunk = 'x'.repeat(60_000);
  for (let i = 0; i < 600; i++) {
    machine.guest.socket.write(output(client.start, 'stdout', `${i} ${chunk}`));
    await client.frame();
  }
  const found = kinds(machine);
  assert.match(found.at(-1), /^1 stdout 599 x/);
  const sizes = [...Array(20).keys()].map((i) => {
    try {
      return statSync(join(machine.dir, `exec.${i}.log`)).size;
    } catch {
      return 0;
    }
  });
  const all = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(all > 11 << 20 && all < 17 << 20, `${all} bytes`);
});
