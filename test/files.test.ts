import { createHash } from 'node:crypto';
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CopyProgress } from '@msbtest/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ephemeral, usePrivateHome } from './support/vm.js';

usePrivateHome();

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'msb-files-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const noise = (length: number) => Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7919) ^ (i >> 9)));

describe('the files of a guest', () => {
  it('are written and read, text and bytes, small and large', async () => {
    await using sandbox = await ephemeral('written');
    const fs = sandbox.fs();
    await fs.write('/root/hello', 'grüße\n');
    expect(await fs.readToString('/root/hello')).toBe('grüße\n');
    expect((await sandbox.exec('cat', ['/root/hello'])).stdout()).toBe('grüße\n');
    await fs.write('/root/hello', 'x');
    expect(await fs.readToString('/root/hello'), 'replaced, not written over').toBe('x');
    await fs.write('/root/empty', new Uint8Array());
    expect(await fs.read('/root/empty')).toHaveLength(0);

    const large = noise(9 * 1024 * 1024 + 1);
    await fs.write('/root/large', large);
    expect((await sandbox.exec('sha256sum', ['/root/large'])).stdout()).toContain(sha(large));
    expect(sha(await fs.read('/root/large'))).toBe(sha(large));
    expect(await fs.readToString('/proc/sys/kernel/ostype'), 'what the kernel makes up').toBe('Linux\n');
  });

  it('are read and written piece by piece, several at once, and given up in between', async () => {
    await using sandbox = await ephemeral('pieces');
    const fs = sandbox.fs();
    const sinks = await Promise.all(['/root/a', '/root/b'].map((path) => fs.writeStream(path)));
    for (let i = 0; i < 40; i++) await Promise.all(sinks.map((sink, n) => sink.write(noise(100_000 + n))));
    await Promise.all(sinks.map((sink) => sink.close()));
    const sizes = await Promise.all(
      ['/root/a', '/root/b'].map(async (path) => {
        let size = 0;
        for await (const piece of await fs.readStream(path)) size += piece.length;
        return size;
      }),
    );
    expect(sizes).toEqual([4_000_000, 4_000_040]);

    await using stream = await fs.readStream('/dev/zero');
    expect((await stream.recv())?.length).toBeGreaterThan(0);
    for await (const piece of await fs.readStream('/dev/zero')) {
      expect(piece.every((byte) => byte === 0)).toBe(true);
      break;
    }
    expect(await fs.exists('/root/a'), 'the others go on').toBe(true);
    await expect(fs.read('/dev/zero')).rejects.toThrow(/more than 67108864 bytes.*copyToHost/);
  });

  it('are listed, looked at and changed', async () => {
    await using sandbox = await ephemeral('listed');
    const fs = sandbox.fs();
    await fs.mkdir('/srv/deep/er', { mode: 0o750 });
    await fs.mkdir('/srv/deep/er');
    await fs.write('/srv/deep/file', '12345');
    await fs.symlink('file', '/srv/deep/link');
    await sandbox.exec('mkfifo', ['/srv/deep/pipe']);
    expect((await fs.list('/srv/deep')).map(({ path, kind, size }) => [path, kind, size])).toEqual([
      ['/srv/deep/er', 'directory', expect.any(Number)],
      ['/srv/deep/file', 'file', 5],
      ['/srv/deep/link', 'symlink', 4],
      ['/srv/deep/pipe', 'other', 0],
    ]);
    expect((await fs.stat('/srv/deep/er')).mode).toBe(0o750);
    expect(await fs.stat('/srv/deep/link')).toMatchObject({ kind: 'file', size: 5, uid: 0, readonly: false });
    expect((await fs.lstat('/srv/deep/link')).kind).toBe('symlink');
    expect(await fs.readLink('/srv/deep/link')).toBe('file');
    expect(await fs.realPath('/srv/deep/../deep/link')).toBe('/srv/deep/file');

    const when = new Date('2001-02-03T04:05:06Z');
    await fs.setStat('/srv/deep/file', { mode: 0o444, uid: 7, gid: 8, size: 2, modified: when });
    expect(await fs.stat('/srv/deep/file')).toMatchObject({
      mode: 0o444,
      readonly: true,
      uid: 7,
      gid: 8,
      size: 2,
      modified: when,
    });
    await fs.chmod('/srv/deep/file', 0o4711);
    await fs.chown('/srv/deep/file', 1, 2);
    expect((await sandbox.exec('stat', ['-c', '%u %g %s', '/srv/deep/file'])).stdout()).toBe('1 2 2\n');

    await sandbox.shell('mkdir /srv/many; cd /srv/many; seq 3000 | xargs touch');
    expect(await fs.list('/srv/many')).toHaveLength(3000);
  });

  it('are copied, renamed and removed', async () => {
    await using sandbox = await ephemeral('moved');
    const fs = sandbox.fs();
    await fs.mkdir('/srv/from/inner');
    await fs.write('/srv/from/inner/file', 'content');
    await sandbox.shell(
      'chmod 2750 /srv/from/inner; chown 5:6 /srv/from/inner/file; ln -s /etc /srv/from/way',
    );
    await fs.copy('/srv/from', '/srv/to');
    expect(
      (await sandbox.shell('cd /srv/to && stat -c "%n %a %u" inner inner/file && readlink way')).stdout(),
    ).toBe('inner 2750 0\ninner/file 644 5\n/etc\n');
    await fs.rename('/srv/to/inner/file', '/srv/to/renamed');
    expect(await fs.exists('/srv/to/inner/file')).toBe(false);
    await fs.remove('/srv/to/renamed');
    await fs.removeEmptyDir('/srv/to/inner');
    await fs.removeDir('/srv/to');
    expect(await fs.exists('/srv/to')).toBe(false);
    expect(await fs.exists('/etc/passwd'), 'what a link in it led to').toBe(true);
  });

  it('say by name why not', async () => {
    await using sandbox = await ephemeral('refused');
    const fs = sandbox.fs();
    await fs.write('/root/file', 'x');
    for (const [work, errnoName, path] of [
      [() => fs.read('/nowhere'), 'ENOENT', '/nowhere'],
      [() => fs.read('/root'), 'EISDIR', '/root'],
      [() => fs.write('/root', 'x'), 'EISDIR', '/root'],
      [() => fs.write('/proc/sys/kernel/ostype', 'x'), 'EACCES', '/proc/sys/kernel/ostype'],
      [() => fs.list('/root/file'), 'ENOTDIR', '/root/file'],
      [() => fs.mkdir('/root/file/x'), 'ENOTDIR', '/root/file/x'],
      [() => fs.remove('/root'), 'EISDIR', '/root'],
      [() => fs.removeEmptyDir('/etc'), 'ENOTEMPTY', '/etc'],
      [() => fs.readLink('/root/file'), 'EINVAL', '/root/file'],
      [() => fs.copy('/root', '/root/inner'), 'EINVAL', '/root'],
      [() => fs.symlink('x', '/root/file'), 'EEXIST', '/root/file'],
      [() => fs.stat(`/${'x'.repeat(300)}`), 'ENAMETOOLONG', `/${'x'.repeat(300)}`],
    ] as const) {
      await expect(work(), path).rejects.toMatchObject({
        name: 'SandboxFsOpsError',
        code: 'sandboxFsOps',
        errnoName,
        path,
      });
    }
    await expect(fs.stat('')).rejects.toThrow(/agent refused/);
    await sandbox.shell('mkdir /small && mount -t tmpfs -o size=1m none /small');
    await expect(fs.write('/small/file', noise(3 * 1024 * 1024))).rejects.toMatchObject({
      errnoName: 'ENOSPC',
    });
    expect(await fs.readToString('/root/file'), 'the next works').toBe('x');
  });

  it('that hang hold up nobody else, nor the stop', async () => {
    await using sandbox = await ephemeral('hang');
    const fs = sandbox.fs();
    await sandbox.exec('mkfifo', ['/root/pipe']);
    await expect(fs.read('/root/pipe', { timeoutMs: 500 })).rejects.toThrow(
      /did not read \/root\/pipe within 500 ms/,
    );
    const stuck = fs.read('/root/pipe', { signal: AbortSignal.timeout(1000) });
    stuck.catch(() => {});
    expect((await sandbox.exec('echo', ['on'])).stdout()).toBe('on\n');
    await fs.write('/root/other', 'x');
    await expect(stuck).rejects.toMatchObject({ name: 'TimeoutError' });
    const servers = async () =>
      (await sandbox.shell('grep -l agentd-fs /proc/*/comm | wc -l')).stdout().trim();
    await expect.poll(servers, { timeout: 10_000 }).toBe('1');
    const late = fs.read('/root/pipe');
    late.catch(() => {});
    expect((await sandbox.stop()).outcome).toBe('graceful');
    await expect(late).rejects.toThrow();
  });
});

describe('copies between host and guest', () => {
  it('keep contents, modes, times, links and holes, there and back', async () => {
    await using sandbox = await ephemeral('trees');
    const fs = sandbox.fs();
    const from = join(scratch, 'from');
    await mkdir(join(from, 'inner/empty'), { recursive: true });
    await writeFile(join(from, 'inner/big'), noise(700_000));
    await writeFile(join(from, 'script'), '#!/bin/sh\necho ran\n');
    await chmod(join(from, 'script'), 0o755);
    await symlink('inner/big', join(from, 'link'));
    await symlink('/nowhere/at/all', join(from, 'dangling'));
    await link(join(from, 'inner/big'), join(from, 'inner/same'));
    const sparse = await open(join(from, 'sparse'), 'w');
    await sparse.write(noise(1000), 0, 1000, 5 * 1024 * 1024);
    await sparse.truncate(64 * 1024 * 1024);
    await sparse.close();
    await utimes(join(from, 'script'), new Date(0), new Date('2001-02-03T04:05:06Z'));
    await chmod(join(from, 'inner'), 0o500);

    const progress: CopyProgress[] = [];
    await fs.copyFromHost(from, '/srv/new/tree', { onProgress: (p) => progress.push(p) });
    expect(progress.at(-1)).toMatchObject({ path: from, entries: 9 });
    expect((await sandbox.exec('/srv/new/tree/script')).stdout()).toBe('ran\n');
    const guest = await sandbox.shell(
      'cd /srv/new/tree; stat -c "%n %a %h" inner inner/big script; readlink dangling; du -k sparse | cut -f1',
    );
    expect(guest.stdout()).toMatch(
      /^inner 500 3\ninner\/big 644 2\nscript 755 1\n\/nowhere\/at\/all\n(4|8|\d\d\d?)\n$/,
    );

    const back = join(scratch, 'made/back');
    await fs.copyToHost('/srv/new/tree', back);
    expect((await readdir(back)).sort()).toEqual(['dangling', 'inner', 'link', 'script', 'sparse']);
    expect(sha(await readFile(join(back, 'inner/big')))).toBe(sha(noise(700_000)));
    expect(sha(await readFile(join(back, 'sparse')))).toBe(sha(await readFile(join(from, 'sparse'))));
    expect((await stat(join(back, 'sparse'))).blocks * 512).toBeLessThan(1024 * 1024);
    expect(await readlink(join(back, 'link'))).toBe('inner/big');
    expect((await stat(join(back, 'inner'))).mode & 0o7777).toBe(0o500);
    expect((await stat(join(back, 'inner/same'))).ino).toBe((await stat(join(back, 'inner/big'))).ino);
    expect((await stat(join(back, 'script'))).mtime).toEqual(new Date('2001-02-03T04:05:06Z'));
    expect((await readdir(join(back, 'inner'))).sort()).toEqual(['big', 'empty', 'same']);
  });

  it('of one file replace a file, and nothing is half made', async () => {
    await using sandbox = await ephemeral('single');
    const fs = sandbox.fs();
    const place = join(scratch, 'single');
    await sandbox.shell('echo one >/root/one; chmod 4755 /root/one; seq 100000 >/root/two');
    await fs.copyToHost('/root/one', join(place, 'file'));
    expect(await readFile(join(place, 'file'), 'utf8')).toBe('one\n');
    expect((await lstat(join(place, 'file'))).mode & 0o7777, 'no set-user-id here').toBe(0o755);
    await expect(fs.copyToHost('/root/two', join(place, 'file'), { limitBytes: 1000 })).rejects.toThrow(
      /more than 1000 bytes.*limitBytes/,
    );
    expect(await readFile(join(place, 'file'), 'utf8'), 'still the old one').toBe('one\n');
    await expect(fs.copyToHost('/dev', join(place, 'dev'))).rejects.toThrow(/neither a file/);
    await expect(fs.copyToHost('/etc', place)).rejects.toMatchObject({ name: 'IoError' });
    await expect(fs.copyFromHost(join(place, 'none'), '/root/none')).rejects.toMatchObject({
      name: 'IoError',
    });
    expect(await readdir(place), 'nothing is left of what failed').toEqual(['file']);

    await fs.copyFromHost(join(place, 'file'), '/root/two');
    expect(await fs.readToString('/root/two')).toBe('one\n');
  });
});
