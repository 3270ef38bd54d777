import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Sandbox } from '@msbtest/core';
import { expect, it } from 'vitest';
import { ended, msbtest, startMsbtest } from './support/msbtest.js';
import { ephemeral, eventually, killAndRemove, small, usePrivateHome } from './support/vm.js';

usePrivateHome();

const statusOf = async (name: string) => (await Sandbox.get(name)).status;

it('invalid_options_do_not_start_stopped_sandbox', async () => {
  const sandbox = await small('invalid').create();
  await sandbox.stop();
  const { bootRecord } = await Sandbox.get('invalid');
  const wrong: [string[], RegExp][] = [
    [['--rlimit', 'definitely-invalid'], /--rlimit takes NAME=SOFT/],
    [['--rlimit', 'files=3'], /rlimit is of "files"; there are limits of/],
    [['--rlimit', 'nofile=3:2'], /beyond its hard limit/],
    [['--timeout', 'soon'], /--timeout takes a whole number/],
    [['--env', 'novalue'], /--env takes NAME=VALUE/],
    [['--colour'], /colour/],
  ];
  for (const [options, message] of wrong) {
    const run = await msbtest(['exec', ...options, 'invalid', '--', 'true']);
    expect(run.status).not.toBe(0);
    expect(run.stderr).toMatch(message);
    expect(await statusOf('invalid')).toBe('stopped');
  }
  expect((await Sandbox.get('invalid')).bootRecord).toEqual(bootRecord); // nor was it started and stopped again
  await Sandbox.remove('invalid');
});

it('exec_errors_restore_the_previous_lifecycle', async () => {
  const sandbox = await small('lifecycle').create();
  const failing = ['exec', '--user', 'definitely-missing-user', 'lifecycle', '--', 'true'];
  expect((await msbtest(failing)).status).toBe(126);
  expect(await statusOf('lifecycle')).toBe('running');

  await sandbox.stop();
  expect((await msbtest(failing)).status).toBe(126);
  expect(await statusOf('lifecycle')).toBe('stopped');
  // So does a command that runs; what it wrote is kept.
  const written = await msbtest(['exec', 'lifecycle', '--', 'sh', '-c', 'echo kept > /root/file; exit 5']);
  expect(written).toMatchObject({ status: 5, stderr: '' });
  expect(await statusOf('lifecycle')).toBe('stopped');
  expect(await msbtest(['exec', 'lifecycle', '--', 'cat', '/root/file'])).toMatchObject({ stdout: 'kept\n' });
  expect(await statusOf('lifecycle')).toBe('stopped');
  await Sandbox.remove('lifecycle');
});

it('exec_stream_drives_guest_turn_by_turn', async () => {
  await using sandbox = await ephemeral('turns');
  const program = '{ print "ack:" $0; fflush() }';
  const child = startMsbtest(['exec', '-i', sandbox.name, '--', 'awk', program]);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  for (const turn of ['one', 'two', 'three']) {
    child.stdin.write(`${turn}\n`);
    expect((await lines.next()).value).toBe(`ack:${turn}`); // before anything more is sent
  }
  const end = ended(child);
  child.stdin.end();
  expect(await end).toMatchObject({ status: 0, stderr: '' });
});

it('exec_stream_timeout_kills_guest', async () => {
  await using sandbox = await ephemeral('too-long');
  const begin = performance.now();
  const child = startMsbtest(['exec', '-i', '--timeout', '2000', sandbox.name, '--', 'sleep', '4711']);
  const end = await ended(child); // though its stdin stays open
  expect(end).toMatchObject({
    status: 124,
    stderr: expect.stringContaining('ran longer than its time-out of 2000 ms'),
  });
  expect(performance.now() - begin).toBeLessThan(15_000);
  const sleepers = async () => (await sandbox.shell('ps -o args | grep -c "^sleep 4711"')).stdout().trim();
  await eventually(async () => (await sleepers()) === '0', 5_000, 'the guest’s command is gone');
});

it('exec_stream_broken_pipe_exits', async () => {
  await using sandbox = await ephemeral('broken-pipe');
  const child = startMsbtest(['exec', '-i', sandbox.name, '--', 'sh', '-c', 'while :; do echo spam; done']);
  child.stdout.once('data', () => child.stdout.destroy());
  const end = await Promise.race([ended(child), delay(20_000).then(() => 'hangs')]);
  expect(end).toMatchObject({ status: 141, stderr: '' }); // as of one that SIGPIPE ended
  const spammers = async () => (await sandbox.shell('ps -o args | grep -c "^sh -c while"')).stdout().trim();
  await eventually(async () => (await spammers()) === '0', 5_000, 'the guest’s command is gone');
});

it('limits what a command may use', async () => {
  await small('limited').detached(true).create();
  const limits = await msbtest([
    'exec',
    '--rlimit',
    'nofile=64:128',
    'limited',
    '--',
    'sh',
    '-c',
    'ulimit -Sn; ulimit -Hn',
  ]);
  expect(limits).toEqual({ status: 0, stdout: '64\n128\n', stderr: '' });
  await killAndRemove('limited');
});
