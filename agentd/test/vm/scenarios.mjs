// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { encode } from './cbor.mjs';
import { rawFrame } from './line.mjs';
import { BOOTSTRAP, boot, isClean, Machine, readUpper } from './machine.mjs';

const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

export async function execs(t) {
  const { line } = await boot(t);
  let r = await line.sh('echo out; echo err >&2; exit 7');
  t.is([r.code, r.stdout, r.stderr], [7, 'out\n', 'err\n'], 'output and exit code');
  r = await line.sh('kill -TERM $$');
  t.is([r.code, r.signal], [-1, 15], 'a signal is code -1 and its number');
  r = await line.exec('env', [], { env: ['OVER=request', 'NEW=1'] });
  t.ok(
    ['OVER=request', 'NEW=1', 'FROM=bootstrap', 'HOME=/root'].every((l) => r.stdout.split('\n').includes(l)),
    'environment',
    r,
  );
  r = await line.sh('pwd; id; echo $HOME', { cwd: '/home', user: 'ann' });
  t.is(
    r.stdout,
    '/home\nuid=1000(ann) gid=1001(ann) groups=10(wheel),29(audio)\n/home/ann\n',
    'cwd and user by name',
  );
  r = await line.sh('id', { user: '5:audio' });
  t.is(r.stdout, 'uid=5 gid=29(audio)\n', 'user and group by number and name');
  r = await line.sh('ulimit -n; ulimit -Hn', { rlimits: [{ resource: 'nofile', soft: 77, hard: 99 }] });
  t.is(r.stdout, '77\n99\n', 'rlimits');
  r = await line.sh('ulimit -n; grep -E "^Sig(Blk|Ign)" /proc/self/status; ls /proc/self/fd | wc -l');
  t.is(
    r.stdout,
    '1024\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n4\n',
    'limits, signals and descriptors are clean',
  );
  r = await line.sh(
    'readlink /dev/fd; hostname; cat /etc/hostname; stat -c %a /tmp; ping -c1 127.0.0.1 >/dev/null && echo lo',
  );
  t.is(r.stdout, '/proc/self/fd\nsand\nsand\n1777\nlo\n', 'a furnished root');
  r = await line.exec('wc', ['-c'], { stdin: 'null' });
  t.is(r.stdout, '0\n', 'stdin null is at its end');
}

export async function failures(t) {
  const { line } = await boot(t);
  const kind = async (cmd, more) => {
    const r = await line.exec(cmd, [], more);
    return [r.t === 'core.exec.failed' ? r.kind : r.t, r.errno_name ?? null, r.stage ?? null];
  };
  t.is(await kind('no-such'), ['not_found', 'ENOENT', 'execve'], 'not found in PATH');
  t.is(await kind('/no/such'), ['not_found', 'ENOENT', 'execve'], 'not found by path');
  t.is(await kind(''), ['not_found', 'ENOENT', 'execve'], 'no name at all');
  t.is(await kind('/bin/noexec'), ['permission_denied', 'EACCES', 'execve'], 'not executable for anybody');
  t.is(await kind('noexec'), ['permission_denied', 'EACCES', 'execve'], 'the same in PATH');
  t.is(await kind('/bin/noloader'), ['not_executable', 'ENOENT', 'execve'], 'its interpreter is missing');
  t.is(await kind('/bin/garbage'), ['not_executable', 'ENOEXEC', 'execve'], 'neither ELF nor script');
  t.is(await kind('ls', { cwd: '/no/such' }), ['bad_cwd', 'ENOENT', 'chdir'], 'directory that is not there');
  t.is(await kind('ls', { cwd: '/etc/passwd' }), ['bad_cwd', 'ENOTDIR', 'chdir'], 'directory that is none');
  t.is(await kind('ls', { user: 'nobody' }), ['user_setup_failed', null, 'user'], 'unknown user');
  t.is(
    await kind('ls', { rlimits: [{ resource: 'nofile', soft: 9, hard: 5 }] }),
    ['resource_limit', 'EINVAL', 'setrlimit(RLIMIT_NOFILE)'],
    'soft over hard',
  );
  t.is(
    await kind('ls', { rlimits: [{ resource: 'lunch', soft: 1, hard: 1 }] }),
    ['resource_limit', 'EINVAL', 'setrlimit'],
    'unknown limit',
  );
  t.is(
    await kind('ls', { env: [`${'X'.repeat(200000)}=1`] }),
    ['bad_args', 'E2BIG', 'execve'],
    'environment too large',
  );
  t.is(await kind('l\0s'), ['bad_args', 'EINVAL', null], 'a NUL in the command');
  t.is((await line.sh('echo alive')).stdout, 'alive\n', 'and on it goes');
}

export async function protocol(t) {
  const { line } = await boot(t);
  const answer = (id) =>
    line
      .wait((f) => f.id === id && f.flags & 1, 5000, `answer to ${id}`)
      .then((f) => [f.t, f.p.kind ?? null, f.p.offending_type ?? null]);
  line.send(900, 'core.ping', {});
  t.is(await answer(900), ['core.pong', null, null], 'ping');
  line.send(901, 'core.touch', {});
  const touched = await line.wait((f) => f.id === 901);
  line.send(902, 'core.touch', {});
  t.is((await line.wait((f) => f.id === 902)).p.activity_seq - touched.p.activity_seq, 1, 'touch counts');
  line.send(903, 'core.fs.request', { op: 'stat' });
  t.is(await answer(903), ['core.error', 'invalid_payload', 'core.fs.request'], 'no operation is none');
  line.send(905, 'core.dream', {}, { flags: 2 });
  t.is(
    await answer(905),
    ['core.error', 'unsupported_message_type', 'core.dream'],
    'an unknown request is answered',
  );
  line.send(906, 'core.dream', {});
  line.raw(rawFrame(907, 0, Buffer.from('ff', 'hex')));
  t.is(await answer(907), ['core.error', 'malformed_message', null], 'a malformed message is answered');
  line.send(908, 'core.exec.request', { cmd: 'ls' }, { flags: 0 });
  t.is(await answer(908), ['core.error', 'invalid_flags', 'core.exec.request'], 'flags are checked');
  line.send(909, 'core.exec.request', { cmd: 5 });
  t.is(await answer(909), ['core.error', 'invalid_payload', 'core.exec.request'], 'payloads are checked');
  line.send(910, 'core.exec.request', { cmd: 'ls' }, { v: 8 });
  t.is(
    await answer(910),
    ['core.error', 'unsupported_protocol_generation', 'core.exec.request'],
    'generation 8 is refused',
  );
  line.raw(rawFrame(911, 0, encode({ v: 7, t: 'core.ping', p: encode({}), later: [1, { x: 2.5 === 2 }] })));
  t.is(await answer(911), ['core.pong', null, null], 'unknown keys are ignored');
  t.is(line.frames.filter((f) => f.id === 906).length, 0, 'an unknown message is not');
  // 128 clients with 33,554,431 ids each end before these.
  for (const id of [0xffffff81, 0xffffffff]) {
    line.send(id, 'core.exec.request', { cmd: 'true' });
    t.is(
      await answer(id),
      ['core.error', 'invalid_session', 'core.exec.request'],
      'an id that no client has begins nothing',
    );
  }
  const s = line.start('cat', [], { id: 950 });
  await s.started();
  line.start('cat', [], { id: 950 });
  t.is(
    await answer(950),
    ['core.error', 'invalid_session', 'core.exec.request'],
    'a live id cannot be used again',
  );
  s.stdin('');
  await line.wait((f) => f.id === 950 && f.t === 'core.exec.exited');
  t.is((await line.exec('true', [], { id: 950 })).code, 0, 'a dead one can');
  const now = BigInt(Date.now()) + 86400000n;
  line.send(0, 'core.clock.sync', { unix_time_nanos: now * 1000000n });
  const guest = Number((await line.exec('date', ['+%s'])).stdout);
  t.ok(Math.abs(guest - Number(now) / 1000) < 5, 'clock.sync sets the clock', guest);
  t.is(
    line.frames.filter((f) => f.id === 0 && f.t !== 'core.init.resolved' && f.t !== 'core.ready').length,
    0,
    'and is not answered',
  );
}

export async function stdio(t) {
  const { line } = await boot(t);
  let s = line.start('cat');
  for (let i = 0; i < 50; i++) s.stdin(`line ${i}\n`);
  s.stdin('');
  t.is(
    [(await s.end()).p.code, s.stdout()],
    [0, Array.from({ length: 50 }, (_, i) => `line ${i}\n`).join('')],
    'stdin comes back',
  );
  s = line.start('md5sum');
  const sum = createHash('md5');
  for (let i = 0; i < 6; i++) {
    const data = Buffer.alloc(1 << 20, i);
    sum.update(data);
    s.stdin(data);
  }
  s.stdin('');
  await s.end();
  t.is(s.stdout(), `${sum.digest('hex')}  -\n`, '6 MiB of stdin');

  s = line.start('/bin/sh', ['-c', 'exec 0<&-; echo closed; sleep 1; echo on; exit 3']);
  await line.wait((f) => f.id === s.id && f.t === 'core.exec.stdout');
  s.stdin('x');
  const e = await line.wait((f) => f.id === s.id && f.t === 'core.exec.stdin.error');
  t.is([e.flags, e.p.errno_name], [0, 'EPIPE'], 'a closed stdin is told');
  t.is([(await s.end()).p.code, s.stdout()], [3, 'closed\non\n'], 'and ends nothing');

  s = line.start('sleep', ['60']);
  await s.started();
  for (let i = 0; i < 10; i++) s.stdin(Buffer.alloc(1 << 20));
  const full = await line.wait((f) => f.id === s.id && f.t === 'core.exec.stdin.error');
  t.is([full.flags, full.p.errno_name], [0, 'ENOBUFS'], 'a queue has its bound');
  t.is((await line.sh('echo free')).stdout, 'free\n', 'and stalls nobody else');
  s.signal(9);
  t.is((await s.end()).p, { code: -1, signal: 9 }, 'SIGKILL');

  s = line.start('/bin/sh', ['-c', 'sleep 100 & sleep 100 & wait']);
  await s.started();
  await sleep(300);
  s.signal(15);
  t.is((await s.end(3000)).p.signal, 15, 'a signal goes to the group');
  t.is((await line.sh('ps | grep -c "[s]leep 100"')).stdout, '0\n', 'to all of it');

  const t0 = performance.now();
  s = line.start('head', ['-c', '50000000', '/dev/zero'], { stdin: 'null' });
  await s.end(60000);
  t.is(s.bytes(), 50000000, `50 MB of output (${(50000 / (performance.now() - t0)).toFixed(1)} MB/s)`);
  const many = await Promise.all(Array.from({ length: 40 }, (_, i) => line.sh(`echo ${i}; exit ${i}`)));
  t.ok(
    many.every((r, i) => r.code === i && r.stdout === `${i}\n`),
    '40 at once, each exit to its own',
  );
}

export async function orphans(t) {
  const { line } = await boot(t);
  let t0 = performance.now();
  let r = await line.sh('(sleep 3; echo late) & echo now');
  const ms = performance.now() - t0;
  t.ok(
    r.stdout === 'now\n' && ms > 400 && ms < 2500,
    `an orphan with the pipe holds the exit for half a second (${ms.toFixed(0)} ms)`,
    r,
  );
  await sleep(3500);
  r = await line.sh('(sleep 1; echo x; sleep 0.2; touch /tmp/survived) & true');
  await sleep(2500);
  t.is((await line.sh('ls /tmp/survived')).code, 0, 'writing after that does not kill it');
  await line.sh('for i in 1 2 3 4 5; do (sleep 0.$i & ) ; done >/dev/null 2>&1');
  await sleep(1500);
  t.is((await line.sh('ps -o stat,ppid,comm | grep -c "^Z"')).stdout, '0\n', 'orphans are reaped');

  const s = line.start('/bin/sh', ['-c', 'yes & yes & wait'], { stdin: 'null' });
  const s2 = line.start('sleep', ['500'], { stdin: 'null' });
  await s.started();
  await s2.started();
  t0 = performance.now();
  r = await line.sh('echo between');
  t.ok(
    r.stdout === 'between\n' && performance.now() - t0 < 3000,
    `a flood delays others little (${(performance.now() - t0).toFixed(0)} ms)`,
  );
  line.send(0, 'msb.flow', { id_start: s.id, id_end_exclusive: s.id + 1, paused: true });
  await sleep(1000);
  const paused = s.bytes();
  await sleep(500);
  t.is(s.bytes(), paused, 'a paused range sends nothing');
  const quiet = line.start('/bin/sh', ['-c', 'echo kept; exit 4'], { id: s.id + 1000, stdin: 'null' });
  t.is((await quiet.end()).p.code, 4, 'others go on');
  line.send(0, 'msb.flow', { id_start: s.id, id_end_exclusive: s.id + 1, paused: false });
  await sleep(700);
  t.ok(s.bytes() > paused, 'resumed, it sends');

  line.send(0, 'msb.flow', { id_start: 5000, id_end_exclusive: 6000, paused: true });
  const owed = line.start('/bin/sh', ['-c', 'echo owed'], { id: 5001, stdin: 'null' });
  await owed.started();
  await sleep(1500);
  t.is(owed.of('core.exec.exited').length, 0, 'a paused session keeps its exit');
  line.send(0, 'msb.flow', { id_start: 5000, id_end_exclusive: 6000, paused: false });
  t.is([(await owed.end()).p.code, owed.stdout()], [0, 'owed\n'], 'and its output, until it may be sent');

  line.send(0, 'core.relay.client.disconnected', { id_start: s.id, id_end_exclusive: s2.id + 1 });
  await sleep(500);
  r = await line.sh('ps | grep -cE "[y]es|[s]leep 500"');
  t.is(r.stdout, '0\n', 'a client that is gone leaves no process');
  t.is([s.of('core.exec.exited').length, s2.of('core.exec.exited').length], [0, 0], 'and hears no more');
}

export async function shutdown(t) {
  let m = await boot(t);
  let { line } = m;
  await line.sh('echo one > /root/marker; mkdir -p /var/x; head -c 3000000 /dev/zero > /var/x/big');
  const s = line.start(
    '/bin/sh',
    ['-c', 'trap "echo bye; echo two > /root/last; exit 5" TERM; echo up; while :; do sleep 0.1; done'],
    { stdin: 'null' },
  );
  await line.wait((f) => f.id === s.id && f.t === 'core.exec.stdout');
  let r = await m.shutdown();
  t.note(`shutdown to exit ${r.ms.toFixed(0)} ms ${JSON.stringify(r.halted?.p)}`);
  t.is([r.code, r.signal], [0, null], 'the machine ends by itself');
  t.is(
    [r.halted?.id, r.halted?.flags, r.halted?.p.clean, r.halted?.p.killed],
    [0, 4, true, 0],
    'halted, clean, nobody killed',
  );
  t.is(
    [s.stdout(), s.of('core.exec.exited')[0]?.p.code],
    ['up\nbye\n', 5],
    'last words and exit arrive before it',
  );
  t.is(isClean(t.upper), true, 'the journal needs no recovery');
  t.is(
    [
      readUpper(t.upper, '/root/marker').toString(),
      readUpper(t.upper, '/root/last').toString(),
      readUpper(t.upper, '/var/x/big').length,
    ],
    ['one\n', 'two\n', 3000000],
    'all is on the disk',
  );

  m = await boot(t);
  ({ line } = m);
  r = await line.sh('cat /root/marker; echo "10.0.0.1 mine" >> /etc/hosts');
  t.is(r.stdout, 'one\n', 'and in the next life');
  const stubborn = line.start(
    '/bin/sh',
    ['-c', 'trap "" TERM; echo up; while :; do sleep 0.1; echo x >> /root/log; done'],
    { stdin: 'null' },
  );
  const stopped = line.start('/bin/sh', ['-c', 'trap "echo woken; exit 6" TERM; echo up; kill -STOP $$'], {
    stdin: 'null',
  });
  await line.wait((f) => f.id === stubborn.id && f.t === 'core.exec.stdout');
  const pid = (await stopped.started()).p.pid;
  t.is(
    (await line.sh(`until grep -q "^State:.T" /proc/${pid}/status; do :; done`)).code,
    0,
    'one process stops itself',
  );
  line.send(0, 'core.shutdown', {});
  line.send(0, 'core.shutdown', {});
  const late = line.start('true', [], { stdin: 'null' });
  r = { ...(await m.end()), halted: line.frames.at(-1) };
  t.note(JSON.stringify(r.halted.p));
  t.is(r.halted.t, 'msb.halted', 'a second shutdown changes nothing');
  t.ok(
    r.halted.p.clean && r.halted.p.killed >= 1 && r.halted.p.term_ns > 1.9e9 && r.halted.p.term_ns < 2.6e9,
    'a stubborn process is killed after the grace',
    r.halted.p,
  );
  t.is(stubborn.of('core.exec.exited')[0]?.p, { code: -1, signal: 9 }, 'and its exit is told');
  t.is(stopped.of('core.exec.exited')[0]?.p, { code: 6 }, 'a stopped one is woken for its SIGTERM');
  t.is((await late.end()).p.kind, 'other', 'nothing new is started');
  t.is(isClean(t.upper), true, 'clean all the same');

  m = await boot(t);
  ({ line } = m);
  t.ok(
    (await line.sh('cat /etc/hosts')).stdout.includes('10.0.0.1 mine'),
    'a restart keeps what a user wrote into /etc/hosts',
  );
  r = await line.sh(
    'mkdir /mnt; dd if=/dev/zero of=/root/disk bs=1M count=8 2>/dev/null; mkdir "/mnt/a b"; mount -t tmpfs none "/mnt/a b"; mknod /dev/odd b 254 16; mkdir /mnt/again; mount -t ext4 /dev/vdb /mnt/again && echo mounted',
  );
  t.is(r.stdout, 'mounted\n', 'a guest mounts the disk once more');
  line.start('/bin/sh', ['-c', 'cd /mnt/again; exec 9>open; rm open; sleep 1000'], { stdin: 'null' });
  await sleep(500);
  r = await m.shutdown();
  t.is([r.halted?.p.clean, isClean(t.upper)], [true, true], 'and still the end is clean');
}

export async function losses(t) {
  let m = await boot(t);
  await m.line.sh('echo kept > /root/marker');
  m.line.socket.destroy();
  t.is((await m.end()).code, 0, 'a host that is gone: the machine ends');
  t.is(
    [isClean(t.upper), readUpper(t.upper, '/root/marker').toString()],
    [true, 'kept\n'],
    'with all on the disk',
  );
  m = await boot(t);
  m.line.raw(Buffer.from('00000004ffffffff', 'hex'));
  t.is((await m.end()).code, 0, 'a frame that is too short: the machine ends');
  t.is(isClean(t.upper), true, 'clean');
  m = t.keep(
    await Machine.boot(t.dir, {
      ready: false,
      bootstrap: { ...BOOTSTRAP, block_root: { ...BOOTSTRAP.block_root, lower_fstype: 'nonesuch' } },
    }),
  );
  await m.end(30000);
  t.ok(
    m.console.includes('agentd: fatal: mount /dev/vda (nonesuch) at /lower: No such device'),
    'a fatal error is on the console',
    m.console,
  );
  m = t.keep(await Machine.boot(t.dir, { ready: false, bootstrap: null }));
  m.line.send(0, 'core.shutdown', {});
  await m.end(30000);
  t.is(
    m.line.frames.map((f) => [f.t, f.p.clean]),
    [['msb.halted', true]],
    'a shutdown before the bootstrap',
  );
  m = t.keep(
    await Machine.boot(t.dir, { ready: false, bootstrap: { ...BOOTSTRAP, hangup_after_halted: true } }),
  );
  await m.line.wait((f) => f.t === 'core.ready', 30000);
  m.line.onFrame = (f) => f.t === 'msb.halted' && setTimeout(() => m.line.socket.destroy(), 300);
  const t0 = performance.now();
  const end = await m.shutdown();
  t.ok(
    end.halted && performance.now() - t0 > 300,
    'with hangup_after_halted it waits for the host to hang up',
  );
}
