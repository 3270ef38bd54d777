/** As Node's own: errno is negative, the message starts with the code and ends with the call and the path. */
export interface SystemError extends Error {
  code: string;
  errno: number;
  syscall: string;
  path?: string;
}

export type HypervisorProbe =
  | { ok: true; apiVersion: number }
  | {
      ok: false;
      step: 'open' | 'KVM_GET_API_VERSION' | 'KVM_CREATE_VM' | 'hv_vm_create' | 'unsupported';
      code: string;
      errno: number;
    };

/** Opens the device (default /dev/kvm) O_RDWR|O_CLOEXEC, asks its version, creates a VM and closes it again. */
export function probeKvm(path?: string): HypervisorProbe;

/** Step `unsupported` elsewhere than on macOS. */
export function probeHvf(): HypervisorProbe;

/** The flock of a file that exists, if nobody holds it: the descriptor, for closeFd; null when somebody does. A symbolic link is an error. */
export function tryLockFile(path: string): number | null;

/**
 * Opens path (created 0600 if missing, O_CLOEXEC, O_NOFOLLOW) and waits for its flock on a thread; resolves to the
 * descriptor, for closeFd. Rejects with code ETIMEDOUT after timeoutMs. A lock that arrives late is released.
 * Whether path still names that file, after the wait, is for the caller to check. Any number may hold it shared; who does not
 * waits for all of them.
 */
export function lockFile(path: string, timeoutMs: number, shared?: boolean): Promise<number>;

/**
 * Closes fd when the thread of JavaScript that calls this ends, in whatever way, if closeFd was not called before: for a process
 * the kernel does that, for a worker thread nobody. A socket is shut down first.
 */
export function ownFd(fd: number): void;

/** For descriptors from here: Node keeps count of those that its own `fs` opened. */
export function closeFd(fd: number): void;

/** [ours, theirs], SOCK_STREAM, close-on-exec. */
export function socketPair(): [number, number];

/**
 * [ours, theirs], SOCK_SEQPACKET, close-on-exec: what is sent arrives whole or not at all. Throws where the system has no such
 * sockets, as macOS.
 */
export function messagePair(): [number, number];

/**
 * Sends one message on our end of a {@link messagePair}, with copies of those descriptors, and resolves to the next that comes: its
 * bytes and its descriptors, which are the caller's to close. Rejects with code EPIPE when the other side has gone, ETIMEDOUT, or
 * EMSGSIZE for more than 32 KiB or 64 descriptors.
 */
export function ask(
  socket: number,
  bytes: Uint8Array,
  fds: readonly number[],
  timeoutMs: number,
): Promise<{ bytes: Buffer; fds: number[] }>;

/** The rate of this processor's time-stamp counter in kHz, measured for 20 ms, which this blocks; 0 where there is none. */
export function measureTscKhz(): number;

export interface SpawnOptions {
  file: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
  /** The child's descriptor i is fds[i]. */
  fds: readonly number[];
}

/**
 * Starts a process in a session of its own with exactly those descriptors. `file` is a path (PATH is not searched);
 * args are those after argv[0]. Throws a SystemError (syscall 'execve', 'chdir' …) where it can't be executed.
 */
export function spawn(options: SpawnOptions): { pid: number; pidfd: number };

/** ESRCH where the process is gone. */
export function pidfdOpen(pid: number): number;

/** false: it had ended already. */
export function pidfdSignal(pidfd: number, signal: number): boolean;

/**
 * Resolves when the process has ended, and reaps it; waits that are pending together get the same answer. exitCode and
 * signal are null for a process that is not our child, or that an earlier wait has reaped. Closes nothing. Rejects with
 * code ETIMEDOUT. A pending wait keeps the event loop alive; its timeout bounds that.
 */
export function pidfdWait(
  pidfd: number,
  timeoutMs: number,
): Promise<{ exitCode: number | null; signal: number | null }>;

/**
 * Reflink where the file system can, else a copy that keeps holes. dst must not exist, and is made 0600; a failed copy
 * leaves none. bytes: data really copied.
 */
export function cloneFile(src: string, dst: string): Promise<{ method: 'reflink' | 'sparse'; bytes: number }>;

/** The relay: one per machine, it owns the VMM and the only line to its agent. */
export const relayPath: string;

/** What is preloaded into a QEMU so that it can be forked; built on Linux for x64 only. See native/fork. */
export const forkLibraryPath: string;
