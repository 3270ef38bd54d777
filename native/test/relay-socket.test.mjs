import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockFile, socketPair } from '../index.js';
import { eventually, Machine } from './support/relay.mjs';

const SIGKILL = 9;
const SIGTERM = 15;

/** Not the stand-in, for whose calls a test would wait. */
const anyVmm = ['/bin/true'];

/** A bootstrap that never comes, so that no VMM does: what there is then is the relay's alone. */
const noBootstrap = (t) => {
  const [ours, theirs] = socketPair();
  t.after(() => closeSync(ours));
  return theirs;
};

const remains = (machine) =>
  readdirSync(machine.home).filter((name) => !['bootstrap', 'data', 'commands'].includes(name));

test('the relay makes the socket and its directory, both private, and says R when one can connect', async (t) => {
  const umask = process.umask(0);
  t.after(() => process.umask(umask));
  const machine = await Machine.start(t, { bootstrapFd: noBootstrap(t) });
  assert.equal(machine.said, 'R');
  await machine.connect();
  assert.equal(statSync(machine.run).mode & 0o7777, 0o700);
  assert.equal(statSync(machine.socketPath).mode & 0o7777, 0o600);
  machine.signal(SIGTERM);
  assert.equal((await machine.exitRecord()).cause, 'kill');
  assert.ok(!existsSync(machine.run));
});

test('who connects on that word gets what all get', async (t) => {
  const machine = await Machine.start(t);
  const early = machine.client();
  await machine.boot();
  assert.equal((await early).start, 1);
});

test('the directory goes with the machine, and so does what a VMM or a freeze left in it', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  for (const name of ['qmp.sock', 'state.sock']) writeFileSync(join(machine.run, name), '');
  await machine.powerOff();
  assert.equal((await machine.exitRecord()).vmm.code, 0);
  assert.deepEqual(remains(machine), ['sandbox']);
});

test('a directory with something else in it stays', async (t) => {
  const machine = await Machine.start(t);
  await machine.boot();
  writeFileSync(join(machine.run, 'precious'), '');
  await machine.powerOff();
  await machine.ended;
  assert.deepEqual(readdirSync(machine.run), ['precious']);
});

test('a relay takes the place of one that was killed', async (t) => {
  const killed = await Machine.start(t);
  killed.signal(SIGKILL);
  await killed.ended;
  assert.ok(existsSync(killed.socketPath));
  const machine = await Machine.start(t, {
    prepare: (next) => Object.assign(next, { run: killed.run, socketPath: killed.socketPath }),
  });
  assert.equal(machine.said, 'R');
  await machine.connect();
  await machine.powerOff();
  await machine.ended;
  assert.ok(!existsSync(killed.run));
});

for (const [what, step, code, prepare] of [
  [
    'a socket whose name a file has',
    'bind',
    'EADDRINUSE',
    (machine) => {
      mkdirSync(machine.run, { mode: 0o700 });
      writeFileSync(machine.socketPath, 'precious');
    },
  ],
  [
    'a socket whose path is too long',
    'bind',
    'ENAMETOOLONG',
    (machine) => Object.assign(machine, { socketPath: join(machine.run, 'x'.repeat(100)) }),
  ],
  ['a directory whose name a file has', 'mkdir', 'EEXIST', (machine) => writeFileSync(machine.run, '')],
  [
    'a directory that others can enter',
    'mkdir',
    'EEXIST',
    (machine) => {
      mkdirSync(machine.run);
      chmodSync(machine.run, 0o750);
    },
  ],
  [
    'a directory that has no parent',
    'mkdir',
    'ENOENT',
    (machine) => Object.assign(machine, { socketPath: join(machine.run, 'no', 'agent.sock') }),
  ],
]) {
  test(`${what}: recorded as a failed ${step}, nothing said, no VMM`, async (t) => {
    const machine = await Machine.start(t, { vmm: anyVmm, prepare });
    assert.equal(machine.said, '');
    const record = await machine.exitRecord();
    assert.deepEqual([record.cause, record.vmm], ['spawn', null]);
    assert.deepEqual([record.spawnError.step, record.spawnError.code], [step, code]);
    assert.deepEqual(await machine.ended, { exitCode: 0, signal: null });
    closeSync(await lockFile(join(machine.dir, 'lock'), 0));
    if (what.startsWith('a socket whose name'))
      assert.equal(readFileSync(machine.socketPath, 'utf8'), 'precious');
  });
}

test('a failed bind where the owner has died too leaves nothing', async (t) => {
  const machine = await Machine.start(t, {
    creating: true,
    owner: 'dead',
    vmm: anyVmm,
    prepare: (next) => Object.assign(next, { socketPath: join(next.run, 'x'.repeat(100)) }),
  });
  assert.deepEqual(await machine.ended, { exitCode: 0, signal: null });
  assert.deepEqual(remains(machine), []);
});

for (const [what, options] of [
  ['being created', { creating: true }],
  ['ephemeral', { args: ['--ephemeral'] }],
]) {
  test(`an owner that died before the relay came up, of a sandbox that is ${what}: nothing remains`, async (t) => {
    const machine = await Machine.start(t, { ...options, owner: 'dead', bootstrapFd: noBootstrap(t) });
    assert.deepEqual(await machine.ended, { exitCode: 0, signal: null });
    assert.deepEqual(remains(machine), []);
  });
}

test('an owner that died before the relay came up, of a lasting sandbox: no socket, no VMM, the reason on record', async (t) => {
  const machine = await Machine.start(t, { owner: 'dead', bootstrapFd: noBootstrap(t) });
  const record = await machine.exitRecord();
  assert.deepEqual([record.cause, record.vmm, record.spawnError], ['owner-death', null, null]);
  assert.deepEqual(remains(machine), ['sandbox']);
});

test('an owner that dies with the word unread: nothing remains', async (t) => {
  const machine = await Machine.start(t, { creating: true, owner: 'deaf', bootstrapFd: noBootstrap(t) });
  await eventually('the socket is there', () => existsSync(machine.socketPath));
  machine.dropLeash();
  assert.deepEqual(await machine.ended, { exitCode: 0, signal: null });
  assert.deepEqual(remains(machine), []);
});

test('a VMM that cannot be executed leaves no directory', async (t) => {
  const machine = await Machine.start(t, { vmm: ['/no/such/vmm'] });
  assert.equal(machine.said, 'R');
  assert.equal((await machine.exitRecord()).spawnError.step, 'exec');
  assert.ok(!existsSync(machine.run));
});

test('a sandbox that somebody else holds gets no socket, and no record', async (t) => {
  const first = await Machine.start(t);
  const lockFd = openSync(join(first.dir, 'lock'), 'r+');
  const second = await Machine.start(t, { vmm: anyVmm, lockFd });
  assert.equal(second.said, '');
  assert.deepEqual(await second.ended, { exitCode: 1, signal: null });
  assert.match(second.file('vmm.log'), /lock/);
  assert.ok(!existsSync(second.run) && !second.has('exit.json'));
});
