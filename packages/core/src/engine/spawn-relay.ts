import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Descriptor } from '../host/descriptor.js';
import { native } from '../host/native.js';
import { checkSocketPath, privateDirectory } from '../host/paths.js';
import { openLog, type SandboxDirectory } from '../store/sandbox-directory.js';
import type { CommandLine } from '../vmm/vmm.js';
import type { Environment } from './environment.js';
import { Hold } from './hold.js';

/** A relay as it is to be started: what is said of its VMM comes after these arguments and these descriptors. */
export interface RelayStart {
  readonly file: string;
  readonly args: readonly string[];
  /** From 0 on. */
  readonly fds: readonly number[];
}

/** Starts a relay and its VMM, and takes over what it has opened for that. */
export type StartVmm = (relay: RelayStart) => Promise<{ readonly pid: number; readonly pidfd: number }>;

/**
 * Has the relay start a VMM.
 *
 * @param descriptors what the VMM inherits beside the lines that each has, from descriptor 5 on.
 */
export function newVmm(command: CommandLine, descriptors: readonly Descriptor[] = []): StartVmm {
  return async (relay) => {
    try {
      return native.spawn({
        file: relay.file,
        args: [
          ...relay.args,
          ...(descriptors.length > 0 ? ['--vmm-descriptors', `${descriptors.length}`] : []),
          ...['--', command.file, ...command.args],
        ],
        env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
        cwd: '/',
        fds: [...relay.fds, ...descriptors.map(({ fd }) => fd)],
      });
    } finally {
      for (const descriptor of descriptors) descriptor[Symbol.dispose]();
    }
  };
}

/**
 * Starts the relay of a sandbox, which makes the socket for clients, with its VMM. What passes to it, and under which descriptor, is
 * the relay's contract in docs/architecture.md.
 *
 * @param lock stays the caller's to close.
 * @returns the hold on it; whether it has come up is for {@link Hold.ready} to say.
 */
export async function spawnRelay(
  environment: Environment,
  directory: SandboxDirectory,
  lock: number,
  machine: {
    readonly ephemeral: boolean;
    /** What the agent is told first. */
    readonly firstFrame: Uint8Array;
    readonly start: StartVmm;
  },
): Promise<Hold> {
  checkSocketPath(directory.agentSocket);
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
      const { pid, pidfd } = await machine.start({
        file: environment.relay,
        args: [
          ...['--sandbox-dir', directory.path, '--socket', directory.agentSocket],
          ...(machine.ephemeral ? ['--ephemeral'] : []),
        ],
        fds: [nothing, log, log, theirs, lock, firstFrame],
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
