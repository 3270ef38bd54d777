import assert from 'node:assert/strict';
import { spawn as spawnNode } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pidfdOpen, pidfdSignal, pidfdWait, spawn } from '../index.js';
import { isRunning } from './support/proc.mjs';

const SIGKILL = 9;

/** Runs /bin/sh with its output going to a file. */
const shell = (t, script, options = {}) => {
  const directory = mkdtempSync(join(tmpdir(), 'msb-native-'));
  const nil = openSync('/dev/null', 'r');
  const out = openSync(join(directory, 'out'), 'w');
  const child = spawn({
    file: '/bin/sh',
    args: ['-c', script],
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
    fds: [nil, out, out],
    ...options,
  });
  closeSync(nil);
  closeSync(out);
  t.after(() => {
    pidfdSignal(child.pidfd, SIGKILL);
    closeSync(child.pidfd);
    rmSync(directory, { recursive: true });
  });
  return { ...child, output: () => readFileSync(join(directory, 'out'), 'utf8') };
};

const null3 = () => {
  const fd = openSync('/dev/null', 'r+');
  return [fd, fd, fd];
};

test('spawn: exit codes and signals', async (t) => {
  assert.deepEqual(await pidfdWait(shell(t, 'exit 0').pidfd, 5000), { exitCode: 0, signal: null });
  assert.deepEqual(await pidfdWait(shell(t, 'exit 7').pidfd, 5000), { exitCode: 7, signal: null });
  assert.deepEqual(await pidfdWait(shell(t, 'kill -11 $$').pidfd, 5000), { exitCode: null, signal: 11 });
});

test('spawn: arguments, environment, directory, session', async (t) => {
  const script = 'echo "$0|$1|$2"; /usr/bin/env; pwd; /usr/bin/cut -d" " -f6 /proc/self/stat';
  const child = shell(t, script, {
    args: ['-c', script, 'a b', '', 'ü'],
    env: { A: '1 2', B: 'ß=' },
    cwd: realpathSync(tmpdir()),
  });
  await pidfdWait(child.pidfd, 5000);
  const lines = child.output().trim().split('\n');
  assert.equal(lines[0], 'a b||ü');
  const environment = lines.slice(1, -2).filter((line) => !/^(PWD|OLDPWD|SHLVL|_)=/.test(line));
  assert.deepEqual(environment.sort(), ['A=1 2', 'B=ß=']);
  assert.deepEqual(lines.slice(-2), [realpathSync(tmpdir()), String(child.pid)]);
});

test('spawn: descriptors cross over, are repeated, and nothing else is inherited', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'msb-native-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const names = ['a', 'b', 'c'];
  const [a, b, c] = names.map((name) => openSync(join(directory, name), 'w'));
  const out = openSync(join(directory, 'out'), 'w+');
  // Sources that are targets too, in the reverse order.
  const fds = [];
  fds[0] = c;
  fds[1] = out;
  fds[2] = out;
  for (let i = 3; i <= Math.max(a, b, c, out); i++) fds[i] = i % 2 ? a : b;
  const child = spawn({ file: '/bin/ls', args: ['-l', '/proc/self/fd'], env: {}, cwd: '/', fds });
  for (const fd of [a, b, c]) closeSync(fd);
  assert.deepEqual(await pidfdWait(child.pidfd, 5000), { exitCode: 0, signal: null });
  closeSync(child.pidfd);
  const path = { [a]: 'a', [b]: 'b', [c]: 'c', [out]: 'out' };
  const links = readFileSync(join(directory, 'out'), 'utf8').matchAll(/ (\d+) -> (\S+)/g);
  // All but ls's own look into the directory.
  const got = [...links]
    .map(([, fd, target]) => [fd, target])
    .filter(([, target]) => !target.startsWith('/proc/'));
  assert.deepEqual(
    got.sort((x, y) => x[0] - y[0]),
    fds.map((fd, i) => [String(i), join(directory, path[fd])]),
  );
});

test('spawn: the signal mask is empty and nothing is ignored', async (t) => {
  process.on('SIGUSR2', () => {});
  t.after(() => process.removeAllListeners('SIGUSR2'));
  const child = shell(t, 'grep -E "^Sig(Blk|Ign)" /proc/self/status');
  await pidfdWait(child.pidfd, 5000);
  assert.match(child.output(), /SigBlk:\t0{16}\nSigIgn:\t0{16}\n/);
});

test('spawn: what cannot be executed throws, and leaves neither zombie nor descriptor', () => {
  const options = { file: '/no/such/file', args: [], env: {}, cwd: '/', fds: null3() };
  const before = readdirSync('/proc/self/fd').length;
  assert.throws(() => spawn(options), {
    name: 'Error',
    code: 'ENOENT',
    errno: -2,
    syscall: 'execve',
    path: '/no/such/file',
    message: "ENOENT: No such file or directory, execve '/no/such/file'",
  });
  assert.throws(() => spawn({ ...options, file: '/etc/passwd' }), { code: 'EACCES', syscall: 'execve' });
  assert.throws(() => spawn({ ...options, file: '/bin/true', cwd: '/nowhere' }), {
    code: 'ENOENT',
    syscall: 'chdir',
    path: '/nowhere',
  });
  assert.throws(() => spawn({ ...options, file: '/bin/true', fds: [9999] }), {
    code: 'EBADF',
    syscall: 'fcntl',
  });
  assert.equal(readdirSync('/proc/self/fd').length, before);
  closeSync(options.fds[0]);
});

test('spawn: wrong arguments are TypeErrors that name them', () => {
  const good = { file: '/bin/true', args: [], env: {}, cwd: '/', fds: [] };
  for (const [change, name] of [
    [{ file: 1 }, 'options.file'],
    [{ file: '' }, 'options.file'],
    [{ args: 'x' }, 'options.args'],
    [{ args: ['a', 1] }, 'options.args[1]'],
    [{ args: ['a\0b'] }, 'options.args[0]'],
    [{ env: null }, 'options.env'],
    [{ env: { A: undefined } }, 'options.env.A'],
    [{ env: { 'A=B': '' } }, 'options.env'],
    [{ cwd: undefined }, 'options.cwd'],
    [{ fds: [0, -1] }, 'options.fds[1]'],
    [{ fds: [0.5] }, 'options.fds[0]'],
  ]) {
    assert.throws(
      () => spawn({ ...good, ...change }),
      (error) => error instanceof TypeError && error.message.includes(`\`${name}\``),
    );
  }
  assert.throws(() => spawn(), TypeError);
  assert.throws(() => pidfdWait(1), /`timeoutMs`/);
  assert.throws(() => pidfdWait(1, Number.POSITIVE_INFINITY), /`timeoutMs`/);
  assert.throws(() => pidfdOpen('1'), /`pid`/);
  assert.throws(() => pidfdSignal(1, 'SIGTERM'), /`signal`/);
});

test('pidfdWait: a timeout rejects, and the process can be waited for again', async (t) => {
  const child = shell(t, 'sleep 60');
  const since = performance.now();
  await assert.rejects(pidfdWait(child.pidfd, 50), { code: 'ETIMEDOUT', syscall: 'waitid' });
  const waited = performance.now() - since;
  assert.ok(waited >= 49 && waited < 1000, `${waited} ms`);
  await assert.rejects(pidfdWait(child.pidfd, 0), { code: 'ETIMEDOUT' });
  assert.equal(pidfdSignal(child.pidfd, SIGKILL), true);
  assert.deepEqual(await pidfdWait(child.pidfd, 5000), { exitCode: null, signal: SIGKILL });
  assert.equal(pidfdSignal(child.pidfd, SIGKILL), false);
  assert.equal(isRunning(child.pid), false);
});

test('pidfdSignal: a zombie has ended already', async (t) => {
  const child = shell(t, 'exit 0');
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(pidfdSignal(child.pidfd, 0), false);
  assert.deepEqual(await pidfdWait(child.pidfd, 0), { exitCode: 0, signal: null });
});

test('pidfdWait: several at once get the same answer; the descriptor stays the caller’s', async (t) => {
  const child = shell(t, 'sleep 0.1; exit 5');
  const second = pidfdOpen(child.pid);
  const waits = [pidfdWait(child.pidfd, 5000), pidfdWait(child.pidfd, 5000), pidfdWait(second, 5000)];
  closeSync(second);
  assert.deepEqual(await Promise.all(waits), Array(3).fill({ exitCode: 5, signal: null }));
});

test('pidfdWait: 200 at once', async (t) => {
  const gate = openSync('/dev/null', 'r');
  t.after(() => closeSync(gate));
  const children = Array.from({ length: 200 }, (_, i) =>
    spawn({
      file: '/bin/sh',
      args: ['-c', `sleep 0.2; exit ${i}`],
      env: { PATH: '/usr/bin:/bin' },
      cwd: '/',
      fds: [gate, gate, gate],
    }),
  );
  const results = await Promise.all(children.map(({ pidfd }) => pidfdWait(pidfd, 20_000)));
  assert.deepEqual(
    results.map(({ exitCode }) => exitCode),
    children.map((_, i) => i),
  );
  for (const { pidfd } of children) closeSync(pidfd);
});

test('pidfdWait: a process that is not our child has no status', async (t) => {
  const child = shell(t, 'sleep 60 & echo $!; exec sleep 60');
  while (!child.output().includes('\n')) await new Promise((resolve) => setTimeout(resolve, 5));
  const grandchild = pidfdOpen(Number(child.output()));
  const ended = pidfdWait(grandchild, 5000);
  assert.equal(pidfdSignal(grandchild, SIGKILL), true);
  assert.deepEqual(await ended, { exitCode: null, signal: null });
  closeSync(grandchild);
});

test('pidfdOpen: ESRCH where nobody is, EBADF for what is no pidfd', async () => {
  assert.throws(() => pidfdOpen(0x7fffffff), { code: 'ESRCH', syscall: 'pidfd_open' });
  const nil = openSync('/dev/null', 'r');
  assert.throws(() => pidfdSignal(nil, 0), { code: 'EBADF' });
  await assert.rejects(pidfdWait(nil, 1000), { code: 'EBADF' });
  await assert.rejects(pidfdWait(9999, 1000), { code: 'EBADF' });
  closeSync(nil);
});

test('pidfdWait: does not disturb Node’s own children', async (t) => {
  const child = shell(t, 'sleep 0.05');
  const node = spawnNode('/bin/sh', ['-c', 'exit 3']);
  const [code] = await Promise.all([
    new Promise((resolve) => node.on('exit', resolve)),
    pidfdWait(child.pidfd, 5000),
  ]);
  assert.equal(code, 3);
});
