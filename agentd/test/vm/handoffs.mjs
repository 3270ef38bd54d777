// SPDX-License-Identifier: Apache-2.0
// Machines whose PID 1 is an init of their own; what it does is said at the top of test/guest/test_init.c.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { BOOTSTRAP, boot, isClean, Machine, readUpper } from './machine.mjs';

const INIT = '/sbin/test-init';

const withInit = (args, more = {}) => ({
  bootstrap: { ...BOOTSTRAP, handoff_init: { cmd: INIT, args, ...more } },
});

const parentOf = async (line, pid) =>
  Number((await line.sh(`sed -n 's/^PPid:\t//p' /proc/${pid}/status`)).stdout);

export async function handed_off(t) {
  const m = await boot(t, withInit(['exit'], { env: [{ key: 'TERM', value: 'dumb' }], cwd: '/home' }));
  const { line } = m;
  let r = await line.sh(
    'cat /proc/1/comm; tr "\\0" " " < /proc/1/cmdline; echo; readlink /proc/1/exe; readlink /proc/1/cwd',
  );
  t.is(r.stdout, `test-init\n${INIT} exit \n${INIT}\n/home\n`, 'PID 1 is the init');
  r = await line.sh('tr "\\0" "\\n" < /proc/1/environ | sort');
  t.is(
    r.stdout,
    'HOME=/\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nTERM=dumb\n',
    'its environment',
  );
  r = await line.sh(
    'ls -l /proc/1/fd | grep -c /; readlink /proc/1/fd/0; grep -E "^Sig(Ign|Cgt)" /proc/1/status',
  );
  t.is(
    r.stdout,
    '3\n/dev/console\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n',
    'descriptors and signals are clean',
  );
  const agent = Number((await line.sh('echo $PPID')).stdout);
  t.is(await parentOf(line, agent), 1, "a session's parent is the agent, and its parent is PID 1");
  r = await line.sh(`cat /proc/${agent}/comm /proc/${agent}/oom_score_adj /proc/self/oom_score_adj`);
  t.is(r.stdout, 'agentd\n-1000\n0\n', 'the agent is spared when memory runs out, its commands are not');
  r = await line.sh('cat /proc/self/cgroup /proc/1/cgroup; grep -cx 0 /sys/fs/cgroup/cgroup.procs');
  t.is(r.stdout, '0::/\n0::/\n0\n', 'its groups are the root of all, and nobody else is in them');
  r = await line.sh('cd /sys/fs/cgroup; for c in memory pids; do grep -o $c cgroup.controllers; done');
  t.is(r.stdout, 'memory\npids\n', 'which has what a kernel has to limit them');
  for (const sig of ['HUP', 'INT', 'TERM', 'USR1', 'PIPE', 'ALRM', 'QUIT'])
    await line.sh(`kill -${sig} ${agent}`);
  t.is((await line.sh('echo alive')).stdout, 'alive\n', 'no signal but SIGKILL ends it');
  t.ok(m.console.includes('test-init: exit'), "the init's output is on the console", m.console);
  r = await line.sh('(sleep 0.2; exit 0) >/dev/null 2>&1 & echo $!');
  const orphan = r.stdout;
  r = await line.sh(`for i in $(seq 50); do grep -x ${orphan.trim()} /run/reaped && exit; sleep 0.1; done`);
  t.is(r.stdout, orphan, 'orphans are reaped by the init');
  const end = await m.shutdown();
  t.is([end.code, end.halted?.p.clean], [0, true], 'it goes down');
  t.ok('init_ns' in (end.halted?.p ?? {}), 'what the init took is told', end.halted);
  t.is(isClean(t.upper), true, 'the disk is clean');
}

/** Stops a machine that has just written; tells how that went. */
async function stopped(t, args, { budgetMs, ...more } = {}) {
  const m = await boot(t, withInit(args, more));
  await m.line.sh('head -c 3000000 /dev/zero | tr "\\0" x > /root/written; echo end >> /root/written');
  const stay = m.line.start('/bin/sh', ['-c', 'trap "echo bye; exit 5" TERM; echo on; sleep 1000 & wait'], {
    stdin: 'null',
  });
  await m.line.wait((f) => f.id === stay.id && f.t === 'core.exec.stdout');
  const t0 = performance.now();
  m.line.send(0, 'core.shutdown', budgetMs ? { budget_ns: budgetMs * 1e6 } : {});
  const end = await m.end(30000);
  const last = m.line.frames.at(-1);
  t.is(
    [stay.of('core.exec.exited')[0]?.p.code, stay.stdout()],
    [5, 'on\nbye\n'],
    `${args[0]}: a session ends first`,
  );
  t.is([end.code, last.t, last.p.clean], [0, 'msb.halted', true], `${args[0]}: graceful`);
  t.is(isClean(t.upper), true, `${args[0]}: the disk is clean`);
  const written = readUpper(t.upper, '/root/written');
  t.is(
    [written.length, written.subarray(-4).toString()],
    [3000004, 'end\n'],
    `${args[0]}: what was written is there`,
  );
  return { ms: end.at - t0, report: last.p };
}

export async function inits_going_down(t) {
  for (const mode of ['exit', 'power-off', 'restart']) {
    const { ms } = await stopped(t, [mode]);
    t.ok(ms < 5000, `${mode}: soon`, ms);
  }
}

export async function services_going_down(t) {
  for (const mode of ['service', 'kill-all']) {
    await stopped(t, [mode, '/root/late']);
    const late = readUpper(t.upper, '/root/late');
    t.is(
      [late.length, late.at(-1)],
      [8 << 20, 's'.charCodeAt(0)],
      `${mode}: what was written at the very end is there`,
    );
  }
}

export async function inits_that_stay(t) {
  const ignoring = await stopped(t, ['ignore']);
  t.ok(
    ignoring.ms < 5000 && ignoring.report.init_ns < 1e9,
    'one that does not listen is not waited for',
    ignoring,
  );
  const deaf = await stopped(t, ['deaf']);
  t.ok(deaf.ms > 5000 && deaf.ms < 12000, 'one that does not do it has five seconds', deaf);
  const brief = await stopped(t, ['deaf'], { budgetMs: 3000 });
  t.ok(brief.ms < 4500, 'or less, where the host has less', brief);
}

export async function inits_that_end(t) {
  for (const [signal, says] of [
    ['USR1', 'exit status 3'],
    ['USR2', 'signal'],
  ]) {
    const m = await boot(t, withInit(['exit']));
    await m.line.sh('echo kept > /root/kept');
    m.line.start('kill', [`-${signal}`, '1']);
    const end = await m.end();
    t.is([end.code, m.line.frames.some((f) => f.t === 'msb.halted')], [0, false], `${says}: no proper end`);
    t.ok(
      new RegExp(`agentd: fatal: init: \`/sbin/test-init\` has ended: ${says}`).test(m.console),
      `${says}: the console says so`,
      m.console,
    );
    t.is(
      [isClean(t.upper), readUpper(t.upper, '/root/kept').toString()],
      [true, 'kept\n'],
      'nothing is lost',
    );
  }
}

export async function guests_that_power_off(t) {
  const m = await boot(t, withInit(['exit']));
  await m.line.sh('echo kept > /root/kept');
  m.line.start('poweroff', ['-f']);
  const end = await m.end();
  const last = m.line.frames.at(-1);
  t.is(
    [end.code, last.t, last.p.clean],
    [0, 'msb.halted', true],
    'a power-off is a stop, whoever asks for it',
  );
  t.is([isClean(t.upper), readUpper(t.upper, '/root/kept').toString()], [true, 'kept\n'], 'nothing is lost');

  const killed = await boot(t, withInit(['kill-all', '/root/late']));
  // Output under way: what is half sent must not spoil what follows.
  killed.line.start('/bin/sh', ['-c', 'while :; do head -c 100000 /dev/zero; done']);
  await killed.line.wait((f) => f.t === 'core.exec.stdout' && f.p.data.length > 1000);
  killed.line.start('kill', ['-INT', '1']);
  const ended = await killed.end();
  const word = killed.line.frames.at(-1);
  t.is([ended.code, word.t, word.p.clean], [0, 'msb.halted', true], 'also where the agent is killed first');
  t.is(readUpper(t.upper, '/root/late').length, 8 << 20, 'and the init goes on writing');
}

export async function inits_that_cannot_be(t) {
  const refused = async (handoff_init, says) => {
    const m = t.keep(await Machine.boot(t.dir, { bootstrap: { ...BOOTSTRAP, handoff_init }, ready: false }));
    const end = await m.end();
    t.is([end.code, m.line.frames.some((f) => f.t === 'core.ready')], [0, false], `${says}: never ready`);
    t.ok(m.console.includes(`agentd: fatal: ${says}`), says, m.console);
    t.is(isClean(t.upper), true, 'the disk is clean');
  };
  await refused({ cmd: '/sbin/none' }, 'init: cannot execute `/sbin/none` (ENOENT): No such file');
  await refused({ cmd: '/bin/noexec' }, 'init: cannot execute `/bin/noexec` (EACCES)');
  await refused({ cmd: '/bin/garbage' }, 'init: cannot execute `/bin/garbage` (ENOEXEC)');
  await refused({ cmd: INIT, cwd: '/none' }, 'init: cannot enter `/none` (ENOENT)');
  await refused({ cmd: 'auto' }, 'init: auto: nothing to execute among /sbin/init');
  await refused({ cmd: 'sbin/init' }, 'core.bootstrap: handoff_init');
  await refused({ cmd: INIT, args: ['a\0b'] }, 'core.bootstrap: handoff_init');
}

const request = (more = {}) => ({
  unix_time_nanos: BigInt(Date.now()) * 1000000n,
  entropy: randomBytes(64),
  ...more,
});

const HANDOFF = { cmd: INIT, args: ['service', '/root/late'], env: [{ key: 'K', value: 'v' }] };

async function ask(line, id, payload) {
  const from = line.frames.length;
  line.send(id, 'msb.resume', payload);
  return line.wait((f) => f.id === id, 10000, 'an answer', from);
}

async function ends_with_service(t, m, upper) {
  await m.line.sh('echo kept > /root/kept');
  const end = await m.shutdown();
  t.is([end.code, end.halted?.p.clean, isClean(upper)], [0, true, true], 'its end is clean');
  t.is(readUpper(upper, '/root/late').length, 8 << 20, 'its service has written what it had to');
}

export async function inits_of_renewed_machines(t) {
  const m = await boot(t);
  const { line } = m;
  const bad = await ask(line, 700, request({ hostname: 'bad', handoff_init: { cmd: 'init' } }));
  t.is([bad.t, bad.p.kind], ['core.error', 'invalid_payload'], 'an init by name is refused');
  const lasting = line.start('cat');
  await lasting.started();
  const busy = await ask(line, 701, request({ hostname: 'bad', handoff_init: HANDOFF }));
  t.is([busy.t, busy.p.kind], ['core.error', 'invalid_session'], 'so is any while something runs');
  t.is((await line.sh('hostname; cat /proc/1/comm')).stdout, 'sand\ninit\n', 'and nothing is changed');
  lasting.stdin('');
  await lasting.end();
  const answer = await ask(line, 702, request({ hostname: 'other', handoff_init: HANDOFF }));
  t.is(answer.t, 'core.ready', 'a machine in which nothing runs gets its init');
  t.note(`after ${(answer.p.resume_time_ns / 1e6).toFixed(1)} ms`);
  let r = await line.sh('cat /proc/1/comm; hostname; tr "\\0" "\\n" < /proc/1/environ | grep K=');
  t.is(r.stdout, 'test-init\nother\nK=v\n', 'and the rest of the renewal');
  const again = await ask(line, 703, request({ handoff_init: HANDOFF }));
  t.is([again.t, again.p.kind], ['core.error', 'invalid_session'], 'but one only');
  t.is((await ask(line, 704, request({ hostname: 'third' }))).t, 'core.ready', 'it can be renewed as any');
  r = await line.sh('hostname; ps | wc -l');
  t.is(r.stdout.split('\n')[0], 'third', 'and is another then');
  t.ok(Number(r.stdout.split('\n')[1]) < 9, 'nobody else is to be seen', r.stdout);
  await ends_with_service(t, m, t.upper);
}

export async function inits_of_clones(t) {
  const frozen = path.join(t.dir, 'frozen');
  const template = await boot(t, { bootstrap: { ...BOOTSTRAP, entropy: randomBytes(64) } });
  await template.line.sh('sync');
  await template.freeze(frozen);
  const upper = path.join(t.dir, 'clone.ext4');
  const cloned = async (handoff_init) => {
    fs.copyFileSync(t.upper, upper);
    const m = t.keep(await Machine.boot(t.dir, { upper, incoming: frozen, bootstrap: null, ready: false }));
    m.line.send(0, 'msb.resume', request({ hostname: 'clone', handoff_init }));
    return m;
  };
  const m = await cloned(HANDOFF);
  await m.line.wait((f) => f.t === 'core.ready', 30000, 'core.ready');
  t.is((await m.line.sh('cat /proc/1/comm; hostname')).stdout, 'test-init\nclone\n', 'a clone gets one, too');
  await ends_with_service(t, m, upper);

  const bad = await cloned({ cmd: '/sbin/none' });
  const end = await bad.end(30000);
  t.is([end.code, bad.line.frames.length, isClean(upper)], [0, 0, true], 'or ends without a word, and clean');
  t.ok(
    bad.console.includes('agentd: fatal: init: cannot execute `/sbin/none` (ENOENT)'),
    'but on the console',
    bad.console,
  );
}
