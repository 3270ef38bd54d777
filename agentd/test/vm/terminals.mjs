// SPDX-License-Identifier: Apache-2.0
// Commands at a terminal.
import { createHash } from 'node:crypto';
import { boot } from './machine.mjs';

/** Starts a command at a terminal, with somebody to type. */
const at = (line, script, more) => line.start('/bin/sh', ['-c', script], { tty: true, ...more });

/** Waits until a command has written `text`. */
const says = (line, s, text) =>
  line.wait(() => s.stdout().includes(text), 10000, `"${text}" from session ${s.id}`);

const ended = async (s) => [(await s.end()).p.code, s.stdout()];

export async function terminals(t) {
  const { line } = await boot(t);
  const before = (await line.sh('ls /proc/1/fd | wc -l; cat /proc/sys/kernel/pty/nr')).stdout;
  let s = at(line, 'test -t 0 && test -t 1 && test -t 2 && tty && stty size && echo $TERM', {
    rows: 33,
    cols: 101,
  });
  t.is(await ended(s), [0, '/dev/pts/0\r\n33 101\r\nxterm-256color\r\n'], 'a terminal of that size');
  t.is(
    await ended(at(line, 'stty size; echo $TERM', { env: ['TERM=vt100'] })),
    [0, '24 80\r\nvt100\r\n'],
    'what it is by default, and its kind by request',
  );
  s = at(line, 'echo out; echo err >&2; echo it > /dev/tty; exit 3');
  t.is(
    [await ended(s), s.of('core.exec.stderr').length],
    [[3, 'out\r\nerr\r\nit\r\n'], 0],
    'all output is one, the controlling terminal is it',
  );
  s = at(line, 'id -u; stat -c %u:%a $(tty); echo named > $(tty)', { user: 'ann' });
  t.is(await ended(s), [0, '1000\r\n1000:620\r\nnamed\r\n'], 'it belongs to the user of the command');

  s = at(line, 'trap "stty size; exit 4" WINCH; echo up; sleep 1000 & wait');
  await says(line, s, 'up');
  line.send(s.id, 'core.exec.resize', { rows: 50, cols: 132 });
  t.is(await ended(s), [4, 'up\r\n50 132\r\n'], 'a resize is signalled');
  line.send(970, 'core.exec.resize', { rows: 0, cols: 80 });
  const refused = await line.wait((f) => f.id === 970);
  t.is([refused.t, refused.p.kind], ['core.error', 'invalid_payload'], 'a size of 0 is refused');
  line.send(971, 'core.exec.request', { cmd: 'true', tty: true, cols: 65536 });
  t.is((await line.wait((f) => f.id === 971)).p.kind, 'invalid_payload', 'so is 65536, at the start');
  s = line.start('cat');
  line.send(s.id, 'core.exec.resize', { rows: 50, cols: 132 });
  s.stdin('');
  t.is((await s.end()).p, { code: 0 }, 'where there is no terminal, a resize means nothing');

  s = line.start('sleep', ['1000'], { tty: true });
  await s.started();
  s.stdin('\x03');
  t.is((await s.end()).p, { code: -1, signal: 2 }, '^C ends a sleep');

  const counted = Array.from({ length: 20000 }, (_, i) => `${i + 1}\r\n`).join('');
  const outputs = [];
  for (let i = 0; i < 5; i++) {
    s = at(line, 'seq 20000; exit 5');
    outputs.push((await s.end()).p.code === 5 && s.stdout() === counted);
  }
  t.is(outputs, Array(5).fill(true), 'all output comes before the exit');

  const many = Array.from({ length: 40 }, (_, i) => at(line, `tty; read x; echo $x; exit ${i}`));
  for (const [i, one] of many.entries()) one.stdin(`line ${i}\n`);
  const codes = await Promise.all(many.map(async (one) => (await one.end()).p.code));
  const names = new Set(many.map((one) => /\/dev\/pts\/\d+/.exec(one.stdout())?.[0]));
  t.ok(names.size === 40 && codes.every((code, i) => code === i), '40 at once, each its own', {
    codes,
    names: [...names],
  });
  t.ok(
    many.every((one, i) => one.stdout().endsWith(`line ${i}\r\n`)),
    'and each reads what was typed at it',
  );
  t.is(
    (await line.sh('ls /proc/1/fd | wc -l; cat /proc/sys/kernel/pty/nr')).stdout,
    before,
    'nothing of them is left',
  );
}

export async function typing(t) {
  const { line } = await boot(t);
  let s = line.start('cat', [], { tty: true });
  s.stdin('abc\n');
  s.stdin('');
  t.is(await ended(s), [0, 'abc\r\nabc\r\n'], 'an end of file after a line; what is typed is echoed');
  s = line.start('cat', [], { tty: true });
  s.stdin('abc');
  s.stdin('');
  t.is(await ended(s), [0, 'abcabc'], 'and within one');
  s = at(line, 'stty -echo; echo ready; cat; cat');
  await says(line, s, 'ready');
  for (const text of ['a\n', '', 'b\n', '']) s.stdin(text);
  t.is(await ended(s), [0, 'ready\r\na\r\nb\r\n'], 'a terminal goes on after it');
  s = line.start('cat', [], { tty: true, stdin: 'null' });
  t.is(await ended(s), [0, ''], 'where nobody types, whoever reads is told so');

  const text = Array.from({ length: 5000 }, (_, i) => `this is line ${i} of many that are typed\n`).join('');
  s = at(line, 'stty -echo; echo ready; md5sum');
  await says(line, s, 'ready');
  s.stdin(text);
  s.stdin('');
  await s.end();
  t.is(
    s.stdout(),
    `ready\r\n${createHash('md5').update(text).digest('hex')}  -\r\n`,
    `${text.length} bytes arrive, line by line`,
  );

  s = at(line, 'stty -echo; echo ready; exec sleep 1000');
  await says(line, s, 'ready');
  for (let i = 0; i < 10; i++) s.stdin(Buffer.alloc(1 << 20, 'x\n'));
  const full = await line.wait((f) => f.id === s.id && f.t === 'core.exec.stdin.error');
  t.is([full.flags, full.p.errno_name], [0, 'ENOBUFS'], 'the queue has its bound');
  t.is((await line.sh('echo free')).stdout, 'free\n', 'and stalls nobody else');
  s.signal(9);
  t.is((await s.end()).p, { code: -1, signal: 9 }, 'SIGKILL');

  s = at(line, 'exec <&- >/dev/null 2>&1; touch /tmp/gone; until test -e /tmp/go; do :; done; exit 6');
  await line.sh('until test -e /tmp/gone; do :; done');
  s.stdin('is anybody there?\n');
  await line.sh('touch /tmp/go');
  t.is(
    [(await s.end()).p.code, s.of('core.exec.stdin.error').length],
    [6, 0],
    'a command may leave its terminal, where typing is no error',
  );
}

export async function shells(t) {
  const m = await boot(t);
  const { line } = m;
  const shell = () => line.start('/bin/sh', ['-i'], { tty: true });
  /** Whether a process of these arguments is gone, which a kill by somebody else takes a moment for. */
  const none = async (args) =>
    (
      await line.sh(
        `n=0; while ps | grep -q "[${args[0]}]${args.slice(1)}"; do n=$((n+1)); test $n -lt 200 || exit 1; done`,
      )
    ).code;
  const runs = (args) => line.sh(`until ps | grep -q "[${args[0]}]${args.slice(1)}"; do :; done`);

  let s = shell();
  s.stdin('echo $((6*7)); tty\n');
  await says(line, s, '\r\n42\r\n');
  s.stdin('sleep 1000\n');
  await runs('sleep 1000');
  s.stdin('\x03');
  s.stdin('exit 9\n');
  t.is((await s.end()).p.code, 9, '^C ends the job, not the shell');
  t.ok(!/job control/.test(s.stdout()), 'which has job control', s.stdout());

  s = shell();
  s.stdin('trap "" HUP; sleep 4242\n');
  await runs('sleep 4242');
  s.signal(9);
  t.is(
    [(await s.end()).p.signal, await none('sleep 4242')],
    [9, 0],
    'to kill a shell is to kill the job at its terminal',
  );

  s = shell();
  s.stdin('trap "" HUP; sleep 4343\n');
  await runs('sleep 4343');
  line.send(0, 'core.relay.client.disconnected', { id_start: s.id, id_end_exclusive: s.id + 1 });
  t.is(await none('sleep 4343'), 0, 'a client that is gone leaves none either');

  const t0 = performance.now();
  s = at(line, 'trap "" HUP; (sleep 5; echo late) & echo now; exit 3');
  const end = await s.end();
  const ms = performance.now() - t0;
  t.ok(
    end.p.code === 3 && s.stdout() === 'now\r\n' && ms > 400 && ms < 2500,
    `an orphan at the terminal holds the exit for half a second (${ms.toFixed(0)} ms)`,
    s.stdout(),
  );

  const failed = async (cmd, more) => {
    const r = await line.exec(cmd, [], { tty: true, ...more });
    return [r.t === 'core.exec.failed' ? r.kind : r.t, r.errno_name ?? null, r.stage ?? null];
  };
  t.is(await failed('no-such'), ['not_found', 'ENOENT', 'execve'], 'a failure is told as ever');
  await line.sh('cat /proc/sys/kernel/pty/max > /tmp/max; echo 0 > /proc/sys/kernel/pty/max');
  t.is(await failed('true'), ['pty_setup_failed', 'ENOSPC', 'open(ptmx)'], 'no terminal is to be had');
  await line.sh('cat /tmp/max > /proc/sys/kernel/pty/max');
  t.is(
    (await line.sh('umount -l /dev/pts; rm /dev/ptmx; mkfifo /dev/ptmx')).code,
    0,
    'a guest takes its terminals apart',
  );
  t.is(await ended(at(line, 'test -t 0; echo $?')), [0, '0\r\n'], 'which is no hindrance');

  s = shell();
  s.stdin('echo still $((40+2)) here\n');
  await says(line, s, 'still 42 here');
  const r = await m.shutdown();
  t.is(
    [r.code, r.halted?.p.clean],
    [0, true],
    'a shell that waits does not keep the machine from a clean end',
  );
  t.is(s.of('core.exec.exited').length, 1, 'and its own end is told');
}

/** Waits until `script` holds in the guest. */
const holds = async (line, script) =>
  (await line.sh(`n=0; until ${script}; do n=$((n+1)); test $n -lt 500 || exit 1; sleep 0.02; done`)).code;

export async function detaching(t) {
  const m = await boot(t);
  const { line } = m;
  let s = at(
    line,
    'echo up; read go; while test ! -f /go; do echo $((n = n + 1)) > /root/n; seq 1000; done; echo $n > /root/end',
  );
  await says(line, s, 'up');
  s.stdin('go\n');
  await says(line, s, '1000');
  line.send(s.id, 'msb.exec.detach', {});
  const end = await s.end();
  t.is([end.t, end.flags, end.p], ['msb.exec.detached', 1, {}], 'a client lets go of a command');
  const count = line.frames.length;
  const n = Number((await line.sh('cat /root/n')).stdout);
  t.is(
    await holds(line, `test $(cat /root/n) -gt ${n + 3}`),
    0,
    'which goes on, though nobody reads its terminal',
  );
  line.send(s.id, 'core.exec.stdin', { data: Buffer.from('late') });
  line.send(s.id, 'msb.exec.detach', {});
  line.send(s.id, 'core.exec.signal', { signal: 9 });
  t.is(
    line.frames.slice(count).filter((f) => f.id === s.id),
    [],
    'nothing more is heard of it',
  );
  line.send(0, 'core.relay.client.disconnected', { id_start: 1, id_end_exclusive: 33554432 });
  t.is((await line.sh('touch /go')).code, 0, 'its client goes');
  t.is(await holds(line, 'test -f /root/end'), 0, 'and it comes to its own end');

  s = line.start('/bin/sh', ['-c', 'read word; echo word=$word >&2; echo $? > /root/piped']);
  await s.started();
  line.send(s.id, 'msb.exec.detach', {});
  t.is((await s.end()).t, 'msb.exec.detached', 'one with pipes is let go of, too');
  t.is(await holds(line, 'test -f /root/piped'), 0, 'finds the end of its input, and writes on');

  let refused;
  for (let i = 0; i < 200 && refused?.t !== 'core.error'; i++) {
    s = line.start('sleep', ['1000'], { tty: i % 2 === 0 });
    await s.started();
    line.send(s.id, 'msb.exec.detach', {});
    refused = await s.end();
  }
  t.is([refused.t, refused.p.kind], ['core.error', 'invalid_session'], 'but only of so many');
  const r = await m.shutdown();
  t.is([r.code, r.halted?.p.clean], [0, true], 'none is in the way of the end');
}
