import { Image, NoDefaultCommandError, Sandbox } from '@msbtest/core';
import { describe, expect, it } from 'vitest';
import { ephemeral, eventually, image, killAndRemove, small, usePrivateHome } from './support/vm.js';

usePrivateHome();

describe('what a builder says of all commands', () => {
  it('is who runs them, and what they may use, unless they say so themselves', async () => {
    await using sandbox = await small('defaults')
      .user('guest')
      .rlimit('nofile', 99)
      .rlimitRange('core', 0, 4096)
      .ephemeral(true)
      .create();
    const ask = 'id -un; ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Hc';
    // In the shell's units, which for core files are blocks of 512 bytes.
    expect((await sandbox.shell(ask)).stdout()).toBe('guest\n99\n99\n0\n8\n');
    const own = await sandbox.execWith('sh', (o) => o.args(['-c', ask]).user('root').rlimit('nofile', 33));
    expect(own.stdout()).toBe('root\n33\n33\n0\n8\n');
    const terminal = await sandbox.execWith('sh', (o) => o.args(['-c', 'id -un; ulimit -n']).tty(true));
    expect(terminal.stdout()).toBe('guest\r\n99\r\n');
  });

  it('holds for those who connect, and after a restart', async () => {
    const sandbox = await small('kept-defaults').user('guest').create();
    const connected = await (await Sandbox.get('kept-defaults')).connect();
    expect((await connected.exec('id', ['-un'])).stdout()).toBe('guest\n');
    const again = await sandbox.restart();
    expect((await again.exec('id', ['-un'])).stdout()).toBe('guest\n');
    await killAndRemove('kept-defaults');
  });

  it('is the command that a sandbox is for', async () => {
    await using sandbox = await small('command')
      .entrypoint(['printf', '%s|'])
      .cmd(['a b', 'c'])
      .ephemeral(true)
      .create();
    expect((await sandbox.execDefault()).stdout()).toBe('a b|c|');
    expect((await sandbox.execDefaultWith((o) => o.arg('d'))).stdout()).toBe('a b|c|d|');
    const events = [];
    for await (const { kind } of await sandbox.execDefaultStream()) events.push(kind);
    expect(events).toEqual(['started', 'stdout', 'exited']);
  });

  it('is the image’s, or nothing, which is told', async () => {
    await using sandbox = await ephemeral('its-images');
    expect((await sandbox.config()).cmd).toEqual(['/bin/sh']);
    expect((await sandbox.execDefaultWith((o) => o.stdinBytes('echo a shell; exit 3'))).stdout()).toBe(
      'a shell\n',
    );
    await using none = await small('no-command').entrypoint([]).ephemeral(true).create();
    await expect(none.execDefault()).rejects.toBeInstanceOf(NoDefaultCommandError);
    await expect(none.execDefaultStream()).rejects.toMatchObject({ code: 'noDefaultCommand' });
  });
});

describe('a sandbox', () => {
  it('is made to outlive its process', async () => {
    const sandbox = await small('outlives').detached(true).create();
    expect(sandbox.ownsLifecycle).toBe(false);
    await sandbox[Symbol.asyncDispose]();
    expect((await sandbox.exec('true')).success).toBe(true);
    await killAndRemove('outlives');
  });

  it('is restarted with what it wrote, and goes with the object that restarting gave', async () => {
    const first = await small('again').create();
    await first.shell('printf kept > /root/file; printf gone > /run/file');
    const second = await first.restart();
    expect([first.ownsLifecycle, second.ownsLifecycle, second.id]).toEqual([false, true, first.id]);
    await first[Symbol.asyncDispose](); // it has given up the ownership
    expect((await second.shell('cat /root/file; test -e /run/file || printf /fresh')).stdout()).toBe(
      'kept/fresh',
    );

    const handle = await Sandbox.get('again');
    expect(handle.updatedAt.getTime()).toBeGreaterThan(handle.createdAt.getTime()); // when it came to run again
    const third = await handle.restart({ detached: true });
    const later = (await handle.refresh()).updatedAt;
    expect(later.getTime()).toBeGreaterThan(handle.updatedAt.getTime());
    expect((await handle.refresh()).updatedAt).toEqual(later); // being looked at is no change
    expect(third.ownsLifecycle).toBe(false);
    await third.kill();
    await using fourth = await (await handle.refresh()).restart(); // one that does not run is started
    expect((await fourth.exec('cat', ['/root/file'])).stdout()).toBe('kept');
    await fourth.destroy();
    expect((await Sandbox.list()).sandboxes).toEqual([]);
  });

  it('is killed for a restart that is forced', async () => {
    const sandbox = await small('forced').create();
    await sandbox.shell('printf synced > /root/file; sync; printf lost > /root/later');
    const again = await sandbox.restart({ force: true });
    expect((await again.shell('cat /root/file; cat /root/later 2>/dev/null; true')).stdout()).toBe('synced');
    await again.destroy({ force: true, timeoutMs: 10_000 });
    await expect(Sandbox.get('forced')).rejects.toMatchObject({ code: 'sandboxNotFound' });
  });

  it('is destroyed although it has crashed, but never in the place of another of its name', async () => {
    const first = await small('replaced').create();
    const handle = await Sandbox.get('replaced');
    const second = await small('replaced').replaceWithTimeout(0).create();
    await expect(handle.destroy()).rejects.toMatchObject({ code: 'sandboxReplaced' });
    await expect(first.destroy()).rejects.toMatchObject({ code: 'sandboxReplaced' });
    await expect(second.shell('echo c > /proc/sysrq-trigger; sleep 60')).rejects.toMatchObject({
      code: 'sandboxCrashed',
    });
    await second.destroy();
    await expect(Sandbox.get('replaced')).rejects.toMatchObject({ code: 'sandboxNotFound' });
  });

  it('is killed on an order that nobody waits for', async () => {
    await using sandbox = await small('ordered').create();
    const handle = await Sandbox.get('ordered');
    await handle.requestKill();
    expect(await handle.waitUntilStopped()).toMatchObject({ status: 'stopped', signal: 9 });
    await sandbox.requestKill(); // it is gone: nothing to do
    await eventually(async () => (await handle.refresh()).status === 'stopped', 5_000, 'it is stopped');
    await handle.remove();
  });

  it('is listed by its labels', async () => {
    await using one = await small('one').label('team', 'a').label('kind', 'x').ephemeral(true).create();
    await using two = await small('two').labels({ team: 'a', kind: 'y' }).ephemeral(true).create();
    const named = async (labels: Record<string, string>) =>
      (await Sandbox.listWith((list) => list.labels(labels))).sandboxes.map(({ name }) => name);
    expect(await named({ team: 'a' })).toEqual([one.name, two.name]);
    expect(await named({ team: 'a', kind: 'y' })).toEqual([two.name]);
    expect(await named({ toString: 'x' })).toEqual([]);
    const page = await Sandbox.listWith((list) => list.label('team', 'a').limit(1));
    expect(page.nextCursor).toBeDefined();
    const next = await Sandbox.listWith((list) => list.label('team', 'a').cursor(page.nextCursor ?? ''));
    expect(next.sandboxes.map(({ name }) => name)).toEqual([two.name]);
    expect(next.nextCursor).toBeUndefined();
  });
});

it('an image says what it consists of', async () => {
  const { handle, config, layers } = await Image.inspect(image);
  expect(config).toMatchObject({ cmd: ['/bin/sh'], entrypoint: null, user: null });
  expect(layers.map(({ position }) => position)).toEqual([0, 1]);
  for (const layer of layers) {
    for (const digest of [layer.diffId, layer.blobDigest]) expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  }
  const { layerCount, sizeBytes, os, architecture } = await Image.get(image);
  expect(handle.sizeBytes).toBe(layers.reduce((sum, layer) => sum + layer.compressedSizeBytes, 0));
  expect({ layerCount, os }).toEqual({ layerCount: 2, os: 'linux' });
  expect(sizeBytes).toBeGreaterThan(100_000);
  expect(['amd64', 'arm64']).toContain(architecture);
});
