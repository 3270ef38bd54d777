import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, readSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { probeHvf, probeKvm, socketPair } from '../index.js';

test('probeKvm: says which step failed', () => {
  assert.deepEqual(probeKvm('/no/such/device'), { ok: false, step: 'open', code: 'ENOENT', errno: -2 });
  assert.deepEqual(probeKvm('/dev/null'), {
    ok: false,
    step: 'KVM_GET_API_VERSION',
    code: 'ENOTTY',
    errno: -25,
  });
  assert.throws(() => probeKvm(5), /`path`/);
});

test('probeKvm: the real device, where there is one', {
  skip: !existsSync('/dev/kvm') && 'no /dev/kvm',
}, () => {
  const probe = probeKvm();
  assert.ok(probe.ok ? probe.apiVersion === 12 : probe.code);
});

test('probeHvf: not here', { skip: process.platform === 'darwin' && 'macOS' }, () => {
  const probe = probeHvf();
  assert.deepEqual([probe.ok, probe.step], [false, 'unsupported']);
});

test('socketPair: two ends of one stream', () => {
  const [ours, theirs] = socketPair();
  writeSync(ours, 'hello');
  const buffer = Buffer.alloc(10);
  assert.equal(readSync(theirs, buffer), 5);
  closeSync(ours);
  assert.equal(readSync(theirs, buffer), 0);
  closeSync(theirs);
});

test('socketPair: no child inherits it', () => {
  const pair = socketPair();
  const { stdout } = spawnSync('/bin/ls', ['-l', '/proc/self/fd'], { stdio: ['ignore', 'pipe', 'ignore'] });
  assert.doesNotMatch(String(stdout).replace(/ [012] -> .*/g, ''), /socket:/);
  pair.map(closeSync);
});
