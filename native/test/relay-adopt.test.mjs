import assert from 'node:assert/strict';
import { closeSync, existsSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { lockFile, socketPair } from '../index.js';
import { message, SHUTDOWN } from './support/frames.mjs';
import { childrenOf, isRunning, openDescriptors } from './support/proc.mjs';
import { eventually, Machine, STAND_IN } from './support/relay.mjs';

const SIGKILL = 9;
const SIGTERM = 15;
const halted = message('msb.halted', { clean: true, term_ns: 7 }, { flags: SHUTDOWN });
const adopted = true;

test('an adopted VMM lives as one that the relay has started', async (t) => {
  const machine = await Machine.start(t, { adopted });
  assert.equal((await machine.boot()).t, 'core.bootstrap');
  assert.deepEqual(childrenOf(machine.process.pid).length, 1);
  const client = await machine.client();
  await machine.command('stdout vmm speaking');
  await machine.command('console guest speaking');
  await machine.guest.write(halted);
  await machine.powerOff();
  await client.end();
  const record = await machine.exitRecord();
  assert.deepEqual([record.cause, record.spawnError, record.vmm.code], [null, null, 0]);
  assert.equal(record.halted, halted.subarray(9).toString('hex'));
  assert.equal(machine.file('vmm.log'), 'vmm speaking\n');
  assert.equal(machine.file('console.log'), 'guest speaking\n');
  assert.ok(!existsSync(machine.socketPath));
});

test('the relay of an adopted VMM has no descriptor more than another', async (t) => {
  const counts = [];
  for (const way of [{}, { adopted }]) {
    const machine = await Machine.start(t, way);
    await machine.boot();
    counts.push(openDescriptors(machine.process.pid));
  }
  assert.equal(counts[1], counts[0]);
});

test('SIGTERM kills an adopted VMM', async (t) => {
  const machine = await Machine.start(t, { adopted });
  await machine.boot();
  machine.signal(SIGTERM);
  const record = await machine.exitRecord();
  assert.deepEqual([record.cause, record.vmm.code, record.vmm.signal], ['kill', null, SIGKILL]);
});

test('SIGTERM before the bootstrap frame: the adopted VMM has ended when the lock is free', async (t) => {
  const [ours, theirs] = socketPair(); // never says anything
  const machine = await Machine.start(t, { adopted, bootstrapFd: theirs });
  await eventually('the VMM is there', () => childrenOf(machine.process.pid).length === 1);
  const [vmm] = childrenOf(machine.process.pid);
  machine.signal(SIGTERM);
  closeSync(await lockFile(`${machine.dir}/lock`, 5000));
  assert.ok(!isRunning(vmm));
  closeSync(ours);
  const record = await machine.exitRecord();
  assert.deepEqual([record.cause, record.vmm.pid, record.vmm.signal], ['kill', vmm, SIGKILL]);
});

test('a socket that cannot be made ends the adopted VMM, too', async (t) => {
  const machine = await Machine.start(t, {
    adopted,
    vmm: ['/bin/sleep', '60'],
    prepare: ({ run }) => writeFileSync(run, ''),
  });
  const record = await machine.exitRecord();
  assert.deepEqual([record.cause, record.spawnError.step], ['spawn', 'mkdir']);
  assert.equal(record.vmm.signal, SIGKILL);
});

test('a VMM that has ended before its relay was there is a crash like any other', async (t) => {
  const machine = await Machine.start(t, { adopted: 'dead', vmm: [STAND_IN], owner: 'deaf' });
  const record = await machine.exitRecord();
  assert.deepEqual([record.cause, record.spawnError, record.vmm.code], [null, null, 98]);
});

test('the owner of an adopted, ephemeral VMM dies: nothing remains', async (t) => {
  const machine = await Machine.start(t, { adopted, args: ['--ephemeral'] });
  await machine.boot();
  const [vmm] = childrenOf(machine.process.pid);
  machine.dropLeash();
  await machine.ended;
  assert.ok(!isRunning(vmm) && !existsSync(machine.dir) && !existsSync(machine.socketPath));
});

test('a process that is not its child is none that a relay can adopt, and is left alone', async (t) => {
  const machine = await Machine.start(t, {
    vmm: null,
    args: ['--adopt', `${process.pid}`],
    owner: 'deaf',
  });
  const record = await machine.exitRecord();
  assert.deepEqual([record.cause, record.vmm], ['spawn', null]);
  assert.deepEqual([record.spawnError.step, record.spawnError.code], ['adopt', 'ECHILD']);
});
