import { checkUpper, Sandbox, type SandboxBuilder } from '@msbtest/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { usePrivateCache } from './support/private-cache.js';
import { loadTestInit, testInit } from './support/test-init.js';
import { eventually, killAndRemove, usePrivateHome } from './support/vm.js';
import { createBy, signsOf, ways } from './support/ways.js';

const home = usePrivateHome();
usePrivateCache(home);

const image = 'docker.io/library/msb-test-init:latest';
const withEntrypoint = 'docker.io/library/msb-test-init:entrypoint';

beforeAll(async () => {
  await loadTestInit(image);
  await loadTestInit(withEntrypoint, { Entrypoint: ['/init'], Env: ['FROM=image'] });
}, 120_000);

const handedOff = (name: string, ...args: string[]): SandboxBuilder =>
  Sandbox.builder(name).image(image).cpus(1).memory(256).init(testInit, args);

const output = async (sandbox: Sandbox, script: string) => {
  const done = await sandbox.shell(script);
  expect(done, done.stderr()).toMatchObject({ success: true });
  return done.stdout();
};

/** Starts a sandbox again that has stopped, and reads a file's size and end. */
async function lookInto(name: string, file: string): Promise<string> {
  await using sandbox = await Sandbox.start(name);
  const seen = await output(sandbox, `wc -c < ${file}; tail -c 1 ${file}`);
  await sandbox.kill();
  return seen;
}

const clean = { clean: true, needsRecovery: false };
const graceful = { outcome: 'graceful', status: 'stopped', exitCode: 0, signal: null, reason: null };

describe("a guest's own init", () => {
  it('pid_1_is_handed_off_to_test_init', async () => {
    await using sandbox = await handedOff('init-pid1').ephemeral(true).create();
    expect(await output(sandbox, 'cat /proc/1/comm')).toBe('test-init\n');
  });

  it('exec_session_parent_is_pid_1_post_handoff', async () => {
    await using sandbox = await handedOff('init-getppid').ephemeral(true).create();
    const parent = async (pid: string) =>
      (await output(sandbox, `awk '/^PPid/{print $2}' /proc/${pid}/status`)).trim();
    const agent = await parent('$$');
    expect(await output(sandbox, `cat /proc/${agent}/comm`)).toBe('agentd\n');
    expect(await parent(agent)).toBe('1');
  });

  it('shutdown_via_signal_path_terminates_guest', async () => {
    const sandbox = await handedOff('init-shutdown').create();
    await sandbox.exec('true');
    const handle = await Sandbox.get('init-shutdown');
    expect(await handle.stop()).toMatchObject(graceful);
    expect((await handle.refresh()).status).toBe('stopped');
    await handle.remove();
  });

  it('is told its arguments and environment, and reaps orphans', async () => {
    await using sandbox = await handedOff('init-options')
      .initWith(testInit, (o) => o.arg('exit').args(['b c', '']).env('K', 'v=w').envs({ L: 'x' }))
      .env('K', 'of commands')
      .ephemeral(true)
      .create();
    expect(await output(sandbox, "tr '\\0' '|' < /proc/1/cmdline")).toBe(`${testInit}|exit|b c||`);
    const environment = await output(sandbox, "tr '\\0' '\\n' < /proc/1/environ | sort");
    expect(environment).toBe(
      'HOME=/\nK=v=w\nL=x\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nTERM=linux\n',
    );
    expect(await output(sandbox, 'echo $K')).toBe('of commands\n');
    const orphan = await output(sandbox, '(exit 0) > /dev/null 2>&1 & echo $!; sleep 0');
    await eventually(
      async () => (await sandbox.shell(`grep -qx ${orphan.trim()} /run/reaped`)).success,
      20_000,
      'the orphan is reaped by the init',
    );
  });

  it('is found where it is not named', async () => {
    await using byEntrypoint = await handedOff('init-entrypoint')
      .image(withEntrypoint)
      .init('auto')
      .env('OURS', '1')
      .ephemeral(true)
      .create();
    expect(await byEntrypoint.config()).toMatchObject({
      init: { cmd: '/init', env: { FROM: 'image', OURS: '1' } },
    });
    expect(await output(byEntrypoint, 'cat /proc/1/comm')).toBe('init\n');
    expect(await output(byEntrypoint, "tr '\\0' '\\n' < /proc/1/environ | grep FROM")).toBe('FROM=image\n');

    const busybox = await handedOff('init-auto').init('auto').create();
    expect(await output(busybox, 'readlink /proc/1/exe; cat /proc/1/comm')).toBe('/bin/busybox\ninit\n');
    await busybox.shell('echo kept > /root/kept');
    expect(await busybox.stop()).toMatchObject(graceful);
    expect(await lookInto('init-auto', '/root/kept')).toBe('5\n\n');
    await killAndRemove('init-auto');
  });

  it('that is missing or no program fails the boot, in words, at once', async () => {
    for (const [init, why] of [
      ['/sbin/none', 'init: cannot execute `/sbin/none` (ENOENT): No such file or directory'],
      ['/etc/passwd', 'init: cannot execute `/etc/passwd` (EACCES): Permission denied'],
    ] as const) {
      for (const make of [
        (b: SandboxBuilder) => b.create(),
        (b: SandboxBuilder) => b.coldBoot().create(),
        (b: SandboxBuilder) => createBy('pool', b),
      ]) {
        await expect(make(handedOff('init-missing').init(init))).rejects.toMatchObject({
          code: 'bootFailed',
          phase: 'init',
          message: expect.stringContaining(`its ${why}.`),
          console: expect.stringContaining(`agentd: fatal: ${why}`),
        });
      }
    }
  });
});

describe.each(ways)('of a machine that came as %s, an init', (way) => {
  const make = (builder: SandboxBuilder) => createBy(way, builder);

  it('starts as that sandbox, and leaves a clean disk', async () => {
    const name = `init-${way}`;
    const sandbox = await make(handedOff(name, 'service', '/root/late').hostname('mine').env('E', way));
    expect(sandbox.bootTimes).toMatchObject(signsOf(way));
    expect(await output(sandbox, 'cat /proc/1/comm; hostname; echo $E; cat /etc/machine-id')).toBe(
      `test-init\nmine\n${way}\n${sandbox.id.replaceAll('-', '')}\n`,
    );
    await sandbox.shell('head -c 5000000 /dev/urandom > /root/before');
    const stop = await sandbox.stop();
    expect(stop).toMatchObject(graceful);
    expect(stop.phases.initMs).toBeGreaterThan(0);
    expect(await checkUpper(sandbox.diskPath)).toMatchObject(clean);
    expect(await lookInto(name, '/root/before')).toMatch(/^5000000\n/);
    expect(await lookInto(name, '/root/late')).toBe(`${8 << 20}\ns`);
    await killAndRemove(name);
  });
});

describe('a machine goes down', () => {
  it.each([
    ['exit', 'exits at once'],
    ['power-off', 'powers off'],
    ['kill-all /root/late', 'kills everybody first'],
    ['ignore', 'ignores it'],
  ])('with an init that, told to (%s), %s', async (mode) => {
    const name = `init-down-${mode.split(' ')[0]}`;
    const sandbox = await handedOff(name, ...mode.split(' ')).create();
    await sandbox.shell('head -c 5000000 /dev/urandom > /root/before; echo . >> /root/before');
    expect(await sandbox.stop()).toMatchObject(graceful);
    expect(await checkUpper(sandbox.diskPath)).toMatchObject(clean);
    expect(await lookInto(name, '/root/before')).toBe('5000002\n\n');
    if (mode.includes('/')) expect(await lookInto(name, '/root/late')).toBe(`${8 << 20}\ns`);
    await killAndRemove(name);
  });

  it('within the budget, with one that takes the order and does nothing', async () => {
    const sandbox = await handedOff('init-deaf', 'deaf').create();
    await sandbox.shell('echo kept > /root/kept');
    const stop = await sandbox.stopWithTimeout(12_000);
    expect(stop).toMatchObject(graceful);
    expect(stop.ms).toBeLessThan(12_000);
    expect(stop.phases.initMs).toBeGreaterThan(4_000);
    expect(await lookInto('init-deaf', '/root/kept')).toBe('5\n\n');
    await killAndRemove('init-deaf');
  });

  it('by itself, which is a stop', async () => {
    const sandbox = await handedOff('init-itself', 'power-off').create();
    await sandbox.shell('echo kept > /root/kept');
    const handle = await Sandbox.get('init-itself');
    const ending = handle.waitUntilStopped();
    await sandbox.shell('kill -TERM 1').catch(() => {}); // its end may be the machine's
    expect(await ending).toMatchObject({ status: 'stopped', exitCode: 0 });
    expect(await checkUpper(sandbox.diskPath)).toMatchObject(clean);
    expect(await lookInto('init-itself', '/root/kept')).toBe('5\n\n');
    await killAndRemove('init-itself');
  });

  it.each([
    ['USR1', 'exit status 3'],
    ['USR2', 'signal'],
  ])('with an init that just ends (SIG%s), which is a crash, and loses nothing', async (signal, how) => {
    const name = `init-ends-${signal}`;
    const sandbox = await handedOff(name).create();
    await sandbox.shell('echo kept > /root/kept');
    const stays = sandbox.exec('sleep', ['1000']);
    stays.catch(() => {});
    await sandbox.shell(`kill -${signal} 1`).catch(() => {});
    await expect(stays).rejects.toMatchObject({
      code: 'sandboxCrashed',
      message: expect.stringContaining(`its init: \`${testInit}\` has ended: ${how}`),
    });
    const handle = await Sandbox.get(name);
    expect(handle.status).toBe('crashed');
    expect(await checkUpper(sandbox.diskPath)).toMatchObject(clean);
    expect(await lookInto(name, '/root/kept')).toBe('5\n\n');
    await killAndRemove(name);
  });
});
