import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeFrame } from '../agent/frame.js';
import { encodeMessage } from '../agent/message.js';
import { guestInitramfs } from '../guest/initramfs.js';
import { guestKernel } from '../guest/kernel.js';
import type { Accelerator } from '../host/hypervisor.js';
import { native } from '../host/native.js';
import { checkSocketPath, privateDirectory } from '../host/paths.js';
import type { SandboxRecord } from '../store/record.js';
import { openLog, type SandboxDirectory } from '../store/sandbox-directory.js';
import { qemu } from '../vmm/qemu.js';
import type { Environment } from './environment.js';
import { Hold } from './hold.js';

/**
 * Starts the relay of a sandbox, which makes the socket for clients and starts the VMM. What passes to it, and under which
 * descriptor, is the relay's contract in docs/architecture.md.
 *
 * @param lock stays the caller's to close.
 * @returns the hold on it; whether it has come up is for {@link Hold.ready} to say.
 */
export function spawnRelay(
  environment: Environment,
  directory: SandboxDirectory,
  record: SandboxRecord,
  lock: number,
  accelerator: Accelerator,
): Hold {
  checkSocketPath(directory.agentSocket);
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
    try {
      const { pid, pidfd } = native.spawn({
        file: environment.relay,
        args: [
          ...['--sandbox-dir', directory.path, '--socket', directory.agentSocket],
          ...(record.config.ephemeral ? ['--ephemeral'] : []),
          ...['--', vmm.file, ...vmm.args],
        ],
        env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
        cwd: '/',
        fds: [nothing, log, log, theirs, lock, configuration],
      });
      return new Hold(leash, pidfd, pid);
    } catch (error) {
      native.closeFd(leash);
      throw error;
    } finally {
      native.closeFd(theirs);
    }
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
  const kernel = guestKernel();
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
