import assert from 'node:assert/strict';
import { closeSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockFile } from '../index.js';
import { Machine } from './support/relay.mjs';

const SIGTERM = 15;

/** Puts a sandbox of somebody else where the machine was, with a socket that listens. */
const takeOldNames = async (t, { dir, run }) => {
  for (const directory of [dir, run]) {
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(join(directory, 'precious'), '');
  }
  for (const name of ['exit.json', 'creating', 'lock']) writeFileSync(join(dir, name), 'theirs');
  writeFileSync(join(run, 'qmp.sock'), '');
  const server = createServer();
  t.after(() => server.close());
  await new Promise((resolve) => server.listen(join(run, 'agent.sock'), resolve));
  return () => {
    assert.deepEqual(readdirSync(dir).sort(), ['creating', 'exit.json', 'lock', 'precious']);
    assert.equal(readFileSync(join(dir, 'exit.json'), 'utf8'), 'theirs');
    assert.deepEqual(readdirSync(run).sort(), ['agent.sock', 'precious', 'qmp.sock']);
  };
};

/** A machine that has been renamed while it ran, and a check that nothing at its old names has been touched. */
const renamed = async (t, options) => {
  const machine = await Machine.start(t, options);
  await machine.boot();
  const { dir, run } = machine;
  machine.move('named');
  return { machine, untouched: await takeOldNames(t, { dir, run }) };
};

for (const [what, options] of [
  ['is ephemeral', { args: ['--ephemeral'] }],
  ['is being created', { creating: true }],
]) {
  test(`renamed, its owner dies, and it ${what}: nothing remains of it`, async (t) => {
    const { machine, untouched } = await renamed(t, options);
    writeFileSync(join(machine.dir, 'upper.ext4'), 'x');
    writeFileSync(join(machine.run, 'qmp.sock'), '');
    machine.dropLeash();
    assert.deepEqual(await machine.ended, { exitCode: 0, signal: null });
    assert.deepEqual(readdirSync(machine.home).sort(), ['bootstrap', 'commands', 'data', 'run', 'sandbox']);
    untouched();
  });
}

test('renamed, the file of those that are being created is looked for where it is', async (t) => {
  // Where it was there is one, of somebody else, which must not count.
  const { machine, untouched } = await renamed(t, { args: ['--owner-death-budget', '0'] });
  machine.dropLeash();
  assert.equal((await machine.exitRecord()).cause, 'owner-death');
  untouched();
});

test('renamed, clients connect at the new path, and an ordinary end leaves its record in the new place', async (t) => {
  const { machine, untouched } = await renamed(t);
  const client = await machine.client();
  writeFileSync(join(machine.run, 'qmp.sock'), '');
  await machine.powerOff();
  await client.end();
  assert.equal((await machine.exitRecord()).vmm.code, 0);
  assert.ok(!existsSync(machine.run));
  assert.deepEqual(readdirSync(machine.dir).sort(), [
    'console.log',
    'exec.1.log',
    'exit.json',
    'lock',
    'vmm.log',
  ]);
  closeSync(await lockFile(join(machine.dir, 'lock'), 0));
  untouched();
});

test('renamed more than once, it is killed and put away where it is then', async (t) => {
  const { machine, untouched } = await renamed(t);
  machine.move('named-again');
  machine.signal(SIGTERM);
  assert.equal((await machine.exitRecord()).cause, 'kill');
  assert.ok(!existsSync(machine.run));
  untouched();
});

test('removed by somebody else, there is nothing to put away, and what has the names stays', async (t) => {
  const { machine, untouched } = await renamed(t, { args: ['--ephemeral'] });
  for (const directory of [machine.dir, machine.run]) {
    rmSync(directory, { recursive: true });
    mkdirSync(directory);
  }
  machine.dropLeash();
  assert.deepEqual(await machine.ended, { exitCode: 0, signal: null });
  assert.ok(existsSync(machine.dir) && existsSync(machine.run));
  untouched();
});
