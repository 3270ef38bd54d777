/** What is PID 1 of a guest instead of the agent. */
export type SandboxInit = {
  /** An absolute path in the guest, or `auto`. */
  readonly cmd: string;
  /** What follows `cmd`, which is `argv[0]`. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
};

/**
 * A change of an image's files, as data. Paths are absolute ones of the guest, except `src`, which is one of the host. `mode` is that of
 * permissions, such as 0o644; without `replace` it is an error if something is there.
 */
export type Patch =
  | PatchOf<
      'text',
      { path: string; content: string; mode?: number | undefined; replace?: boolean | undefined }
    >
  | PatchOf<
      'file',
      { path: string; contentBase64: string; mode?: number | undefined; replace?: boolean | undefined }
    >
  | PatchOf<
      'copyFile',
      { src: string; dst: string; mode?: number | undefined; replace?: boolean | undefined }
    >
  | PatchOf<'copyDir', { src: string; dst: string; replace?: boolean | undefined }>
  | PatchOf<'symlink', { target: string; link: string; replace?: boolean | undefined }>
  | PatchOf<'mkdir', { path: string; mode?: number | undefined }>
  | PatchOf<'remove', { path: string }>
  | PatchOf<'append', { path: string; content: string }>;

type PatchOf<Kind extends string, Fields> = { readonly kind: Kind } & Readonly<Fields>;
/** What a guest's root may do: `default` all, `restricted` what a container's usually may, and less. */
export type SecurityProfile = 'default' | 'restricted';

/** What a sandbox was made with; plain data (and a type rather than an interface, so that it is a `Record` too). */
export type SandboxConfig = {
  readonly name: string;
  readonly image: string;
  /** What is changed of the image's files, in this order; absent: nothing. */
  readonly patches?: readonly Patch[];
  readonly cpus: number;
  /** MiB. */
  readonly memoryMib: number;
  /** Size of the writable disk, MiB; sparse. */
  readonly rootDiskMib: number;
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string | null;
  readonly hostname: string;
  readonly shell: string;
  /** What is PID 1 where the agent is not. */
  readonly init?: SandboxInit | null;
  /** Absent: `default`. */
  readonly security?: SecurityProfile;
  /** Removed as soon as it stops, or its owner dies. */
  readonly ephemeral: boolean;
  /** For whoever lists sandboxes. */
  readonly labels: Readonly<Record<string, string>>;
  /** Who runs commands that name nobody; absent: root. */
  readonly user?: string;
  /** Limits of every command; absent: none. */
  readonly rlimits?: readonly Rlimit[];
  /** What `execDefault()` runs, both in a row; absent: nothing. */
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  /** Seconds after which a machine that nobody uses is stopped; absent: never. */
  readonly idleTimeoutSecs?: number;
  /** Seconds after which it is stopped in any case; absent: never. */
  readonly maxDurationSecs?: number;
};

/** What a process may have a limit of; each is the kernel's `RLIMIT_…`. */
export type RlimitResource =
  | 'cpu'
  | 'fsize'
  | 'data'
  | 'stack'
  | 'core'
  | 'rss'
  | 'nproc'
  | 'nofile'
  | 'memlock'
  | 'as'
  | 'locks'
  | 'sigpending'
  | 'msgqueue'
  | 'nice'
  | 'rtprio'
  | 'rttime';

/** A limit of a process, in the kernel's own units. */
export interface Rlimit {
  readonly resource: RlimitResource;
  readonly soft: number;
  readonly hard: number;
}

/** `record.json`: what a sandbox is. Whether it runs is not in here; a lock tells that. */
export interface SandboxRecord {
  readonly version: 1;
  /** Changes when the name is removed and made again. */
  readonly id: string;
  readonly createdAt: string;
  readonly config: SandboxConfig;
  readonly image: {
    readonly reference: string;
    readonly digest: string;
    readonly rootfs: string;
    /** What a stop sends to the command of `execDefault()`, as the image names it; absent: SIGTERM, as to all others. */
    readonly stopSignal?: string;
  };
}

/** `exit.json`, written by the relay when the VMM has ended; milliseconds since the relay's start. */
export interface ExitRecord {
  readonly startedAtUnixMs: number;
  readonly readyMs: number | null;
  readonly exitMs: number;
  readonly asked: {
    readonly shutdownMs: number | null;
    readonly killMs: number | null;
    readonly ownerDeathMs: number | null;
    /** Both absent in records of before there were such. */
    readonly idleTimeoutMs?: number | null;
    readonly maxDurationMs?: number | null;
  };
  /** How long the machine might run; durations. Absent as those are. */
  readonly limits?: { readonly idleTimeoutMs: number | null; readonly maxDurationMs: number | null };
  /** Why the relay ended the VMM; null when the VMM ended by itself. */
  readonly cause:
    | 'spawn'
    | 'agent-protocol'
    | 'kill'
    | 'owner-death'
    | 'idle-timeout'
    | 'max-duration'
    | null;
  readonly vmm: { readonly pid: number; readonly code: number | null; readonly signal: number | null } | null;
  readonly spawnError: { readonly step: string; readonly errno: number; readonly code: string } | null;
  /** The body of the agent's `msb.halted`, in hex. */
  readonly halted: string | null;
}

/**
 * How a machine came to run. `cold`: its kernel booted. `clone`: it went on from where a template of its shape was frozen. `pool`: the
 * same, ahead of its being asked for.
 */
export type MachineOrigin = 'cold' | 'clone' | 'pool';

/** `boot.json`: where the time went until the machine of its last run was ready; milliseconds. */
export interface BootRecord {
  readonly origin: MachineOrigin;
  /** Whether its VMM is a fork of one that stood still, rather than started. */
  readonly forked: boolean;
  /** Until the relay was started. */
  readonly spawnMs: number;
  /** From there to the agent being ready. */
  readonly guestMs: number;
  /** Of that, until a clone's guest ran; null for one that booted. */
  readonly resumeMs: number | null;
  /** Of that, what the agent took to make a clone a machine of its own; null for one that booted. */
  readonly renewMs: number | null;
  /** What was waited for the machine, from its start or from its being taken out of a pool. */
  readonly totalMs: number;
  /** How many boots it took: more than one where the kernel of an emulated machine was stuck. */
  readonly attempts: number;
}

/** As in the npm package `microsandbox`. */
export const SandboxStatuses = [
  'created',
  'starting',
  'running',
  'draining',
  'paused',
  'stopped',
  'crashed',
] as const;

export type SandboxStatus = (typeof SandboxStatuses)[number];
