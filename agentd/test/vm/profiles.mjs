// SPDX-License-Identifier: Apache-2.0
// What the restricted profile takes away, and that nothing else does.
import { randomBytes } from 'node:crypto';
import { BOOTSTRAP, boot, isClean, Machine } from './machine.mjs';

const profile = { security_profile: 'restricted' };
const renewal = (more) => ({
  unix_time_nanos: BigInt(Date.now()) * 1000000n,
  entropy: randomBytes(64),
  ...more,
});

const KEPT = '00000000a00425fb';
const all = (line) => line.sh('cat /proc/1/status').then((r) => /^CapPrm:\t(.*)$/m.exec(r.stdout)[1]);
const state = "sed -n 's/^\\(Cap[IPEBA]..\\|NoNewPrivs\\):.//p' /proc/self/status | tr '\\n' ' '";

/** What the kernel runs by itself: a module's loader, of which root may have made what he likes. */
const HELPER = `
  printf '#!/bin/sh\\nsed -n "s/^Cap\\\\(Eff\\\\|Bnd\\\\):.//p" /proc/self/status > /root/helper.new; mv /root/helper.new /root/helper\\n' > /sbin/modprobe
  chmod 755 /sbin/modprobe
  /bin/garbage 2>/dev/null
  n=0; while ! test -f /root/helper; do n=$((n+1)); test $n -lt 2000 || exit 1; done
  cat /root/helper`;

async function answerTo(line, id, type, payload) {
  const from = line.frames.length;
  line.send(id, type, payload);
  return line.wait((f) => f.id === id && f.flags !== 2, 10000, `an answer to ${type}`, from);
}

/** In a machine that is restricted, however it came to be. */
async function isRestricted(t, line) {
  const own = `${'0'.repeat(16)} ${KEPT} ${KEPT} ${KEPT} ${'0'.repeat(16)} 1 `;
  const nobodys = `${'0 0 0'.replaceAll('0', '0'.repeat(16))} ${KEPT} ${'0'.repeat(16)} 1 `;
  t.is((await line.sh(state)).stdout, own, "a command of root's has the bounded capabilities, for good");
  t.is((await line.sh(state, { tty: true })).stdout, own, 'so has one at a terminal');
  t.is((await line.sh(state, { user: 'ann' })).stdout, nobodys, 'one of a user has none, and gets none');

  for (const [what, script] of [
    ['mount', 'mount -t tmpfs none /tmp'],
    ['remount', 'mount -o remount,suid,dev /'],
    ['make a device node', 'mknod /root/null c 1 3'],
    ['load a module', 'insmod /bin/garbage'],
    ['set the host name', 'hostname other'],
    ['reboot', 'reboot -f'],
    ['change the system', 'echo /root/x > /proc/sys/kernel/core_pattern'],
    ['press keys of the kernel', 'echo s > /proc/sysrq-trigger'],
    ['change a device', 'echo x > /sys/kernel/uevent_seqnum'],
    ['make a control group', 'mkdir /sys/fs/cgroup/x'],
    ['read memory', 'head -c 1 /dev/mem'],
    ['be the agent', 'cat /dev/vport*'],
    ['look into the agent', 'cat /proc/1/environ'],
    ['open what it has open', 'cat /proc/1/fd/0'],
    ['make itself the root of a namespace', 'unshare -Ur true'],
    ['have mounts of its own', 'unshare -m true'],
  ]) {
    const r = await line.sh(script);
    t.ok(
      r.code !== 0 && /not permitted|denied|Read-only|No space|busy/.test(r.stderr),
      `root cannot ${what}`,
      r,
    );
  }
  const r = await line.sh('ls -l /dev | grep -c ^b; cat /dev/vda');
  t.ok(r.stdout === '0\n' && /No such file/.test(r.stderr), 'no disk is to be had but by its files', r);
  t.is((await line.sh(HELPER)).stdout, `${KEPT}\n${KEPT}\n`, 'what the kernel runs for root has no more');
  t.is(
    (
      await line.sh(
        `awk '$2 != "/dev" && $2 != "/dev/pts" && $4 !~ /nosuid.*nodev/ && $1 != "rootfs"' /proc/mounts`,
      )
    ).stdout,
    '',
    'every mount but that of devices is nosuid and nodev',
  );

  const stat = await answerTo(line, line.nextId++, 'core.fs.request', {
    op: { Stat: { path: '/root/helper', follow_symlink: true } },
  });
  t.is(stat.p.ok, true, 'files are served');
  const server = 'p=$(grep -l agentd-fs /proc/[0-9]*/comm); cd $(dirname $p)';
  t.is(
    (await line.sh(`${server}; grep -E 'CapEff|NoNewPrivs' status; cat environ`)).stdout,
    `CapEff:\t${KEPT}\nNoNewPrivs:\t1\n`,
    'by a process that is bounded too',
  );
  t.is((await line.sh(`${server}; cat environ`)).code, 1, 'and cannot be looked into');
}

export async function restricted(t) {
  const m = await boot(t, { bootstrap: { ...BOOTSTRAP, ...profile } });
  await isRestricted(t, m.line);
  const r = await m.shutdown();
  t.is([r.code, r.halted?.p.clean, isClean(t.upper)], [0, true, true], 'the end is clean');

  const both = t.keep(
    await Machine.boot(t.dir, {
      ready: false,
      bootstrap: { ...BOOTSTRAP, ...profile, handoff_init: { cmd: '/sbin/test-init' } },
    }),
  );
  await both.end(30000);
  t.ok(both.console.includes('agentd: fatal: core.bootstrap'), 'it is not for an init', both.console);
}

export async function restricted_later(t) {
  const m = await boot(t);
  const { line } = m;
  const every = await all(line);
  t.is(
    (await line.sh(state)).stdout,
    `${'0'.repeat(16)} ${every} ${every} ${every} ${'0'.repeat(16)} 0 `,
    'by default root has all capabilities',
  );
  t.is((await line.sh(HELPER)).stdout, `${every}\n${every}\n`, 'so has what the kernel runs');
  await line.sh('rm /root/helper');
  t.is(
    (await line.sh('mount -t tmpfs none /mnt 2>/dev/null || mount -t tmpfs none /home')).code,
    0,
    'it mounts',
  );
  await line.sh('umount /home');

  const busy = line.start('cat');
  await busy.started();
  let answer = await answerTo(line, 800, 'msb.resume', renewal(profile));
  t.is(
    [answer.t, answer.p.kind],
    ['core.error', 'invalid_session'],
    'what runs already would not be restricted',
  );
  busy.stdin('');
  await busy.end();
  answer = await answerTo(line, 801, 'msb.resume', renewal({ security_profile: 'none' }));
  t.is([answer.t, answer.p.kind], ['core.error', 'invalid_payload'], 'nor is what nobody knows');
  answer = await answerTo(line, 802, 'msb.resume', renewal(profile));
  t.is(answer.t, 'core.ready', 'a renewal restricts');
  await isRestricted(t, line);
  answer = await answerTo(line, 803, 'msb.resume', renewal({ security_profile: 'default' }));
  t.is(
    [answer.t, (await line.sh('mount -t tmpfs none /home')).code],
    ['core.ready', 1],
    'and none takes it back',
  );
  const r = await m.shutdown();
  t.is([r.code, r.halted?.p.clean, isClean(t.upper)], [0, true, true], 'the end is clean');
}
