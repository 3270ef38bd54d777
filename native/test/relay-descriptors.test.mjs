import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { closeFd, socketPair } from '../index.js';
import { childrenOf, isRunning } from './support/proc.mjs';
import { eventually, Machine, RELAY } from './support/relay.mjs';

const SIGKILL = 9;
const SIGCONT = 18;
const SIGSTOP = 19;

/** As many of the relay's own the VMM has: /dev/null, the log's pipe twice, the agent's line, the console's. */
const RELAYS_OWN = 5;

/** The later ones first, so that no descriptor has its number by chance. */
const sockets = (t, pairs) => {
  const fds = Array.from({ length: pairs }, socketPair).flat().reverse();
  t.after(() => fds.forEach(closeFd));
  return fds;
};

/** What an owner might give the VMM, and the end of file on the owner's end of it. */
const controlSocket = (t) => {
  const [ours, theirs] = socketPair();
  const socket = new Socket({ fd: ours });
  t.after(() => socket.destroy());
  return { theirs, ended: once(socket.resume(), 'end') };
};

const targetOf = (fd) => readlinkSync(`/proc/self/fd/${fd}`);
const flagsOf = (fd) => /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))[1];
const inVmm = (machine) => machine.descriptors.filter((line) => line.startsWith('fd '));

for (const count of [2, 8]) {
  test(`${count} descriptors of the owner come after the relay's own, in their order, as they are, and no others do`, async (t) => {
    const forVmm = sockets(t, count / 2);
    const flags = forVmm.map(flagsOf);
    const machine = await Machine.start(t, { forVmm });
    const expected = forVmm.map((fd, i) => `fd ${RELAYS_OWN + i} ${targetOf(fd)}`);
    assert.deepEqual(inVmm(machine).slice(RELAYS_OWN), expected);
    assert.deepEqual(forVmm.map(flagsOf), flags);
  });
}

test('one that the relay is not told of does not get to the VMM', async (t) => {
  const forVmm = sockets(t, 1);
  const machine = await Machine.start(t, { forVmm, args: ['--vmm-descriptors', '1'] });
  assert.deepEqual(inVmm(machine).slice(RELAYS_OWN), [`fd 5 ${targetOf(forVmm[0])}`]);
});

test('the relay keeps no copy: its owner sees the end of file when the VMM is dead, whatever the relay does', {
  timeout: 10_000,
}, async (t) => {
  const { theirs, ended } = controlSocket(t);
  const machine = await Machine.start(t, { forVmm: [theirs] });
  closeFd(theirs);
  await machine.boot();
  const [vmm] = childrenOf(machine.process.pid);
  machine.signal(SIGSTOP);
  process.kill(vmm, SIGKILL);
  await eventually('the VMM has ended', () => !isRunning(vmm));
  await ended;
  machine.signal(SIGCONT);
  assert.equal((await machine.exitRecord()).vmm.signal, SIGKILL);
});

test('a VMM that cannot be executed is told of with all descriptors, too, and the owner sees the end of file', {
  timeout: 10_000,
}, async (t) => {
  const { theirs, ended } = controlSocket(t);
  const machine = await Machine.start(t, { forVmm: [theirs, ...sockets(t, 3)], vmm: ['/no/such/vmm'] });
  closeFd(theirs);
  await ended;
  assert.deepEqual((await machine.exitRecord()).spawnError, { step: 'exec', errno: 2, code: 'ENOENT' });
});

for (const [count, error, ...more] of [
  ['9', '--vmm-descriptors takes a number from 0 to 8'],
  ['1', 'descriptor 6 is not open'],
  ['3', 'descriptor 6 is not open'],
  ['3', 'descriptor 8 is not open', 'pipe', 'pipe'],
]) {
  test(`--vmm-descriptors ${count}: ${error}`, () => {
    const args = ['--sandbox-dir', '/tmp/x', '--socket', '/tmp/x.sock', '--vmm-descriptors', count];
    const refused = spawnSync(RELAY, [...args, '--', '/bin/true'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', ...more],
    });
    assert.deepEqual([refused.status, refused.stderr], [2, `msb-relay: ${error}\n`]);
  });
}
