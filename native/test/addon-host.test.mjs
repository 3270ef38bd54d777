import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { listenUnix, probeHvf, probeKvm, socketPair } from '../index.js';

const scratch = (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'msb-native-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
};

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

test('listenUnix: private from the first moment, and connectable', async (t) => {
  const path = join(scratch(t), 'a.sock');
  const umask = process.umask(0);
  const fd = listenUnix(path, 16);
  process.umask(umask);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const server = new Server();
  const met = new Promise((resolve) => server.once('connection', resolve));
  server.listen({ fd });
  const client = connect(path);
  (await met).end('hi');
  const [chunk] = await new Promise((resolve) => client.once('data', (data) => resolve([String(data)])));
  assert.equal(chunk, 'hi');
  client.destroy();
  server.close();
});

test('listenUnix: errors', (t) => {
  const directory = scratch(t);
  const path = join(directory, 'taken');
  writeFileSync(path, '');
  assert.throws(() => listenUnix(path, 1), { code: 'EADDRINUSE', syscall: 'bind', path });
  assert.ok(existsSync(path));
  assert.throws(() => listenUnix(join(directory, 'no/a.sock'), 1), { code: 'ENOENT' });
  assert.throws(() => listenUnix(`/tmp/${'x'.repeat(103)}`, 1), {
    code: 'ENAMETOOLONG',
    syscall: 'bind',
    message: /at most 107 bytes, this one has 108.*XDG_RUNTIME_DIR/,
  });
  const longest = join(directory, 'x'.repeat(107 - directory.length - 1));
  closeSync(listenUnix(longest, 1));
  assert.throws(() => listenUnix(path, 0), /`backlog`/);
});
