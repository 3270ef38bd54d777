import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, symlinkSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Image, PatchFailedError, Sandbox, SandboxBuilder } from '@msbtest/core';
import { describe, expect, it } from 'vitest';
import { msbtest } from './support/msbtest.js';
import { usePrivateCache } from './support/private-cache.js';
import { checkout } from './support/saboteurs.js';
import { eventually, image, small, usePrivateHome } from './support/vm.js';

const home = usePrivateHome();
const cache = usePrivateCache(home);

/** The root file systems that images have been converted to. */
const converted = () =>
  readdirSync(join(cache.path, 'images', 'rootfs')).filter((name) => name.endsWith('.squashfs'));

const host = join(home.path, 'host');
mkdirSync(join(host, 'app/bin'), { recursive: true });
writeFileSync(join(host, 'app/bin/run'), '#!/bin/sh\necho it runs\n', { mode: 0o755 });
symlinkSync('bin/run', join(host, 'app/start'));
symlinkSync('/etc/passwd', join(host, 'app/outside'));
writeFileSync(join(host, 'one'), 'one file', { mode: 0o640 });
chmodSync(join(host, 'one'), 0o640);

const withAll = (builder: SandboxBuilder) =>
  builder.patch((p) =>
    p
      .text('/etc/greeting', 'Grüße\n', { mode: 0o600 })
      .file('/opt/bytes', Uint8Array.of(0, 255, 10))
      .copyFile(join(host, 'one'), '/srv/deep/one')
      .copyDir(join(host, 'app'), '/srv/app')
      .symlink('../srv/app/start', '/bin/start')
      .mkdir('/data', { mode: 0o1777 })
      .remove('/etc/shadow')
      .remove('/opt/replaced')
      .append('/etc/passwd', 'tester:x:1234:1234::/data:/bin/sh\n')
      .append('/etc/greeting', 'and more\n')
      .text('/etc/group', 'root:x:0:\ntester:x:1234:\n', { replace: true }),
  );

const look = `cat /etc/greeting; stat -c '%n %a %u:%g %F %Y' /etc/greeting /opt/bytes /srv/deep /srv/deep/one /data
  od -An -tx1 /opt/bytes; cat /srv/deep/one; echo; /bin/start; readlink /bin/start; readlink /srv/app/outside
  ls -d /etc/shadow /opt/replaced 2>&1 | sort; su tester -c 'id -un; id -gn; touch /data/mine && ls /data'; head -n 1 /etc/passwd`;
const seen = `Grüße
and more
/etc/greeting 600 0:0 regular file 0
/opt/bytes 644 0:0 regular file 0
/srv/deep 755 0:0 directory 0
/srv/deep/one 640 0:0 regular file 0
/data 1777 0:0 directory 0
 00 ff 0a
one file
it runs
../srv/app/start
/etc/passwd
ls: /etc/shadow: No such file or directory
ls: /opt/replaced: No such file or directory
tester
tester
mine
root:x:0:0:root:/root:/bin/sh
`;

/** Hears of files that come or go in a directory. */
function watched(directory: string, onName: (name: string) => void): Disposable {
  const watcher = watch(directory, (_, name) => onName(name ?? ''));
  return { [Symbol.dispose]: () => watcher.close() };
}

describe('a patched machine', () => {
  it('has what the patches say, cold and as a clone, and its image is made once', async () => {
    await using cold = await withAll(small('cold')).coldBoot().ephemeral(true).create();
    expect((await cold.shell(look)).stdout()).toBe(seen);
    const images = converted();
    expect(images).toHaveLength(2);
    await using clone = await withAll(small('clone')).ephemeral(true).create();
    expect(clone.bootTimes?.origin).toBe('clone');
    expect((await clone.shell(look)).stdout()).toBe(seen);
    // What it says of itself makes another like it.
    const { configJson } = await Sandbox.get('clone');
    await using again = await SandboxBuilder.fromSpecJson(
      JSON.stringify({ ...JSON.parse(configJson), name: 'again' }),
    ).create();
    expect((await again.shell(look)).stdout()).toBe(seen);
    expect(converted()).toEqual(images);
  });

  it('is not made, and nothing is left of it, when a patch cannot be applied', async () => {
    const failing = small('failing')
      .patch((p) => p.mkdir('/a').text('/etc/passwd', ''))
      .create();
    await expect(failing).rejects.toThrow(PatchFailedError);
    await expect(failing).rejects.toThrow(
      /^Patch 2 \(text \/etc\/passwd\) cannot be applied: there is .* replace: true/,
    );
    expect((await Sandbox.list()).sandboxes).toEqual([]);
  });

  it('is what the command line asks for, in its order', async () => {
    const args = [
      '--copy',
      `${host}/app:/app`,
      '--rm',
      '/app/outside',
      '--copy-file',
      `${host}/one:/app/outside`,
    ];
    const command = ['sh', '-c', 'ls -d /app/* /new; cat /app/outside'];
    const { stdout, stderr } = await msbtest(['run', ...args, '--mkdir', '/new', image, '--', ...command]);
    expect(stdout, stderr).toBe('/app/bin\n/app/outside\n/app/start\n/new\none file');
    const wrong = await msbtest(['run', '--copy-file', `${host}/one:app`, image, '--', 'true']);
    expect(wrong).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('takes SRC:DST with an absolute DST'),
    });
  });
});

describe('a derived image', () => {
  it('has its own name, files and configuration', async () => {
    const built = await Image.from(image)
      .patch((p) => p.copyDir(join(host, 'app'), '/app'))
      .env('GREETING', 'hello')
      .workdir('/app')
      .user('guest')
      .entrypoint(['/app/start'])
      .label('team', 'tests')
      .build('derived:test');
    expect(built.reference).toBe('docker.io/library/derived:test');
    expect(built.layerCount).toBe((await Image.get(image)).layerCount + 1);
    await using sandbox = await Sandbox.builder('derived')
      .image('derived:test')
      .memory(256)
      .ephemeral(true)
      .create();
    expect((await sandbox.execDefault()).stdout()).toBe('it runs\n');
    expect((await sandbox.shell('echo $GREETING; pwd; id -un')).stdout()).toBe('hello\n/app\nguest\n');
    await expect(Image.from('no-such-image').build('x')).rejects.toMatchObject({ code: 'imageNotFound' });
    await expect(Image.from(image).build(`x@${built.manifestDigest}`)).rejects.toThrow(/gets a tag/);
  });

  it('is made once, though eight processes ask at once', async () => {
    // A root is made in a file beside it, and then renamed: each that was begun is seen.
    await Image.get(image);
    const begun = new Set<string>();
    using _watch = watched(join(cache.path, 'images', 'rootfs'), (name) => {
      if (name.includes('.new-')) begun.add(name);
    });
    const script = `
      import { Image } from '@msbtest/core';
      const { manifestDigest } = await Image.from('${image}').patch((p) => p.text('/who', 'eight')).build('eight:' + process.argv[1]);
      console.log(manifestDigest);`;
    const digests = await Promise.all(
      Array.from({ length: 8 }, async (_, n) => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', script, `n${n}`], {
          cwd: checkout,
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        const [output] = await Promise.all([child.stdout.toArray(), once(child, 'exit')]);
        return Buffer.concat(output as Buffer[]).toString();
      }),
    );
    expect(new Set(digests).size).toBe(1);
    expect(digests[0]).toMatch(/^sha256:/);
    await eventually(() => begun.size > 0, 5_000, 'the making is seen');
    expect(begun.size).toBe(1);
  });
});
