import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { native } from '../host/native.js';
import { checkSocketPath, privateDirectory } from '../host/paths.js';
import { openLog, type SandboxDirectory } from '../store/sandbox-directory.js';
import type { Environment } from './environment.js';
import { Hold } from './hold.js';
import type { Launch } from './launch.js';

/**
 * Starts the relay of a sandbox, which makes the socket for clients and starts the VMM. What passes to it, and under which
 * descriptor, is the relay's contract in docs/architecture.md.
 *
 * @param machine.lock stays the caller's to close.
 * @returns the hold on it; whether it has come up is for {@link Hold.ready} to say.
 */
export function spawnRelay(
  environment: Environment,
  directory: SandboxDirectory,
  machine: Launch & { readonly ephemeral: boolean; readonly lock: number },
): Hold {
  checkSocketPath(directory.agentSocket);
  const { command, descriptors } = machine;
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
    const firstFrame = open(unnamed(join(directory.path, 'first-frame'), machine.firstFrame));
    const [leash, theirs] = native.socketPair();
    try {
      const { pid, pidfd } = native.spawn({
        file: environment.relay,
        args: [
          ...['--sandbox-dir', directory.path, '--socket', directory.agentSocket],
          ...(machine.ephemeral ? ['--ephemeral'] : []),
          ...(descriptors.length > 0 ? ['--vmm-descriptors', `${descriptors.length}`] : []),
          ...['--', command.file, ...command.args],
        ],
        env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
        cwd: '/',
        fds: [nothing, log, log, theirs, machine.lock, firstFrame, ...descriptors.map(({ fd }) => fd)],
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

/** An open file whose name is gone: it holds the guest's environment, which may hold secrets. */
function unnamed(path: string, content: Uint8Array): number {
  try {
    writeFileSync(path, content, { mode: 0o600 });
    return openSync(path, 'r');
  } finally {
    rmSync(path, { force: true });
  }
}
