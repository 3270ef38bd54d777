import type { Verdicts } from './table.js';
import { differs, never, notYet, richer } from './verdict.js';

const stopResult =
  'Resolves with how it went: outcome, phases, exit code, signal, duration. Theirs resolves with nothing.';
const noDaemonLog =
  'Our processes keep no log of their own; what a VMM or a guest says is kept whole, and bounded.';
const noNetwork =
  'Guests have no network device yet; ports of theirs are reached with connect() and forward().';
const noVolumes = 'There are no volumes yet.';
const noSnapshots =
  'There are no snapshots yet; each machine is a clone of a template, which costs a tenth of a second.';
const noSsh = 'There is no SSH server yet; commands run over the agent’s own line.';
const logs =
  'Bytes as they were; over all runs of a sandbox, and the console line by line, with its times. Entries that were lost are told by a typed error.';
const noMetrics = 'Nothing is measured yet.';
const noCloud = 'There is no cloud, so there are no backends to choose from.';
const noModify =
  'A sandbox is what it was made as, yet; another is made in the time that changing one would take.';
const noRuntime =
  'There is no runtime to be downloaded: the packages are complete, and msbtest doctor says what is missing.';
const noDisks =
  'The root is an image’s layers under one ext4 disk, whose size is all that can be chosen yet.';
const patches =
  'Become a layer of an image, made once and found again by its content, so that clones and templates have them too.';
const patchFailed = 'Has the number, the kind and the path of the patch.';
const noAgentClient = 'The relay’s socket speaks the same protocol; a client of it is not for users yet.';
const init =
  'A stop waits for what services write on their way down, and leaves a clean file system, whatever the init does. PID 1 is that of a PID namespace, not of the kernel’s own; a template has no init, and `auto` appends no command.';
const attach =
  'The terminal is as it was afterwards also where the machine dies, the guest is stuck, or a signal ends the process. A signal that ended the command is told as shells tell it, 128 + n.';
const noPlacement =
  'VMMs are ordinary processes; where they run is the host’s business, and the test runner’s places bound how many there are.';
const noDatabase = 'There is no database: the state is files, and liveness a lock.';
const otherConfig =
  'Typed and flat, with keys of its own: memoryMib, rootDiskMib, … Theirs is a record of unknown values.';
const noUse = 'Nobody would throw it.';
const noGrowth = 'Memory and processors cannot be added to a machine that runs yet.';

/**
 * What the compiler cannot tell: how things that we have differ in what they do, and why there is what we lack. Keys are those of the
 * table: `Class#member`, `Class.static`, `new Class`, `Type#property`; the name of an export that we lack speaks for all of its members.
 * `npm run compatibility` names each that is missing, and each that contradicts the declarations.
 */
export const verdicts: Verdicts = {
  // Sandbox
  'Sandbox#execDefaultWith': richer('A time-out keeps the output so far; AbortSignals.'),
  'Sandbox#execDefaultStreamWith': richer('The time-out holds for streams too; theirs ignores it there.'),
  'Sandbox#exec': richer(
    'stdin is /dev/null unless something else is asked for, so what reads it ends; in theirs `cat` waits for ever.',
  ),
  'Sandbox#execWith': richer('A time-out keeps the output so far, which theirs throws away; AbortSignals.'),
  'Sandbox#execStreamWith': richer(
    'The time-out holds for streams too; theirs ignores it there. AbortSignals.',
  ),
  'Sandbox#config': differs(otherConfig),
  'Sandbox#ping': richer('An error says whether the machine stopped, crashed, or was replaced.'),
  'Sandbox#stop': richer(stopResult),
  'Sandbox#stopWithTimeout': richer(`${stopResult} That it escalated to a kill is told.`),
  'Sandbox#waitUntilStopped': richer(
    'Tells a crash from a stop, and the signal of a kill. Takes an AbortSignal.',
  ),
  'Sandbox#[Symbol.asyncDispose]': richer(
    'An error is thrown, not swallowed; an ephemeral sandbox is gone when it resolves.',
  ),
  'Sandbox#restart': richer('A stop that failed is told; the old object gives up the ownership.'),
  'Sandbox#attach': richer(attach),
  'Sandbox#attachDefault': richer(attach),
  'Sandbox#attachDefaultWith': richer(attach),
  'Sandbox#attachShell': richer(attach),
  'Sandbox#attachWith': richer(`${attach} A time-out; AbortSignals; onDetach tells of the detach keys.`),
  'Sandbox#logStream': richer(`${logs} AbortSignals; one that follows ends with the machine.`),
  'Sandbox#logs': richer(logs),
  'Sandbox#metrics': notYet(noMetrics),
  'Sandbox#metricsStream': notYet(noMetrics),
  'Sandbox#modify': notYet(noModify),
  'Sandbox#requestDrain': never(
    'Theirs promises to let commands finish and does not, nor does it write anything to the disk.',
    'Sandbox#requestStop',
  ),
  'Sandbox#ssh': notYet(noSsh),
  'Sandbox#waitForStatus': notYet(),

  // SandboxHandle
  'SandboxHandle#status': richer(
    'From the lock that a live machine holds, so no crash leaves one "running".',
  ),
  'SandboxHandle#createdAt': richer('Never null.'),
  'SandboxHandle#updatedAt': richer('Never null.'),
  'SandboxHandle#configJson': differs(`${otherConfig} SandboxBuilder.fromSpecJson takes it.`),
  'SandboxHandle#config': differs(otherConfig),
  'SandboxHandle#stop': richer(stopResult),
  'SandboxHandle#stopWithTimeout': richer(`${stopResult} That it escalated to a kill is told.`),
  'SandboxHandle#restart': richer('A stop that failed is told.'),
  'SandboxHandle#waitUntilStopped': richer(
    'Hears of the end from the kernel rather than by polling a table; tells a crash from a stop. Takes an AbortSignal.',
  ),
  'SandboxHandle#logStream': richer(`${logs} AbortSignals; one that follows ends with the machine.`),
  'SandboxHandle#logs': richer(logs),
  'SandboxHandle#metrics': notYet(noMetrics),
  'SandboxHandle#modify': notYet(noModify),
  'SandboxHandle#requestDrain': never(
    'Theirs promises to let commands finish and does not, nor does it write anything to the disk.',
    'SandboxHandle#requestStop',
  ),
  'SandboxHandle#snapshot': notYet(noSnapshots),
  'SandboxHandle#waitForStatus': notYet(),

  // SandboxBuilder
  'SandboxBuilder#create': richer(
    'Transactional: a create that fails leaves no name, process or file. Takes an AbortSignal.',
  ),
  'SandboxBuilder#build': differs(otherConfig),
  'SandboxBuilder#replaceWithTimeout': richer(
    'What is replaced is stopped gracefully, with its writes; theirs is ended by a signal.',
  ),
  'SandboxBuilder#replace': richer(
    'What is replaced is stopped gracefully, with its writes; theirs is ended by a signal.',
  ),
  'SandboxBuilder#hostname': differs('At most 63 characters, as DNS has it, rather than 64.'),
  'SandboxBuilder#ephemeral': richer('Gone with its owner, however that ends.'),
  'SandboxBuilder#rlimit': richer('Of each command rather than of the agent; a command may name its own.'),
  'SandboxBuilder#rlimitRange': richer(
    'Of each command rather than of the agent; a command may name its own.',
  ),
  'SandboxBuilder#rootDisk': differs(`Takes a size in MiB only. ${noDisks}`),
  'SandboxBuilder#cpuPlacement': never(noPlacement),
  'SandboxBuilder#deploymentProfile': never('A profile for many tenants is of no use to tests of one.'),
  'SandboxBuilder#disableMetricsSample': notYet(noMetrics),
  'SandboxBuilder#disableNetwork': notYet(noNetwork),
  'SandboxBuilder#fromSnapshot': notYet(noSnapshots),
  'SandboxBuilder#idleTimeout': richer(
    'Counts from when the machine is its user’s; a later command hears why it is gone.',
  ),
  'SandboxBuilder#imageWith': notYet(noDisks),
  'SandboxBuilder#init': richer(init),
  'SandboxBuilder#initWith': richer(init),
  'SandboxBuilder#libkrunfwPath': never('The VMM is QEMU; MSB_QEMU and MSB_KERNEL name others.'),
  'SandboxBuilder#logLevel': never(noDaemonLog),
  'SandboxBuilder#maxCpus': notYet(noGrowth),
  'SandboxBuilder#maxDuration': richer(
    'Stops gracefully, where theirs ends the machine and loses what was not synced.',
  ),
  'SandboxBuilder#maxMemory': notYet(noGrowth),
  'SandboxBuilder#metricsSampleIntervalMs': notYet(noMetrics),
  'SandboxBuilder#network': notYet(noNetwork),
  'SandboxBuilder#patch': richer(patches),
  'SandboxBuilder#placementProfile': never(noPlacement),
  'SandboxBuilder#port': notYet(noNetwork),
  'SandboxBuilder#portBind': notYet(noNetwork),
  'SandboxBuilder#portUdp': notYet(noNetwork),
  'SandboxBuilder#portUdpBind': notYet(noNetwork),
  'SandboxBuilder#proxy': notYet(noNetwork),
  'SandboxBuilder#createWithPullProgress': richer(
    'Takes an AbortSignal. All layers together become one root, so nothing is told of `layerMaterialize…` and of formats.',
  ),
  'SandboxBuilder#quietLogs': never(noDaemonLog),
  'SandboxBuilder#script': notYet(
    'There is nothing yet that puts files into a guest before its first command.',
  ),
  'SandboxBuilder#scripts': notYet(
    'There is nothing yet that puts files into a guest before its first command.',
  ),
  'SandboxBuilder#secret': notYet(noNetwork),
  'SandboxBuilder#secretEnv': notYet(noNetwork),
  'SandboxBuilder#thp': never('Huge pages work against memory that is shared between clones.'),
  'SandboxBuilder#volume': notYet(noVolumes),
  'SandboxBuilder#vsock': notYet(noNetwork),
  'SandboxBuilder#vsockDgram': notYet(noNetwork),

  // Commands
  'ExecHandle#recv': differs(
    'There is one kind of event more, `stdinError`: the command did not read all of its input. Theirs turns it into undefined. `exited` has the signal.',
  ),
  'ExecHandle#[Symbol.asyncIterator]': differs(
    'There is one kind of event more, `stdinError`, and `exited` has the signal.',
  ),
  'ExecHandle#wait': richer('Tells the signal that ended the command, which theirs loses.'),
  'ExecHandle#collect': richer(
    'A time-out keeps the output so far. More than 64 MiB is an error rather than the host’s memory.',
  ),
  'ExecHandle#takeStdin': richer('Writing waits for the command to read, with a bounded amount on its way.'),
  'ExecOutput#status': richer('With the signal.'),
  'ExecOptionsBuilder#timeout': richer(
    'Kept by the host, however stuck the guest is; also for streams. The output so far is kept.',
  ),
  'ExecOptionsBuilder#stdinNull': richer('Really /dev/null; in theirs it is a pipe that nobody closes.'),
  'ExecOptionsBuilder#stdinBytes': richer('Takes texts too.'),
  'ExecOptionsBuilder#tty': richer(
    'Takes the terminal’s size too. Why there is no terminal is told, step by step.',
  ),
  'ExecOptionsBuilder#args': richer('Takes any iterable.'),
  ExitStatus: richer('Has the signal.'),
  ExecEvent: differs('`stdinError` is one kind more, and `exited` has the signal.'),
  'AttachOptionsBuilder#args': richer('Takes any iterable.'),
  'InitOptionsBuilder#args': richer('Takes any iterable.'),

  // Images
  'Image.load': richer(
    'Takes directories, compressed archives and plain root file systems too. With { tag } one image comes, under that name; theirs takes all and names the first so besides.',
  ),
  'Image.save': notYet(),
  'ImageHandle#architecture': richer('Never null.'),
  'ImageHandle#createdAt': richer('Never null.'),
  'ImageHandle#manifestDigest': richer('Never null.'),
  'ImageHandle#os': richer('Never null.'),
  'ImageHandle#sizeBytes': richer('Never null.'),
  ImageBuilder: notYet(noDisks),
  ImageDetail: richer('Its config is never null, nor is what is known of a layer.'),
  'ImageDetail#config': richer('Never null.'),
  'ImageDetail#layers': richer('With what is known of each.'),
  ImageLayerDetail: richer('What is known of it is never null.'),
  'ImageLayerDetail#compressedSizeBytes': richer('Never null.'),
  'ImageLayerDetail#erofsSizeBytes': differs('Always null: all layers together become one squashfs.'),
  'ImageLayerDetail#mediaType': richer('Never null.'),
  ImagePruneReport: differs('Counts roots, `rootsRemoved`, since there are no fsmeta and no VMDK files.'),
  'ImagePruneReport#bytesReclaimed': richer('Never null.'),
  'ImagePruneReport#fsmetaRemoved': differs('Always 0: there are none.'),
  'ImagePruneReport#vmdkRemoved': differs('Always 0: there are none.'),
  PullProgressStream: richer('The kind of an event is typed.'),
  'PullProgressStream#recv': richer('The kind of an event is typed.'),
  PullProgressEvent: richer('Its kind is typed.'),
  'PullProgressEvent#kind': richer('Typed.'),
  DiskImageFormat: notYet(noDisks),
  DiskImageFormats: notYet(noDisks),
  RootDiskBuilder: notYet(noDisks),
  RootfsSource: notYet(noDisks),
  RootfsSourceKind: notYet(noDisks),
  RootfsSourceKinds: notYet(noDisks),
  intoRootfsSource: notYet(noDisks),
  'PatchBuilder#build': differs(
    'Bytes are contentBase64 rather than contentBytes, so that all of it is JSON.',
  ),

  // Data
  SandboxConfig: differs(otherConfig),
  Mebibytes: differs(
    'A number with a mark of its own, so one of theirs is not one of ours; both are taken wherever a number is.',
  ),
  GiB: differs('Gives our Mebibytes.'),
  KiB: differs('Gives our Mebibytes.'),
  MiB: differs('Gives our Mebibytes.'),
  TiB: differs('Gives our Mebibytes.'),

  // Errors
  MicrosandboxError: differs(
    'Has codes of ours beside theirs. isMicrosandboxError() knows one of another copy of the package too.',
  ),
  'MicrosandboxError#code': differs(
    'There are codes that theirs have not, and none for what cannot happen here.',
  ),
  'new MicrosandboxError': differs('Takes our codes.'),
  MicrosandboxErrorCode: differs(
    'There are codes that theirs have not, and none for what cannot happen here.',
  ),
  ExecTimeoutError: richer('Has the output until then; timeoutMs is never null.'),
  'ExecTimeoutError#timeoutMs': richer('Never null.'),
  'new SandboxFsOpsError': differs('Takes the path and the errno, which the error then has.'),
  SandboxFsOpsError: richer('Has the path, and the guest’s errno by name.'),
  'new HttpError': differs('Takes the status, which the error then has.'),
  'new ExecTimeoutError': differs('Takes the output that there was, too.'),
  CloudHttpError: never(noCloud),
  CustomError: never('Each error here has a class that says what happened.', 'MicrosandboxError'),
  DatabaseError: never(noDatabase, 'IoError'),
  JsonError: never(
    'What cannot be read is told as what it is: a wrong configuration, a damaged image.',
    'InvalidConfigError',
    'ImageError',
  ),
  LibkrunfwNotFoundError: never('The VMM is QEMU.', 'MissingDependencyError'),
  MetricsDisabledError: notYet(noMetrics),
  MetricsUnavailableError: notYet(noMetrics),
  NixError: never('System calls that fail are told as what they mean.', 'IoError'),
  PatchFailedError: richer(patchFailed),
  'new PatchFailedError': differs('Takes what the error then has.'),
  ProtocolError: never('Ours is named for whose protocol it is.', 'AgentProtocolError'),
  RuntimeError: never(
    'One class for all that can go wrong says nothing; a boot that fails is told with its phase and the console’s last lines.',
    'BootFailedError',
    'SandboxCrashedError',
    'TimeoutError',
  ),
  UnsupportedError: never(noUse),
  UnsupportedOperationError: never(noUse),
  VolumeAlreadyExistsError: notYet(noVolumes),
  VolumeNotFoundError: notYet(noVolumes),

  // Files, logs, measures
  FsEntry: richer('Has owner, group and times too.'),
  FsMetadata: richer('Has owner, group and the time of the last access too.'),
  'FsMetadata#created': differs('Always null: the guest does not tell it.'),
  LogLevel: never(noDaemonLog),
  LogLevels: never(noDaemonLog),
  MetricsStream: notYet(noMetrics),
  SandboxMetrics: notYet(noMetrics),
  allSandboxMetrics: notYet(noMetrics),

  // Snapshots and volumes
  SaveOpts: notYet(noSnapshots),
  Snapshot: notYet(noSnapshots),
  SnapshotBuilder: notYet(noSnapshots),
  SnapshotHandle: notYet(noSnapshots),
  SnapshotScope: notYet(noSnapshots),
  SnapshotState: notYet(noSnapshots),
  SnapshotVerifyReport: notYet(noSnapshots),
  HostPermissions: notYet(noVolumes),
  HostPermissionsList: notYet(noVolumes),
  MountBuilder: notYet(noVolumes),
  StatVirtualization: notYet(noVolumes),
  StatVirtualizations: notYet(noVolumes),
  Volume: notYet(noVolumes),
  VolumeBuilder: notYet(noVolumes),
  VolumeFs: notYet(noVolumes),
  VolumeFsReadStream: notYet(noVolumes),
  VolumeFsWriteSink: notYet(noVolumes),
  VolumeHandle: notYet(noVolumes),
  VolumeMount: notYet(noVolumes),
  VolumeMountKind: notYet(noVolumes),
  VolumeMountKinds: notYet(noVolumes),

  // Network
  Action: notYet(noNetwork),
  Destination: notYet(noNetwork),
  DestinationGroup: notYet(noNetwork),
  DestinationGroups: notYet(noNetwork),
  Direction: notYet(noNetwork),
  DnsBuilder: notYet(noNetwork),
  InterfaceOverridesBuilder: notYet(noNetwork),
  NetworkBuilder: notYet(noNetwork),
  NetworkPolicy: notYet(noNetwork),
  NetworkPolicyBuilder: notYet(noNetwork),
  NetworkProfile: notYet(noNetwork),
  NetworkRateLimiterBuilder: notYet(noNetwork),
  OutboundProxy: notYet(noNetwork),
  OutboundProxyBuilder: notYet(noNetwork),
  PortRange: notYet(noNetwork),
  Protocol: notYet(noNetwork),
  RateLimiterBuilder: notYet(noNetwork),
  Rule: notYet(noNetwork),
  RuleBuilder: notYet(noNetwork),
  RuleDestinationBuilder: notYet(noNetwork),
  SecretBuilder: notYet(noNetwork),
  SecretSource: notYet(noNetwork),
  Socks4ProxyBuilder: notYet(noNetwork),
  Socks5ProxyBuilder: notYet(noNetwork),
  TlsBuilder: notYet(noNetwork),
  ViolationAction: notYet(noNetwork),
  ViolationActions: notYet(noNetwork),

  // SSH, and the agent's own line
  SandboxSshOps: notYet(noSsh),
  SftpClient: notYet(noSsh),
  SshAttachOptions: notYet(noSsh),
  SshClient: notYet(noSsh),
  SshClientOptions: notYet(noSsh),
  SshExecOptions: notYet(noSsh),
  SshOutput: notYet(noSsh),
  SshServer: notYet(noSsh),
  SshServerOptions: notYet(noSsh),
  AgentClient: notYet(noAgentClient),
  AgentConnectOptions: notYet(noAgentClient),
  AgentStream: notYet(noAgentClient),
  FLAG_SESSION_START: notYet(noAgentClient),
  FLAG_SHUTDOWN: notYet(noAgentClient),
  FLAG_TERMINAL: notYet(noAgentClient),
  RawFrame: notYet(noAgentClient),

  // Changing a sandbox
  ChangeKind: notYet(noModify),
  ConfigPlannedChange: notYet(noModify),
  ModificationConflict: notYet(noModify),
  ModificationDisposition: notYet(noModify),
  ModificationPolicy: notYet(noModify),
  ModificationWarning: notYet(noModify),
  ModifyOptions: notYet(noModify),
  PlannedChange: notYet(noModify),
  ResourceConvergenceState: notYet(noModify),
  ResourceKind: notYet(noModify),
  ResourceResizeStatus: notYet(noModify),
  SandboxModificationPlan: notYet(noModify),
  SecretChangeKind: notYet(noModify),
  SecretModifySpec: notYet(noModify),
  SecretPlannedChange: notYet(noModify),

  // The host
  BackendInfo: never(noCloud),
  CpuPlacement: never(noPlacement),
  DefaultBackend: never(noCloud),
  DeploymentProfile: never('A profile for many tenants is of no use to tests of one.'),
  Setup: never(noRuntime, 'probeHypervisor'),
  defaultBackendInfo: never(noCloud),
  defaultBackendKind: never(noCloud),
  install: never(noRuntime, 'probeHypervisor'),
  isInstalled: never(noRuntime, 'probeHypervisor'),
  setDefaultBackend: never(noCloud),
  setRuntimeLibkrunfwPath: never('The VMM is QEMU; MSB_QEMU and MSB_KERNEL name others.'),
  setup: never(noRuntime, 'probeHypervisor'),
  withDefaultBackend: never(noCloud),
};
