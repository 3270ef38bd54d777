// SPDX-License-Identifier: Apache-2.0
// A machine for the scenarios: initramfs, disks, QEMU. Needs busybox (static), cpio, mksquashfs, mke2fs, QEMU
// and a kernel: AGENTD_TEST_KERNEL (vmlinuz), AGENTD_TEST_MODULES (directory with the uncompressed .ko files).
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Line } from './line.mjs';

const MODULES = [
  'virtio',
  'virtio_ring',
  'virtio_mmio',
  'virtio_blk',
  'virtio_console',
  'overlay',
  'squashfs',
];
const ORDER = ['virtio_ring', ...MODULES.filter((m) => m !== 'virtio_ring')];
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;

// On a busy host a guest under TCG cannot time its TSC, and then hangs: a microvm with ACPI has no other timer to go
// by. Nor must the kernel compare the TSC with its own late ticks and give it up: hence tsc=reliable.
const tscKhz = () => {
  const mhz = /^cpu MHz\s*:\s*([\d.]+)/m.exec(fs.readFileSync('/proc/cpuinfo', 'utf8'));
  return process.env.AGENTD_TEST_TSC_KHZ ?? (mhz ? Math.round(Number(mhz[1]) * 1000) : null);
};

/** A state of 256 MiB is written in less than a second. */
const SILENCE_MS = 30_000;

const agentdDir = fileURLToPath(new URL('../..', import.meta.url));

const run = (cmd, args, opts) =>
  execFileSync(cmd, args, {
    env: { ...process.env, PATH },
    stdio: ['pipe', 'pipe', 'pipe'],
    maxBuffer: 1 << 28,
    ...opts,
  });

export function whyNot() {
  const { AGENTD_TEST_KERNEL: k, AGENTD_TEST_MODULES: m } = process.env;
  if (!k || !fs.existsSync(k)) return 'AGENTD_TEST_KERNEL is not a kernel';
  if (!m || !fs.existsSync(m)) return 'AGENTD_TEST_MODULES is not a directory';
  for (const tool of ['qemu-system-x86_64', 'busybox', 'cpio', 'mksquashfs', 'mke2fs', 'e2fsck'])
    try {
      run('sh', ['-c', `command -v ${tool}`]);
    } catch {
      return `${tool} is not installed`;
    }
  return null;
}

function findModule(dir, name) {
  const hit = fs.readdirSync(dir, { recursive: true }).find((f) => path.basename(f) === `${name}.ko`);
  if (!hit) throw new Error(`no ${name}.ko under ${dir}`);
  return path.join(dir, hit);
}

/** Initramfs and read-only root; once for all scenarios. */
export function build(dir, agentd) {
  run('make', ['-s', '-C', agentdDir, 'build/test-init']);
  const ram = path.join(dir, 'ram');
  fs.rmSync(ram, { recursive: true, force: true });
  fs.mkdirSync(path.join(ram, 'modules'), { recursive: true });
  fs.copyFileSync(agentd, path.join(ram, 'init'));
  fs.chmodSync(path.join(ram, 'init'), 0o755);
  for (const m of MODULES)
    fs.copyFileSync(findModule(process.env.AGENTD_TEST_MODULES, m), path.join(ram, 'modules', `${m}.ko`));
  fs.writeFileSync(path.join(ram, 'modules/order'), ORDER.map((m) => `${m}.ko\n`).join(''));
  fs.writeFileSync(
    path.join(dir, 'init.cpio'),
    run('sh', ['-c', 'find . | cpio -o -H newc --quiet'], { cwd: ram }),
  );

  const root = path.join(dir, 'root');
  fs.rmSync(root, { recursive: true, force: true });
  for (const d of ['bin', 'etc', 'root', 'home/ann']) fs.mkdirSync(path.join(root, d), { recursive: true });
  const busybox = run('sh', ['-c', 'command -v busybox']).toString().trim();
  fs.copyFileSync(busybox, path.join(root, 'bin/busybox'));
  fs.chmodSync(path.join(root, 'bin/busybox'), 0o755);
  for (const a of run(busybox, ['--list']).toString().trim().split('\n'))
    if (a !== 'busybox') fs.symlinkSync('busybox', path.join(root, 'bin', a));
  fs.writeFileSync(
    path.join(root, 'etc/passwd'),
    'root:x:0:0::/root:/bin/sh\nann:x:1000:1001::/home/ann:/bin/sh\n',
  );
  fs.writeFileSync(
    path.join(root, 'etc/group'),
    'root:x:0:\nann:x:1001:\nwheel:x:10:ann,bob\naudio:x:29:bob,ann\n',
  );
  fs.writeFileSync(path.join(root, 'bin/noexec'), 'text\n', { mode: 0o644 });
  fs.writeFileSync(path.join(root, 'bin/noloader'), '#!/no/such/interpreter\n', { mode: 0o755 });
  fs.writeFileSync(path.join(root, 'bin/garbage'), '\x00\x01\x02 neither ELF nor script', { mode: 0o755 });
  fs.mkdirSync(path.join(root, 'sbin'));
  const testInit = path.join(root, 'sbin/test-init');
  fs.copyFileSync(path.join(agentdDir, 'build/test-init'), testInit);
  fs.chmodSync(testInit, 0o755);
  fs.rmSync(path.join(dir, 'root.sqfs'), { force: true });
  run('mksquashfs', [
    root,
    path.join(dir, 'root.sqfs'),
    '-noI',
    '-noD',
    '-noF',
    '-noX',
    '-quiet',
    '-all-root',
  ]);
}

export function makeUpper(file, size = '256M') {
  fs.rmSync(file, { force: true });
  run('mke2fs', ['-q', '-t', 'ext4', '-E', 'lazy_itable_init=1,lazy_journal_init=1', file, size]);
}

/** True if the journal needs no recovery and nothing is wrong. */
export function isClean(upper) {
  const state = run('dumpe2fs', ['-h', upper]).toString();
  if (/needs_recovery/.test(state) || !/Filesystem state: +clean/.test(state))
    return `not clean: ${state.match(/Filesystem (features|state).*/g)}`;
  try {
    run('e2fsck', ['-fn', upper]);
    return true;
  } catch (e) {
    return `e2fsck: ${e.stdout}`;
  }
}

/** A file of the upper, read without mounting it. */
export const readUpper = (upper, file) => run('debugfs', ['-R', `cat /upper${file}`, upper]);

export const BOOTSTRAP = {
  block_root: {
    kind: 'oci-erofs',
    lower: '/dev/vda',
    lower_fstype: 'squashfs',
    upper: { kind: 'device', device: '/dev/vdb', fstype: 'ext4' },
  },
  hostname: 'sand',
  default_env: [
    { key: 'FROM', value: 'bootstrap' },
    { key: 'OVER', value: 'bootstrap' },
  ],
};

/** The VMMs that are alive. */
const vmms = new Set();

/** For who is to end before its machines have. */
export function killMachines() {
  for (const vmm of vmms) vmm.kill('SIGKILL');
}

export class Machine {
  console = '';
  exited;

  static async boot(
    dir,
    { upper = path.join(dir, 'upper.ext4'), bootstrap = BOOTSTRAP, ready = true, devices, incoming } = {},
  ) {
    const m = new Machine();
    const sock = path.join(dir, 'agent.sock');
    fs.rmSync(sock, { force: true });
    const server = net.createServer();
    await new Promise((r) => server.listen(sock, r));
    m.t0 = performance.now();
    m.qemu = spawn(
      'qemu-system-x86_64',
      [
        ...'-nodefaults -no-user-config -display none -no-reboot -accel tcg -cpu qemu64 -smp 1 -m 256M'.split(
          ' ',
        ),
        ...'-M microvm,acpi=on,isa-serial=on,rtc=on -global virtio-mmio.force-legacy=false'.split(' '),
        '-kernel',
        process.env.AGENTD_TEST_KERNEL,
        '-initrd',
        path.join(dir, 'init.cpio'),
        '-append',
        `console=ttyS0 quiet loglevel=4 panic=-1 reboot=t no_timer_check${tscKhz() ? ` tsc=reliable tsc_early_khz=${tscKhz()}` : ''}`,
        '-serial',
        'stdio',
        // Before the agent's line, so that it is there when that is.
        '-qmp',
        `unix:${path.join(dir, 'qmp.sock')},server=on,wait=off`,
        '-chardev',
        `socket,id=agent,path=${sock}`,
        '-drive',
        `id=lower,file=${path.join(dir, 'root.sqfs')},format=raw,if=none,readonly=on`,
        '-drive',
        `id=upper,file=${upper},format=raw,if=none,cache=writeback`,
        ...(
          devices ?? [
            'virtio-serial-device',
            'virtserialport,chardev=agent,name=agent',
            'virtio-blk-device,drive=lower',
            'virtio-blk-device,drive=upper',
          ]
        ).flatMap((d) => ['-device', d]),
        ...(incoming ? ['-incoming', 'defer'] : []),
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    for (const s of [m.qemu.stdout, m.qemu.stderr]) s.on('data', (d) => (m.console += d));
    vmms.add(m.qemu);
    m.exited = new Promise((r) =>
      m.qemu.on('exit', (code, signal) => {
        vmms.delete(m.qemu);
        r({ code, signal, at: performance.now() });
      }),
    );
    const socket = await new Promise((r) => server.on('connection', r));
    server.close();
    m.qmp = path.join(dir, 'qmp.sock');
    if (incoming) await m.#migrate([], 'migrate-incoming', `exec:cat ${incoming}`, ['cont']);
    m.line = new Line(socket);
    m.line.onFrame = (f) => f.t === 'core.init.resolved' && m.line.send(0, 'core.init.ack', {});
    if (bootstrap) m.line.send(0, 'core.bootstrap', bootstrap);
    if (ready) {
      const r = m.line.wait((f) => f.t === 'core.ready', 30000, 'core.ready');
      const ended = m.exited.then((e) =>
        Promise.reject(new Error(`VMM ended: ${JSON.stringify(e)}\n${m.console}`)),
      );
      m.ready = (
        await Promise.race([r, ended]).catch((error) => {
          m.qemu.kill('SIGKILL'); // nobody else has it yet, and it would keep this process
          throw error;
        })
      ).p;
      m.readyMs = performance.now() - m.t0;
    }
    return m;
  }

  /**
   * Stops the machine and writes its state into `file`, with which others can be booted as its clones. It stands still
   * before its memory is read: of a page that an emulated processor writes meanwhile, an old state may be what is saved.
   */
  async freeze(file) {
    await this.#migrate(['stop'], 'migrate', `exec:cat > ${file}`);
    await this.kill();
  }

  /** Has the VMM move the machine's state to or from `uri`; the commands before that, and those after it has moved. */
  async #migrate(before, how, uri, after = []) {
    const qmp = net.connect(this.qmp);
    qmp.setTimeout(SILENCE_MS, () => qmp.destroy());
    const said = readline.createInterface(qmp)[Symbol.asyncIterator]();
    const until = async (fits) => {
      for (;;) {
        const { value: line, done } = await said.next();
        if (done)
          throw new Error(`${how}: the VMM has ended, or said nothing for ${SILENCE_MS} ms\n${this.console}`);
        const message = JSON.parse(line);
        const failed = message.event === 'MIGRATION' && message.data.status === 'failed';
        if (message.error || failed) throw new Error(`${how}: ${line}`);
        if (fits(message)) return;
      }
    };
    const ask = (execute, args) => {
      qmp.write(`${JSON.stringify({ execute, arguments: args })}\n`);
      return until((m) => 'return' in m);
    };
    try {
      await ask('qmp_capabilities');
      await ask('migrate-set-capabilities', { capabilities: [{ capability: 'events', state: true }] });
      for (const command of before) await ask(command);
      qmp.write(`${JSON.stringify({ execute: how, arguments: { uri } })}\n`);
      await until((m) => m.event === 'MIGRATION' && m.data.status === 'completed');
      for (const command of after) await ask(command);
    } catch (error) {
      this.qemu.kill('SIGKILL'); // of one that boots nobody else has it yet
      throw error;
    } finally {
      qmp.destroy();
    }
  }

  /** Asks for the shutdown and waits for the machine to end by itself. */
  async shutdown(ms = 20000) {
    const t0 = performance.now();
    this.line.send(0, 'core.shutdown', {});
    const end = await this.end(ms);
    const halted = this.line.frames.at(-1);
    return { ...end, ms: end.at - t0, halted: halted.t === 'msb.halted' ? halted : null };
  }

  async end(ms = 20000) {
    let timer;
    const late = new Promise((_, no) => {
      timer = setTimeout(() => no(new Error(`the machine has not ended in ${ms} ms\n${this.console}`)), ms);
    });
    const end = await Promise.race([this.exited, late]);
    clearTimeout(timer);
    // The socket's last bytes may come after the exit is known.
    if (!this.line.socket.destroyed) await new Promise((r) => this.line.socket.once('close', r));
    return end;
  }

  async kill() {
    this.qemu.kill('SIGKILL');
    await this.exited;
  }
}

/** A machine for a scenario, which is killed when that has ended. */
export async function boot(t, how) {
  const m = t.keep(await Machine.boot(t.dir, how));
  t.note(
    `ready after ${m.readyMs.toFixed(0)} ms; boot ${(m.ready.boot_time_ns / 1e6).toFixed(0)}, init ${(m.ready.init_time_ns / 1e6).toFixed(0)} ms`,
  );
  return m;
}
