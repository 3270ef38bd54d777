/**
 * What a sandbox can be, as the kit sees it. A provider says which of these it has; scenarios that need another are reported as
 * unsupported, with the provider's reason.
 */
export const capabilities = {
  stop: 'stop() lets programs end (SIGTERM first) and keeps what they wrote',
  restart: 'a sandbox that has ended starts again with its files',
  'own-kernel': 'a kernel of its own, so that a kill loses what its guest had not written to the disk',
  streams: 'start() gives a command that can be written to, read and signalled while it runs',
  'exit-signals': 'a command that was ended by a signal says so, and by which',
  'stop-report': 'stop() says whether it was graceful or had to kill',
  'by-name': 'get() finds a sandbox by name, also one that another process has made',
  list: 'list() names the sandboxes that there are',
  'unique-names': 'a name is one sandbox, also when several ask for it at once',
  detach: 'detach() gives a sandbox up, so that it outlives the process that made it',
  'owner-close': 'close() by its owner stops a sandbox gracefully',
  'owner-death': 'a sandbox ends, gracefully, when the process that made it dies',
  ephemeral: 'a sandbox made as ephemeral is removed when the process that made it dies',
  'stop-command': 'stopByCommand() stops a sandbox by the command line of the product',
  replace: 'create() can take a name over from a sandbox that has it',
  'idle-timeout': 'create() takes idleTimeoutSecs',
  'max-duration': 'create() takes maxDurationSecs',
  'second-disk': 'create() takes secondDisk',
  'mapped-writes': 'its guest has the program `mmap-writer PATH BYTES SEED` (fixtures/images/base/src)',
  'vmm-pid': 'vmmPid() gives the process that is the machine',
  'disk-check': 'checkDisk() looks at the file system of a sandbox that does not run',
  init: 'create() takes init: PID 1 is the guest’s own',
  'own-processes': 'it has its own process table, and sees no other processes',
  'own-files': 'it has its own files, and sees no others',
  'own-sockets': 'it has its own network and sockets',
  identity: 'a host name and a machine id of its own',
  'memory-limit': 'create() takes memoryMib, and that is all the memory there is',
  'cpu-limit': 'create() takes cpus',
  'disk-limit': 'create() takes diskMib',
  rlimits: 'create() takes maxOpenFiles',
} as const;

export type Capability = keyof typeof capabilities;

/** How a sandbox is made. A provider has to heed an option if it has the capability that belongs to it. */
export interface CreateOptions {
  readonly name: string;
  /** What every command finds in its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Takes the name over; a sandbox that has it is stopped within so many milliseconds, and 0 kills it at once. */
  readonly replace?: { readonly timeoutMs: number };
  readonly ephemeral?: boolean;
  readonly idleTimeoutSecs?: number;
  readonly maxDurationSecs?: number;
  /** Where a disk of its own is mounted, which is there again after a restart. */
  readonly secondDisk?: string;
  readonly init?: boolean;
  readonly memoryMib?: number;
  readonly cpus?: number;
  /** The size of the disk that `directory` is on. */
  readonly diskMib?: number;
  /** RLIMIT_NOFILE of every command. */
  readonly maxOpenFiles?: number;
}

export interface ExecOptions {
  readonly stdin?: Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
}

/** How a command ended, and what it wrote. */
export interface ExecResult {
  readonly code: number;
  /** The signal that ended it; then `code` means nothing. */
  readonly signal: number | null;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** A command that runs. */
export interface RunningCommand {
  write(data: Uint8Array): Promise<void>;
  /** End of file on its stdin. */
  end(): Promise<void>;
  signal(signal: number): Promise<void>;
  /** Resolves at its end, with all that it wrote; also where it ends with its sandbox. */
  readonly ended: Promise<ExecResult>;
}

export interface StopReport {
  /** Null where the provider does not say. */
  readonly outcome: 'graceful' | 'escalated' | null;
}

/** A sandbox, as its owner or anybody else holds it. */
export interface ProvidedSandbox {
  readonly name: string;
  /** Where scenarios write: an absolute path of a directory, as commands see it, that outlives a restart. Never shared. */
  readonly directory: string;
  /** Runs a program, found by `PATH`, with exactly these arguments and without a shell, to its end. */
  exec(command: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Ends everything in it, gracefully within so many milliseconds. */
  stop(timeoutMs: number): Promise<StopReport>;
  /** Ends everything in it at once. Resolves when it is over, also if nothing ran. */
  kill(): Promise<void>;
  /** Removes it with its files; it does not run. */
  remove(): Promise<void>;
  isRunning(): Promise<boolean>;

  /** Capability `restart`. */
  startAgain?(): Promise<ProvidedSandbox>;
  /** Resolves when it has ended by itself. Capabilities `idle-timeout`, `max-duration`. */
  waitUntilStopped?(): Promise<void>;
  /** Capability `streams`. */
  start?(command: readonly string[]): Promise<RunningCommand>;
  /** Capability `detach`. */
  detach?(): Promise<void>;
  /** What its owner does when it is done with it. Capability `owner-close`. */
  close?(): Promise<void>;
  /** Capability `vmm-pid`. */
  vmmPid?(): Promise<number>;
  /** What is wrong with its file system; null when nothing is. Capability `disk-check`. */
  checkDisk?(): Promise<string | null>;
}

/** A sandbox product, or one configuration of it. It is the default export of a module, which the kit loads in several processes. */
export interface Provider {
  readonly name: string;
  /** `true` for what it has; a text says why not. What is not mentioned it has not. */
  readonly capabilities: Readonly<Partial<Record<Capability, true | string>>>;
  /** Whether it can run here. */
  probe(): Promise<Probe>;
  create(options: CreateOptions): Promise<ProvidedSandbox>;

  /** The longest name, in bytes of UTF-8. Capability `unique-names`. */
  readonly longestName?: number;
  /** What `/proc/1/exe` leads to where the init is the guest's own. Capability `init`. */
  readonly initProgram?: string;
  /** A sandbox by its name, whether it runs or not. Rejects when there is none. Capability `by-name`. */
  get?(name: string): Promise<ProvidedSandbox>;
  /** Capability `list`. */
  list?(): Promise<readonly string[]>;
  /** Capability `stop-command`. */
  stopByCommand?(name: string): Promise<void>;
  /** Lets go of whatever it keeps, at the end of a run. */
  close?(): Promise<void>;
}

/** `unsupported` is why it cannot run on this machine. */
export type Probe = { readonly ok: true } | { readonly unsupported: string };

/** Why a provider cannot do something; null when it can. */
export function lackOf(provider: Provider, needs: readonly Capability[]): string | null {
  for (const need of needs) {
    const has = provider.capabilities[need];
    if (has === true) continue;
    return has ?? `${provider.name} does not say that it has "${need}": ${capabilities[need]}`;
  }
  return null;
}
