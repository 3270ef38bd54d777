import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ExecOutput, Sandbox } from '@msbtest/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { msbtest } from './support/msbtest.js';
import { checkout } from './support/saboteurs.js';
import { image, small, usePrivateHome } from './support/vm.js';
import { createBy, signsOf, ways } from './support/ways.js';

const home = usePrivateHome();

let euid: Buffer;
beforeAll(() => {
  const program = join(home.path, 'euid');
  execFileSync('musl-gcc', ['-static', '-Os', '-o', program, `${checkout}/test/guest/euid.c`]);
  euid = readFileSync(program);
});

/** What a process may do, as the kernel says it, in hex. */
interface Privileges {
  readonly NoNewPrivs: string;
  readonly CapInh: string;
  readonly CapPrm: string;
  readonly CapEff: string;
  readonly CapBnd: string;
  readonly CapAmb: string;
}

const none = '0000000000000000';
/** CAP_SYS_ADMIN, CAP_SYS_MODULE, CAP_SYS_PTRACE, CAP_MKNOD. */
const powers = [21n, 16n, 19n, 27n];
/** CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT, AUDIT_WRITE, SETFCAP. */
const kept = '00000000a00425fb';

const privileges = (status: string) =>
  Object.fromEntries(
    [...status.matchAll(/^(Cap\w+|NoNewPrivs):\s+(\w+)$/gm)].map(([, key, value]) => [key, value]),
  ) as unknown as Privileges;

async function privilegesOf(sandbox: Sandbox, user: string, tty = false): Promise<Privileges> {
  const { stdout } = await output(
    sandbox.execWith('cat', (o) => o.arg('/proc/self/status').user(user).tty(tty)),
  );
  return privileges(stdout.replaceAll('\r', ''));
}

async function output(done: Promise<ExecOutput>) {
  const ended = await done;
  return { code: ended.code, stdout: ended.stdout(), stderr: ended.stderr() };
}

/** The options of a mount, or undefined where there is none. */
async function optionsOf(sandbox: Sandbox, at: string): Promise<readonly string[] | undefined> {
  const mounts = (await sandbox.shell('cat /proc/self/mounts')).stdout().trimEnd().split('\n');
  return mounts
    .map((line) => line.split(' '))
    .findLast(([, where]) => where === at)?.[3]
    ?.split(',');
}

/** As whom a program of root's with the set-user-ID bit runs that an ordinary user starts. */
async function setuidOf(sandbox: Sandbox): Promise<string> {
  await sandbox.fs().write('/usr/bin/euid', euid);
  expect(await sandbox.shell('chown root:root /usr/bin/euid && chmod 4755 /usr/bin/euid')).toMatchObject({
    success: true,
  });
  return (await output(sandbox.execWith('/usr/bin/euid', (o) => o.user('guest')))).stdout.trim();
}

async function expectPrivileged(sandbox: Sandbox): Promise<void> {
  const own = await privilegesOf(sandbox, 'root');
  expect(own.NoNewPrivs).toBe('0');
  for (const set of [own.CapEff, own.CapPrm, own.CapBnd])
    for (const power of powers) expect((BigInt(`0x${set}`) >> power) & 1n, set).toBe(1n);
  expect(await output(sandbox.shell('mkdir -p /at && mount -t tmpfs none /at && umount /at'))).toMatchObject({
    code: 0,
    stderr: '',
  });
  expect(await optionsOf(sandbox, '/')).not.toContain('nosuid');
  expect(await setuidOf(sandbox)).toBe('0');
}

async function expectRestricted(sandbox: Sandbox): Promise<void> {
  const bounded = { NoNewPrivs: '1', CapInh: none, CapBnd: kept, CapAmb: none };
  for (const tty of [false, true]) {
    expect(await privilegesOf(sandbox, 'root', tty)).toEqual({ ...bounded, CapPrm: kept, CapEff: kept });
    expect(await privilegesOf(sandbox, 'guest', tty)).toEqual({ ...bounded, CapPrm: none, CapEff: none });
  }
  expect(await output(sandbox.shell('mkdir -p /at && mount -t tmpfs none /at'))).toMatchObject({
    code: expect.not.toBeOneOf([0]),
    stderr: expect.stringMatching(/permission denied|not permitted/i),
  });
  for (const at of ['/', '/dev/shm', '/run', '/proc', '/sys'])
    expect(await optionsOf(sandbox, at), at).toEqual(expect.arrayContaining(['nosuid', 'nodev']));
  expect(await optionsOf(sandbox, '/dev')).toContain('nosuid');
  expect(await optionsOf(sandbox, '/proc/sys')).toContain('ro');
  expect(await setuidOf(sandbox)).toBe('1000'); // which is guest
}

describe('the security profile', () => {
  it('default_profile_keeps_guest_privileges_restricted_profile_hardens', async () => {
    await using usual = await small('profile-default').ephemeral(true).create();
    await using named = await small('profile-named').security('default').ephemeral(true).create();
    await using restricted = await small('profile-restricted')
      .security('restricted')
      .ephemeral(true)
      .create();
    await expectPrivileged(usual);
    await expectPrivileged(named);
    await expectRestricted(restricted);
  });

  it.each(ways)('holds in a machine that comes to run by %s, and in no other', async (way) => {
    await using restricted = await createBy(
      way,
      small(`restricted-${way}`).security('restricted').ephemeral(true),
    );
    expect(restricted.bootTimes).toMatchObject(signsOf(way));
    await expectRestricted(restricted);
    await using other = await createBy(way, small(`other-${way}`).ephemeral(true));
    await expectPrivileged(other);
  });

  it('is kept over a restart, and holds for who connects', async () => {
    const sandbox = await small('restricted-again').security('restricted').create();
    await sandbox.shell('echo written > /root/file');
    await sandbox.restart();
    const connected = await (await Sandbox.get('restricted-again')).connect();
    expect((await privilegesOf(connected, 'root')).NoNewPrivs).toBe('1');
    expect((await connected.exec('cat', ['/root/file'])).stdout()).toBe('written\n');
    expect(await connected.stop()).toMatchObject({ outcome: 'graceful' });
    await Sandbox.remove('restricted-again');
  });

  it('leaves ordinary work as it was', async () => {
    await using sandbox = await small('restricted-work').security('restricted').ephemeral(true).create();
    const script = `
      set -e
      mkdir -p /srv/own && echo hello > /srv/own/file && chown -R guest /srv/own && chmod 700 /srv/own
      su guest -c 'id -un; cat /srv/own/file'
      sleep 600 & kill $!
      chroot / true
      echo x > /dev/null && head -c 4 /dev/urandom > /dev/shm/x && test -c /dev/tty
      hostname; df / > /dev/null; ps > /dev/null`;
    expect(await output(sandbox.shell(script))).toEqual({
      code: 0,
      stdout: 'guest\nhello\nrestricted-work\n',
      stderr: '',
    });
    const fs = sandbox.fs();
    await fs.write('/srv/own/other', 'text');
    expect(await fs.readToString('/srv/own/other')).toBe('text');
  });

  it('is an option of msbtest run', async () => {
    const args = ['run', '--security', 'restricted', image, '--', 'sh', '-c'];
    expect(await msbtest([...args, 'sed -n "s/^NoNewPrivs:.//p" /proc/self/status'])).toMatchObject({
      status: 0,
      stdout: '1\n',
    });
    expect(await msbtest(['run', '--security', 'strict', image, 'true'])).toMatchObject({
      status: 125,
      stderr: 'msbtest: security is "strict"; it is "default" or "restricted".\n',
    });
  });
});
