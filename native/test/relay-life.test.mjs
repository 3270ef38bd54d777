import assert from 'node:assert/strict';
import { spawn as spawnNode, spawnSync } from 'node:child_process';
import { closeSync, existsSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lockFile, socketPair } from '../index.js';
import { frame, message, SHUTDOWN } from './support/frames.mjs';
import { childrenOf, isRunning, openDescriptors } from './support/proc.mjs';
import { eventually, Machine, RELAY, STAND_IN } from './support/relay.mjs';

const SIGKILL = 9;
const SIGTERM = 15;
const SIGCONT = 18;
const SIGSTOP = 19;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const halted = message('msb.halted', { clean: true, term_ns: 7 }, { flags: SHUTDOWN });

test('the guest powers off: exit.json, no socket, a free lock, and msb.halted is kept', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  await machine.guest.write(halted);
  await machine.powerOff();
  const record = await machine.exitRecord();
  assert.equal(record.version, 1);
  assert.ok(Math.abs(record.startedAtUnixMs - Date.now()) < 20_000);
  assert.ok(record.readyMs > 0 && record.exitMs >= record.readyMs);
  assert.deepEqual(record.asked, {
    shutdownMs: null,
    killMs: null,
    ownerDeathMs: null,
    idleTimeoutMs: null,
    maxDurationMs: null,
  });
  assert.deepEqual([record.cause, record.spawnError], [null, null]);
  assert.deepEqual([record.vmm.code, record.vmm.signal, record.vmm.pid > 1], [0, null, true]);
  assert.equal(record.halted, halted.subarray(9).toString('hex'));
  assert.ok(!existsSync(machine.socketPath));
  assert.deepEqual(await machine.ended, { exitCode: 0, signal: null });
  assert.deepEqual(readdirSync(machine.dir).sort(), [
    'console.log',
    'exec.1.log',
    'exit.json',
    'lock',
    'vmm.log',
  ]);
  for (const name of ['console.log', 'exec.1.log', 'exit.json', 'lock']) {
    assert.equal(statSync(join(machine.dir, name)).mode & 0o777, 0o600, name);
  }
  closeSync(await lockFile(join(machine.dir, 'lock'), 0));
});

test('msb.halted is kept even when megabytes come just before the end, for a client that reads late', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const client = await machine.client();
  client.socket.pause();
  for (let i = 0; i < 40; i++) machine.guest.socket.write(frame(1, 0, Buffer.alloc(20_000)));
  await machine.guest.write(halted);
  await machine.powerOff();
  client.socket.resume();
  for (let i = 0; i < 40; i++) assert.equal((await client.frame()).body.length, 20_000);
  await client.end();
  assert.equal((await machine.exitRecord()).halted, halted.subarray(9).toString('hex'));
});

test('a msb.halted of unreasonable size is not kept', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  await machine.guest.write(frame(0, SHUTDOWN, Buffer.alloc(100_000)));
  await machine.powerOff();
  assert.equal((await machine.exitRecord()).halted, null);
});

test('a VMM that crashes is recorded as it ended, and its clients see the end of file', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const client = await machine.client();
  await machine.powerOff(3);
  await client.end();
  const record = await machine.exitRecord();
  assert.deepEqual([record.cause, record.vmm.code, record.halted], [null, 3, null]);
});

test('a VMM that ends before ready gives those who wait the end of file', async (t) => {
  const machine = await Machine.start(t);
  const client = await machine.connect();
  await machine.powerOff(1);
  assert.equal(await client.bytes(8), null);
  const record = await machine.exitRecord();
  assert.deepEqual([record.readyMs, record.vmm.code], [null, 1]);
});

test('a VMM whose child keeps its descriptors does not keep the relay', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  await machine.command('linger');
  await machine.powerOff();
  const since = Date.now();
  assert.equal((await machine.exitRecord()).vmm.code, 0);
  assert.ok(Date.now() - since < 3000);
});

for (const [what, bytes] of [
  ['a length over 4 MiB', Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3])],
  ['a length under 5', Buffer.from([0, 0, 0, 1, 0])],
]) {
  test(`a guest that sends ${what} is killed for it`, async (t) => {
    const machine = await Machine.start(t);
    await machine.guest.message();
    await machine.guest.write(bytes);
    const record = await machine.exitRecord();
    assert.deepEqual([record.cause, record.vmm.code, record.vmm.signal], ['agent-protocol', null, SIGKILL]);
    assert.match(machine.file('vmm.log'), /garbage/);
  });
}

test('a guest that says things that are no messages is left alone, and never gets ready', async (t) => {
  const machine = await Machine.start(t);
  for (const body of ['', 'core.ready', Buffer.from([0xbf]), Buffer.alloc(300_000, 0x81)]) {
    await machine.guest.write(frame(0, 0, Buffer.from(body)));
  }
  await pause(50);
  assert.match(machine.lockLine(), /starting/);
});

test('SIGTERM is the order to kill', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const client = await machine.client();
  assert.equal(machine.signal(SIGTERM), true);
  const record = await machine.exitRecord();
  assert.deepEqual([record.cause, record.vmm.code, record.vmm.signal], ['kill', null, SIGKILL]);
  assert.ok(record.asked.killMs > 0 && record.exitMs >= record.asked.killMs);
  await client.end();
  assert.ok(!existsSync(machine.socketPath));
});

test('an order to kill that comes after the end is not its cause', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const [vmm] = childrenOf(machine.process.pid);
  machine.signal(SIGSTOP);
  await machine.guest.write(halted);
  await machine.powerOff();
  await eventually('the VMM has ended', () => !isRunning(vmm));
  machine.signal(SIGTERM);
  machine.signal(SIGCONT);
  const record = await machine.exitRecord();
  assert.deepEqual([record.cause, record.asked.killMs, record.vmm.code], [null, null, 0]);
  assert.equal(record.halted, halted.subarray(9).toString('hex'));
});

test('SIGTERM before there is a VMM: none is started', async (t) => {
  const [ours, theirs] = socketPair(); // never says anything, so the bootstrap frame never comes
  const machine = await Machine.start(t, { bootstrapFd: theirs });
  await eventually('the relay is up', () => machine.lockLine().includes('starting'));
  await pause(20);
  machine.signal(SIGTERM);
  const record = await machine.exitRecord();
  closeSync(ours);
  assert.deepEqual([record.cause, record.vmm, record.asked.killMs > 0], ['kill', null, true]);
});

test('the bootstrap frame may come through a pipe, in pieces', async (t) => {
  const [ours, theirs] = socketPair();
  const machine = await Machine.start(t, { bootstrapFd: theirs, vmm: [STAND_IN, '/nowhere', '/nowhere'] });
  const bytes = message('core.bootstrap');
  writeSync(ours, bytes.subarray(0, 7));
  await pause(30);
  writeSync(ours, bytes.subarray(7));
  await pause(30);
  assert.ok(!machine.has('exit.json'));
  closeSync(ours);
  assert.equal((await machine.exitRecord()).vmm.code, 99);
});

for (const [what, bytes, code] of [
  ['empty', Buffer.alloc(0), 'EBADMSG'],
  ['cut short', message('core.bootstrap').subarray(0, 20), 'EBADMSG'],
  ['two frames', Buffer.concat([message('a'), message('b')]), 'EBADMSG'],
  ['over 1 MiB', frame(0, 0, Buffer.alloc(1024 * 1024)), 'EFBIG'],
]) {
  test(`a bootstrap frame that is ${what} is refused before there is a VMM`, async (t) => {
    const machine = await Machine.start(t, { bootstrap: bytes, vmm: [STAND_IN, '/nowhere', '/nowhere'] });
    const record = await machine.exitRecord();
    assert.deepEqual([record.cause, record.vmm], ['spawn', null]);
    assert.deepEqual([record.spawnError.step, record.spawnError.code], ['bootstrap', code]);
  });
}

test('a VMM that cannot be executed', async (t) => {
  const machine = await Machine.start(t, { vmm: ['/no/such/vmm', 'x'] });
  const record = await machine.exitRecord();
  assert.deepEqual([record.cause, record.vmm], ['spawn', null]);
  assert.deepEqual(record.spawnError, { step: 'exec', errno: 2, code: 'ENOENT' });
  assert.ok(!existsSync(machine.socketPath));
});

test('the relay dies, and the VMM with it', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  const [vmm] = childrenOf(machine.process.pid);
  assert.ok(isRunning(vmm));
  machine.signal(SIGKILL);
  await machine.ended;
  await eventually('the VMM has ended', () => !isRunning(vmm));
  closeSync(await lockFile(join(machine.dir, 'lock'), 1000));
  assert.ok(!machine.has('exit.json'));
});

test('SIGINT, SIGHUP and SIGPIPE are not for the relay', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  for (const number of [2, 1, 13]) machine.signal(number);
  await machine.client();
  await machine.powerOff();
  assert.equal((await machine.exitRecord()).vmm.code, 0);
});

test('the owner of an ephemeral sandbox dies: nothing remains', async (t) => {
  const machine = await Machine.start(t, { args: ['--ephemeral'] });
  await machine.boot();
  const [vmm] = childrenOf(machine.process.pid);
  writeFileSync(join(machine.dir, 'upper.ext4'), 'x');
  writeFileSync(join(machine.home, 'run', 'qmp.sock'), '');
  machine.dropLeash();
  assert.deepEqual(await machine.ended, { exitCode: 0, signal: null });
  assert.ok(!isRunning(vmm));
  const remains = readdirSync(machine.home).filter(
    (name) => !['bootstrap', 'data', 'commands'].includes(name),
  );
  assert.deepEqual(remains, []);
});

test('the owner dies while the sandbox is being created: nothing remains', async (t) => {
  const machine = await Machine.start(t, { creating: true });
  machine.dropLeash();
  await machine.ended;
  assert.ok(!existsSync(machine.dir) && !existsSync(machine.socketPath));
});

test('the owner dies before there is a VMM', async (t) => {
  const [ours, theirs] = socketPair();
  const machine = await Machine.start(t, { creating: true, bootstrapFd: theirs });
  machine.dropLeash();
  await machine.ended;
  closeSync(ours);
  assert.ok(!existsSync(machine.dir));
});

test('the owner of a lasting sandbox dies: the guest is asked, and powers off within the budget', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  machine.dropLeash();
  const p = { budget_ns: 3_000_000_000 };
  assert.deepEqual(await machine.guest.message(), { id: 0, flags: SHUTDOWN, t: 'core.shutdown', p });
  assert.match(machine.lockLine(), /stopping/);
  await machine.guest.write(halted);
  await machine.powerOff();
  const record = await machine.exitRecord();
  assert.deepEqual([record.cause, record.vmm.code], [null, 0]);
  assert.ok(record.asked.ownerDeathMs > 0 && record.asked.killMs === null && record.halted !== null);
});

test('the owner of a lasting sandbox dies: past the budget it is killed', async (t) => {
  const machine = await Machine.start(t, { args: ['--owner-death-budget', '200'] });
  await machine.boot();
  machine.dropLeash();
  const record = await machine.exitRecord();
  assert.deepEqual([record.cause, record.vmm.signal], ['owner-death', SIGKILL]);
  const waited = record.exitMs - record.asked.ownerDeathMs;
  assert.ok(waited >= 199 && waited < 1000, `${waited} ms`);
});

test('a leash that was let go of means nothing', async (t) => {
  const machine = await Machine.start(t, { args: ['--ephemeral'] });
  await machine.boot();
  writeSync(machine.leash, 'D');
  machine.dropLeash();
  await pause(100);
  const client = await machine.client();
  await machine.powerOff();
  await client.end();
  assert.equal((await machine.exitRecord()).asked.ownerDeathMs, null);
});

test('an owner that is killed takes an ephemeral sandbox along', async (t) => {
  const script = fileURLToPath(new URL('./support/owner.mjs', import.meta.url));
  const owner = spawnNode(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => owner.kill('SIGKILL'));
  const [line] = await new Promise((resolve) =>
    owner.stdout.once('data', (data) => resolve(String(data).split('\n'))),
  );
  const { home, dir, relay, vmm } = JSON.parse(line);
  assert.ok(isRunning(relay) && isRunning(vmm));
  owner.kill('SIGKILL');
  await eventually('relay and VMM have ended', () => !isRunning(relay) && !isRunning(vmm));
  assert.ok(!existsSync(dir));
  rmSync(home, { recursive: true, force: true });
});

test('what the VMM says goes to vmm.log, what the console says to console.log, both bounded', async (t) => {
  const machine = await Machine.start(t, { args: ['--console-limit', '65536'] });
  await machine.boot();
  await machine.command('stdout vmm speaking');
  await machine.command('console first line');
  await machine.command('repeat 20000 booting, step ');
  await machine.command('console last line');
  await machine.powerOff();
  await machine.ended;
  assert.equal(machine.file('vmm.log'), 'vmm speaking\n');
  const console = machine.file('console.log');
  assert.ok(console.length <= 65_536);
  assert.match(console, /^first line\nbooting, step 20000\n/);
  assert.match(console, /booting, step 2\nbooting, step 1\nlast line\n$/);
  assert.match(console, /\n\[\.\.\. \d+ bytes left out \.\.\.\]\n/);
});

test('a hundred clients, one after the other, leave no descriptor behind', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  await machine.client();
  const before = openDescriptors(machine.process.pid);
  for (let i = 0; i < 100; i++) {
    const client = await machine.client();
    client.socket.destroy();
    await machine.guest.message();
  }
  await eventually('as many as before', () => openDescriptors(machine.process.pid) === before);
});

test('a command line that is wrong is refused with a reason', async () => {
  const refused = spawnSync(RELAY, ['--frob'], { encoding: 'utf8' });
  assert.deepEqual([refused.status, refused.stderr], [2, 'msb-relay: unknown option --frob\n']);
  const bare = spawnSync(RELAY, ['--sandbox-dir', '/tmp/x', '--socket', '/tmp/x.sock', '--', '/bin/true'], {
    encoding: 'utf8',
  });
  assert.deepEqual([bare.status, bare.stderr], [2, 'msb-relay: descriptor 3 is not open\n']);
});
