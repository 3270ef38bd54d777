import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeFrame } from '../agent/frame.js';
import { encodeMessage } from '../agent/message.js';
import { guestInitramfs } from '../guest/initramfs.js';
import { guestKernel } from '../guest/kernel.js';
import type { Accelerator } from '../host/hypervisor.js';
import { native } from '../host/native.js';
import { privateDirectory } from '../host/paths.js';
import type { SandboxRecord } from '../store/record.js';
import { openLog, type SandboxDirectory } from '../store/sandbox-directory.js';
import { qemu } from '../vmm/qemu.js';
import type { Environment } from './environment.js';
import { Hold } from './hold.js';

/** Room for connections that wait to be accepted; the relay serves 128. */
const backlog = 128;

/**
 * Starts the relay of a sandbox, which starts the VMM. What passes to it, and under which descriptor, is the relay's contract in
 * docs/architecture.md.
 *
 * @param lock stays the caller's to close.
 */
export function spawnRelay(
  environment: Environment,
  directory: SandboxDirectory,
  record: SandboxRecord,
  lock: number,
  accelerator: Accelerator,
): Hold {
  const vmm = machineCommand(environment, directory, record, accelerator);
  const opened: number[] = [];
  const open = (fd: number) => {
    opened.push(fd);
    return fd;
  };
  try {
    directory.forgetExit();
    privateDirectory(environment.places.runtime);
    rmSync(directory.sockets, { recursive: true, force: true }); // left by a relay that was killed
    const nothing = open(openSync('/dev/null', 'r+'));
    const log = open(openLog(directory.vmmLog));
    const configuration = open(bootstrap(directory, record));
    const [leash, theirs] = native.socketPair();
    open(theirs);
    try {
      // The last thing before the relay, which removes it: what is made earlier could be left by a death in between.
      mkdirSync(directory.sockets, { mode: 0o700 });
      const listener = open(native.listenUnix(directory.agentSocket, backlog));
      const { pidfd } = native.spawn({
        file: environment.relay,
        args: [
          ...['--sandbox-dir', directory.path, '--socket', directory.agentSocket],
          ...(record.config.ephemeral ? ['--ephemeral'] : []),
          ...['--', vmm.file, ...vmm.args],
        ],
        env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
        cwd: '/',
        fds: [nothing, log, log, theirs, lock, listener, configuration],
      });
      return new Hold(leash, pidfd);
    } catch (error) {
      closeSync(leash);
      throw error;
    }
  } catch (error) {
    rmSync(directory.sockets, { recursive: true, force: true });
    throw error;
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

function machineCommand(
  environment: Environment,
  directory: SandboxDirectory,
  record: SandboxRecord,
  accelerator: Accelerator,
) {
  const kernel = guestKernel(environment.places);
  return qemu.commandLine({
    accelerator,
    cpus: record.config.cpus,
    memoryMiB: record.config.memoryMib,
    kernel: kernel.image,
    initramfs: guestInitramfs(environment.places, kernel, environment.agent),
    lower: record.image.rootfs,
    upper: directory.upper,
    controlSocket: directory.controlSocket,
  });
}

/** The guest's configuration as an open file whose name is gone: it holds the environment, which may hold secrets. */
function bootstrap(directory: SandboxDirectory, { config }: SandboxRecord): number {
  const frame = encodeFrame({
    id: 0,
    flags: 0,
    body: encodeMessage('core.bootstrap', {
      block_root: {
        kind: 'oci-erofs',
        lower: '/dev/vda',
        lower_fstype: 'squashfs',
        upper: { kind: 'device', device: '/dev/vdb', fstype: 'ext4' },
      },
      hostname: config.hostname,
      default_cwd: config.workdir ?? undefined,
      default_env: Object.entries(config.env).map(([key, value]) => ({ key, value })),
      hangup_after_halted: true,
    }),
  });
  const path = join(directory.path, 'bootstrap');
  try {
    writeFileSync(path, frame, { mode: 0o600 });
    return openSync(path, 'r');
  } finally {
    rmSync(path, { force: true });
  }
}
