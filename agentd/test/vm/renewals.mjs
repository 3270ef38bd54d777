// SPDX-License-Identifier: Apache-2.0
// A machine that becomes another one: told so while it runs, and as a clone of one that was frozen.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { BOOTSTRAP, boot, isClean, Machine } from './machine.mjs';

const id = (digit) => digit.repeat(32);
const day = 86400;

/** A renewal's payload; its time is one that no clock of the guest's comes to by itself. */
const request = (more = {}) => ({
  unix_time_nanos: BigInt(Date.now()) * 1000000n + BigInt(day) * 1000000000n,
  entropy: randomBytes(64),
  ...more,
});

const isTomorrow = (seconds) => Math.abs(Number(seconds) - Date.now() / 1000 - day) < 10;

/** The answer to a message that `id` sends. */
async function ask(line, of, type, payload) {
  const from = line.frames.length;
  line.send(of, type, payload);
  return line.wait((f) => f.id === of, 10000, `an answer to ${type}`, from);
}

export async function renewal(t) {
  const m = await boot(t, { bootstrap: { ...BOOTSTRAP, entropy: randomBytes(32), machine_id: id('a') } });
  const { line } = m;
  t.is(
    (await line.sh('cat /etc/machine-id; stat -c %a /etc/machine-id')).stdout,
    `${id('a')}\n444\n`,
    "the bootstrap brings the machine's id",
  );
  const lasting = line.start('cat');
  await lasting.started();

  let answer = await ask(line, 700, 'msb.resume', {
    ...request({ machine_id: id('b'), hostname: 'other', default_cwd: '/home' }),
    default_env: [{ key: 'FROM', value: 'renewal' }],
  });
  t.is([answer.t, answer.flags], ['core.ready', 0], 'a renewal is answered with core.ready');
  t.is(
    [answer.p.boot_time_ns, answer.p.init_time_ns, answer.p.agent_version],
    [m.ready.boot_time_ns, m.ready.init_time_ns, m.ready.agent_version],
    'which says the same of the boot',
  );
  t.ok(
    answer.p.ready_time_ns > m.ready.ready_time_ns &&
      answer.p.resume_time_ns > 0 &&
      answer.p.resume_time_ns < 1e9,
    `and how long it took (${(answer.p.resume_time_ns / 1e6).toFixed(1)} ms)`,
    answer.p,
  );
  const who = 'hostname; cat /etc/hostname; grep -c "127.0.1.1.other" /etc/hosts; cat /etc/machine-id';
  t.is((await line.sh(who)).stdout, `other\nother\n1\n${id('b')}\n`, 'it has another name and id');
  t.is(
    (await line.sh('pwd; echo $FROM $OVER')).stdout,
    '/home\nrenewal\n',
    'other defaults, none of the old',
  );
  t.ok(isTomorrow((await line.sh('date +%s')).stdout), 'and the time that it was told');
  lasting.stdin('still here\n');
  lasting.stdin('');
  t.is(
    [(await lasting.end()).p.code, lasting.stdout()],
    [0, 'still here\n'],
    "a client's renewal ends no session",
  );

  for (const [what, payload] of [
    ['without entropy', { unix_time_nanos: 1 }],
    ['with too little of it', request({ entropy: randomBytes(31) })],
    ['with too much', request({ entropy: randomBytes(1025) })],
    ['without a time', { entropy: randomBytes(32) }],
    ['with half an id', request({ hostname: 'bad', machine_id: id('c').slice(16) })],
    [
      'with an environment that is none',
      request({ hostname: 'bad', default_env: [{ key: '=', value: '' }] }),
    ],
  ]) {
    answer = await ask(line, 701, 'msb.resume', payload);
    t.is([answer.t, answer.p.kind], ['core.error', 'invalid_payload'], `one ${what} is refused`);
  }
  t.is((await line.sh(who)).stdout, `other\nother\n1\n${id('b')}\n`, 'and changes nothing');
  await ask(line, 702, 'msb.resume', request());
  t.is((await line.sh(who)).stdout, `other\nother\n1\n${id('b')}\n`, 'what one does not name stays');
  t.is((await line.sh('pwd; echo $FROM')).stdout, '/\n\n', 'but the defaults are always new');

  await line.sh('rm /etc/machine-id; mkdir -p /var/lib/dbus; ln -s /var/lib/dbus/machine-id /etc/machine-id');
  await ask(line, 703, 'msb.resume', request({ machine_id: id('d') }));
  t.is(
    (await line.sh('cat /var/lib/dbus/machine-id')).stdout,
    `${id('d')}\n`,
    'an id behind a link is written there',
  );
  await line.sh('rm /etc/machine-id; mkfifo /etc/machine-id');
  answer = await ask(line, 704, 'msb.resume', request({ machine_id: id('e') }));
  t.is(answer.t, 'core.ready', 'a FIFO in its place holds up nobody');
  await line.sh('rm -r /etc/machine-id; mv /etc /gone');
  answer = await ask(line, 705, 'msb.resume', request({ machine_id: id('f'), hostname: 'bare' }));
  t.is(
    [answer.t, (await line.sh('hostname')).stdout],
    ['core.ready', 'bare\n'],
    'nor does a root without /etc',
  );
  await line.sh('rm /dev/random /dev/urandom');
  t.is((await ask(line, 706, 'msb.resume', request())).t, 'core.ready', 'or one without its random devices');

  const waits = 'grep ^voluntary /proc/1/status';
  const [before, after] = (await line.sh(`a=$(${waits}); sleep 2; ${waits}; echo "$a"`)).stdout
    .trim()
    .split('\n');
  t.is(after, before, 'an agent that nobody asks anything does not wake up');
}

export async function relays(t) {
  const m = await boot(t);
  const { line } = m;
  const s = line.start('/bin/sh', ['-c', 'echo up; sleep 4242'], { stdin: 'null' });
  await line.wait((f) => f.id === s.id && f.t === 'core.exec.stdout');
  line.send(0, 'msb.flow', { id_start: 5000, id_end_exclusive: 6000, paused: true });
  t.is(
    (await ask(line, 0, 'msb.resume', request({ hostname: 'clone' }))).t,
    'core.ready',
    'id 0 is answered at id 0',
  );
  const gone = await line.sh(
    'n=0; while ps | grep -q "[s]leep 4242"; do n=$((n+1)); test $n -lt 200 || exit 1; done',
  );
  t.is(
    [gone.code, s.of('core.exec.exited').length],
    [0, 0],
    'sessions of the life before are gone without a word',
  );
  t.is((await line.sh('hostname', { id: 5001 })).stdout, 'clone\n', 'and so are its pauses');
  const r = await m.shutdown();
  t.is([r.code, r.halted?.p.clean, isClean(t.upper)], [0, true, true], 'the end is clean');

  for (const [what, payload, said] of [
    ['a malformed one at id 0', request({ entropy: randomBytes(1) }), 'msb.resume: Bad message'],
    [
      'a time before the boot',
      request({ unix_time_nanos: 0 }),
      'msb.resume: set the clock: Invalid argument',
    ],
  ]) {
    const doomed = await boot(t);
    doomed.line.send(0, 'msb.resume', payload);
    t.is((await doomed.end()).code, 0, `${what} ends the machine`);
    t.ok(doomed.console.includes(`agentd: fatal: ${said}`), 'with the reason on the console', doomed.console);
  }
  const early = t.keep(await Machine.boot(t.dir, { ready: false, bootstrap: null }));
  early.line.send(0, 'msb.resume', request());
  await early.end(30000);
  t.ok(
    early.console.includes('agentd: fatal: the first frame is `msb.resume`, not core.bootstrap'),
    'it is no way to boot',
    early.console,
  );
  const hasty = t.keep(await Machine.boot(t.dir, { ready: false }));
  hasty.line.send(710, 'msb.resume', request());
  const refused = await hasty.line.wait((f) => f.id === 710, 30000);
  t.is([refused.t, refused.p.kind], ['core.error', 'invalid_session'], 'nor anything before core.ready');
  await hasty.line.wait((f) => f.t === 'core.ready', 10000);
  t.is((await hasty.line.sh('hostname')).stdout, 'sand\n', 'which comes all the same');
}

export async function clones(t) {
  const frozen = path.join(t.dir, 'frozen');
  // Its generator is ready, and old enough not to start anew by itself before the clones are asked: by default it does so
  // after half of the uptime, and what two clones have in common then would differ by chance.
  const template = await boot(t, { bootstrap: { ...BOOTSTRAP, entropy: randomBytes(64) } });
  await template.line.sh('echo kept > /root/marker; sync; sleep 7; head -c 1 /dev/urandom >/dev/null');
  await template.freeze(frozen);
  const seen = [];
  for (const name of ['one', 'two']) {
    const upper = path.join(t.dir, `${name}.ext4`);
    fs.copyFileSync(t.upper, upper);
    const m = t.keep(await Machine.boot(t.dir, { upper, incoming: frozen, bootstrap: null, ready: false }));
    m.line.send(0, 'msb.resume', request({ hostname: name, machine_id: id(name === 'one' ? '1' : '2') }));
    const ready = await m.line.wait((f) => f.t === 'core.ready', 30000, 'core.ready');
    t.note(`a clone is ready after ${(performance.now() - m.t0).toFixed(0)} ms; ${JSON.stringify(ready.p)}`);
    const drawn = (await m.line.sh('dd if=/dev/urandom bs=16 count=256 2>/dev/null | od -An -v -tx1')).stdout;
    const bootId = (await m.line.sh('cat /proc/sys/kernel/random/boot_id')).stdout;
    seen.push([bootId, ...drawn.match(/(?: [0-9a-f]{2}){16}/g)]);
    t.is(m.line.frames[0], ready, `clone ${name} says nothing before it`);
    t.is(
      (await m.line.sh('hostname; cat /root/marker')).stdout,
      `${name}\nkept\n`,
      'it is another machine, with the same disk',
    );
    t.ok(isTomorrow((await m.line.sh('date +%s')).stdout), 'and knows the time');
    const r = await m.shutdown();
    t.is([r.code, r.halted?.p.clean, isClean(upper)], [0, true, true], 'its end is clean');
  }
  // Each read is one step of the generator's, so that one with the same state is seen even where it is a few steps ahead.
  const common = seen[0].filter((number) => seen[1].includes(number));
  t.is(
    [seen[0].length, common.length],
    [257, 0],
    'the two have neither a boot id nor a random number in common',
  );
}
