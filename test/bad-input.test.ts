import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { BootFailedError, InvalidConfigError, Sandbox } from '@msbtest/core';
import { leftProcesses } from '@msbtest/fixtures/private-home';
import { afterEach, describe, expect, it } from 'vitest';
import { checkout, saboteurs } from './support/saboteurs.js';
import { withEnv } from './support/stop-ways.js';
import { eventually, image, killAndRemove, small, socketsOf, usePrivateHome } from './support/vm.js';
import { createBy } from './support/ways.js';

// Whatever goes wrong: a typed error that names cause and remedy, within a bound, and nothing left. The home checks the
// last after each test; this checks that no name stays claimed.
const home = usePrivateHome();
afterEach(async () => {
  expect((await Sandbox.list()).sandboxes.map(({ name }) => name)).toEqual([]);
});

const asRoot = process.getuid?.() === 0;

describe('create refuses', () => {
  it('an image that is not there', async () => {
    await expect(
      Sandbox.builder('x').image('mirror.gcr.io/library/nowhere:1').pullPolicy('never').create(),
    ).rejects.toMatchObject({
      code: 'imageNotFound',
      message: expect.stringMatching(
        /no image mirror\.gcr\.io\/library\/nowhere:1 .*msb-base.*msbtest pull/s,
      ),
    });
  });

  it('an image reference that is none', async () => {
    await expect(Sandbox.builder('x').image('not an image').create()).rejects.toBeInstanceOf(
      InvalidConfigError,
    );
  });

  it('a name that is too long, empty, or no name', async () => {
    await expect(small('é'.repeat(65)).create()).rejects.toThrow(/130 bytes long; 128 bytes/);
    await expect(small('').create()).rejects.toThrow(/needs a name/);
    await expect(small('a\nb').create()).rejects.toThrow(/control characters/);
  });

  // But not one of exactly 128 bytes.
  it('sandbox_with_128_byte_name_spawns', async () => {
    for (const name of ['é'.repeat(64), 'n'.repeat(128)]) {
      await using sandbox = await small(name).ephemeral(true).create();
      expect((await Sandbox.get(name)).name).toBe(name);
      const hostname = (await sandbox.exec('hostname')).stdout().trim();
      expect(hostname.length).toBeGreaterThan(0);
      expect(hostname.length).toBeLessThanOrEqual(63);
      expect(Buffer.byteLength(socketsOf(sandbox).agent)).toBeLessThan(108);
    }
  });

  it.each([
    ['cpus', (n: number) => small('x').cpus(n), 0],
    ['memory', (n: number) => small('x').memory(n), 1.5],
    ['rootDisk', (n: number) => small('x').rootDisk(n), -1],
    ['bootTimeout', (n: number) => small('x').bootTimeout(n), 0],
    ['idleTimeout', (n: number) => small('x').idleTimeout(n), 0],
    ['maxDuration', (n: number) => small('x').maxDuration(n), 1.5],
  ])('%s that cannot be, by its name', async (option, builder, value) => {
    await expect(builder(value).create()).rejects.toMatchObject({
      code: 'invalidConfig',
      message: expect.stringMatching(new RegExp(`^${option} is `)),
    });
  });

  it('memory too small to boot', async () => {
    const error = await failure(small('tiny').memory(24).bootTimeout(20_000).create());
    expect(error).toBeInstanceOf(BootFailedError);
    expect(error.message).toMatch(
      /"tiny" did not boot .*24 MiB of memory, which may be too little.*\.memory\(256\)/s,
    );
  });

  it('a machine without QEMU', async () => {
    await withEnv({ MSB_QEMU: '/nowhere/qemu-system-x86_64' }, async () => {
      await expect(small('x').create()).rejects.toMatchObject({
        code: 'missingDependency',
        message: expect.stringMatching(
          /qemu-system-x86_64 is not installed.*apt-get install qemu-system-x86/,
        ),
      });
    });
  });

  it('a kernel that is none', async () => {
    const path = `${home.path}/kernel`;
    writeFileSync(path, 'no kernel');
    await withEnv({ MSB_KERNEL: path }, async () => {
      const error = await failure(small('x').bootTimeout(20_000).create());
      expect(error).toBeInstanceOf(BootFailedError);
      expect(error).toMatchObject({ phase: 'spawn', message: expect.stringMatching(/VMM said:.*kernel/s) });
    });
  });

  it('a place for sockets whose path is too long', async () => {
    const far = `${home.path}/${'x'.repeat(90)}`;
    await withEnv({ MSB_RUNTIME_DIR: far }, async () => {
      await expect(small('x').create()).rejects.toMatchObject({
        code: 'invalidConfig',
        message: expect.stringMatching(/at most 107 bytes, this one has \d+; set .*XDG_RUNTIME_DIR/),
      });
    });
    expect(existsSync(far)).toBe(false);
  });

  it.runIf(asRoot)('a place for sockets that has no room', async () => {
    const full = `${home.path}/no-inodes`;
    mkdirSync(full);
    // One inode for the root, one for the sandbox's directory, none for the socket.
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'nr_inodes=2,mode=700', 'tmpfs', full]);
    try {
      await withEnv({ MSB_RUNTIME_DIR: full }, async () => {
        const error = await failure(small('x').create());
        expect(error).toMatchObject({ code: 'bootFailed', phase: 'spawn', console: '' });
        expect(error.message).toMatch(/could not be started \(bind: ENOSPC\).*agent\.sock.*MSB_RUNTIME_DIR/);
      });
      expect(readdirSync(full)).toEqual([]);
    } finally {
      execFileSync('umount', [full]);
    }
  });

  it.runIf(asRoot)('a machine without /dev/kvm, when kvm was asked for', async () => {
    const error = await inAnotherDev('absent', process.getuid?.() ?? 0);
    expect(error).toMatch(/open \/dev\/kvm failed with ENOENT.*modprobe.*MSB_ACCEL=tcg/);
  });

  it.runIf(asRoot)('a user who may not open /dev/kvm', async () => {
    const error = await inAnotherDev('forbidden', 65534);
    expect(error).toMatch(/open \/dev\/kvm failed with EACCES.*usermod -aG kvm/);
  });

  it.runIf(asRoot)('a disk that is full', async () => {
    const full = `${home.path}/full`;
    mkdirSync(full);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32k,mode=700', 'tmpfs', full]);
    try {
      await withEnv({ MSB_HOME: full }, async () => {
        await expect(small('x').create()).rejects.toMatchObject({
          code: 'io',
          message: expect.stringMatching(/disk is full \(ENOSPC\)/),
        });
        expect((await Sandbox.list()).sandboxes).toEqual([]);
      });
      expect(execFileSync('find', [full, '-type', 'f'], { encoding: 'utf8' })).toBe('');
    } finally {
      execFileSync('umount', [full]);
    }
  });
});

describe('a relay that does not come up', () => {
  /** In the relay's place: a script, which gets the relay's arguments and descriptors. */
  const relay = (script: string) => {
    const path = `${home.path}/relay`;
    writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return { MSB_RELAY: path };
  };

  /** By a program that keeps the script's name among its arguments, so that it would be found if it were left. */
  const hang = 'exec tail -n 0 -f "$0"';

  it.each([
    { way: 'cold', within: 1_000 },
    { way: 'clone', within: 500 }, // the other half of the time is for a boot, should it be the template's fault
  ] as const)('because it hangs ($way)', async ({ way, within }) => {
    await using _template = await small('has-one').ephemeral(true).create();
    await withEnv(relay(hang), async () => {
      const begin = performance.now();
      const error = await failure(createBy(way, small('hangs').bootTimeout(1_000)));
      expect(error).toMatchObject({ code: 'bootFailed', phase: 'spawn', console: '' });
      const [, said] =
        /its relay did not come up within (\d+) ms.*agent\.sock.*MSB_RUNTIME_DIR/.exec(error.message) ?? [];
      expect(Number(said)).toBeLessThanOrEqual(within);
      if (way === 'cold') expect(Number(said)).toBe(within);
      expect(performance.now() - begin).toBeLessThan(5_000);
    });
  });

  it('because it hangs, and ignores the order to end', async () => {
    await withEnv(relay(`trap "" TERM; ${hang}`), async () => {
      const error = await failure(small('deaf').bootTimeout(1_000).create());
      expect(error).toMatchObject({ code: 'bootFailed', phase: 'spawn' });
    });
  });

  it('because it ends', async () => {
    await withEnv(relay('echo "no, not today"; exit 3'), async () => {
      const error = await failure(small('ends').create());
      expect(error).toMatchObject({ code: 'bootFailed', phase: 'spawn' });
      expect(error.message).toMatch(/its relay is gone without a word.*no, not today/s);
    });
  });

  it('before its creation is aborted', async () => {
    await withEnv(relay(hang), async () => {
      const abort = new AbortController();
      const creating = small('aborted').create({ signal: abort.signal });
      const runs = () => leftProcesses(home.path).length > 0;
      await Promise.race([eventually(runs, 5_000, 'the relay runs'), creating]);
      abort.abort(new Error('changed my mind'));
      await expect(creating).rejects.toThrow('changed my mind');
    });
  });
});

describe('a guest that does not come up', () => {
  it('because it panics while booting', async () => {
    const noInit = `${home.path}/not-an-executable`;
    writeFileSync(noInit, 'neither script nor ELF\n');
    await withEnv({ MSB_AGENTD: noInit }, async () => {
      const error = await failure(small('panics').bootTimeout(30_000).create());
      expect(error).toMatchObject({
        code: 'bootFailed',
        phase: 'kernel',
        console: expect.stringContaining('Kernel panic'),
      });
      expect(error.message).toContain("The guest's console ends with:");
    });
  });

  it('because its agent never gets ready', async () => {
    await withEnv({ MSB_AGENTD: saboteurs.silentAgent }, async () => {
      const begin = performance.now();
      const error = await failure(small('silent').bootTimeout(4_000).create());
      expect(error).toMatchObject({
        code: 'bootFailed',
        message: expect.stringContaining('not ready within 4000 ms'),
      });
      expect(performance.now() - begin).toBeLessThan(10_000);
    });
  });

  it('because its agent answers garbage', async () => {
    await withEnv({ MSB_AGENTD: saboteurs.garbageAgent }, async () => {
      const error = await failure(small('garbage').bootTimeout(30_000).create());
      expect(error).toMatchObject({
        code: 'bootFailed',
        message: expect.stringContaining('bytes that are not the agent protocol'),
      });
    });
  });

  it('because its creation is aborted', async () => {
    const abort = new AbortController();
    const creating = small('aborted').coldBoot().create({ signal: abort.signal });
    setTimeout(() => abort.abort(new Error('changed my mind')), 700);
    await expect(creating).rejects.toThrow('changed my mind');
  });
});

describe('a guest that is stuck', () => {
  it('is killed past the budget, and its stop says so', async () => {
    const sandbox = await createBy('clone', small('stuck'));
    await freeze(sandbox);
    const result = await sandbox.stopWithTimeout(1_500);
    expect(result).toMatchObject({
      outcome: 'escalated',
      signal: 9,
      exitCode: null,
      reason: 'the guest had not stopped within 1500 ms',
    });
    expect(result.ms).toBeGreaterThanOrEqual(1_500);
    expect(result.ms).toBeLessThan(8_000);
    await (await Sandbox.get('stuck')).remove();
  });

  it('does not hold up a time-out of a command', async () => {
    const sandbox = await createBy('clone', small('stuck-exec'));
    const running = sandbox.execWith('sleep', (o) => o.arg('600').timeout(1_000));
    await sandbox.exec('true');
    await freeze(sandbox);
    await expect(running).rejects.toMatchObject({ code: 'execTimeout' });
    await killAndRemove('stuck-exec');
  });

  it('is killed at once when its time-out is 0', async () => {
    const sandbox = await small('at-once').create();
    expect(await sandbox.stopWithTimeout(0)).toMatchObject({
      outcome: 'escalated',
      signal: 9,
      reason: 'the time-out was 0',
    });
    await (await Sandbox.get('at-once')).remove();
  });
});

async function failure(promise: Promise<unknown>): Promise<BootFailedError> {
  return promise.then(
    () => {
      throw new Error('It should have failed.');
    },
    (error: BootFailedError) => error,
  );
}

/** Stops the virtual processors; the guest does nothing any more, and does not know. Not of a fork, whose VMM nobody else can tell anything. */
async function freeze(sandbox: Sandbox): Promise<void> {
  const socket = connect(socketsOf(sandbox).control);
  socket.write('{"execute": "qmp_capabilities"}\n{"execute": "stop"}\n');
  let said = '';
  for await (const chunk of socket) {
    said += chunk;
    if (said.includes('"STOP"')) break;
  }
}

/** Tries a create with MSB_ACCEL=kvm in a mount namespace whose /dev/kvm is absent or forbidden; gives what it printed. */
async function inAnotherDev(kvm: 'absent' | 'forbidden', uid: number): Promise<string> {
  const program = `import('${checkout}/packages/core/dist/index.js').then(({ Sandbox }) =>
    Sandbox.builder('x').image('${image}').create()).catch((error) => { console.log(error.code, error.message); process.exit(9); })`;
  const script = `
    set -e
    mkdir "$1/dev"
    mount -t tmpfs -o mode=755 tmpfs "$1/dev"
    cp -a /dev/null /dev/zero /dev/urandom /dev/random "$1/dev/"
    [ "$2" = absent ] || { : > "$1/dev/kvm"; chmod 600 "$1/dev/kvm"; }
    mount --move "$1/dev" /dev
    exec setpriv --reuid "$3" --regid "$3" --clear-groups "$4" -e "$5"`;
  const args = ['--mount', 'sh', '-c', script, 'sh', home.path, kvm, `${uid}`, process.execPath, program];
  try {
    await promisify(execFile)('unshare', args, { env: { ...process.env, MSB_ACCEL: 'kvm' } });
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    execFileSync('rmdir', [`${home.path}/dev`]);
    expect({ code, stderr }).toEqual({ code: 9, stderr: '' });
    return stdout;
  }
  throw new Error('The create should have failed.');
}
