/** The public API of msbtest's core, and nothing else. */

import './host/dispose-symbols.js';

export type { AgentReady } from './agent/connection.js';
export { checkUpper, type FileSystemCheck } from './disk/check.js';
export { releaseTemplates } from './engine/live-templates.js';
export type { BootTimes } from './engine/machine.js';
export type { SandboxStopResult, StopPhases, StopResult } from './engine/stop.js';
export type { TemplateProgress } from './engine/template-for.js';
export * from './errors.js';
export {
  type Accelerator,
  acceleratorChoice,
  type HypervisorReport,
  pickAccelerator,
  probeHypervisor,
} from './host/hypervisor.js';
export type { ImagePruneReport } from './image/image-pruner.js';
export { type PatchKind, PatchKinds } from './image/patch.js';
export {
  type PullListener,
  PullPolicies,
  type PullPolicy,
  type PullProgress,
} from './image/pull-progress.js';
export type { RegistryAuth, RegistryConfig } from './image/registry/settings.js';
export { AttachOptionsBuilder } from './sandbox/attach.js';
export { DerivedImageBuilder } from './sandbox/derived-image-builder.js';
export { ExecHandle } from './sandbox/exec-handle.js';
export type { ExecRecord, ExecRecordStatus } from './sandbox/exec-journal.js';
export { ExecSink } from './sandbox/exec-sink.js';
export {
  type ExecEvent,
  ExecOptionsBuilder,
  ExecOutput,
  type ExitStatus,
  Stdin,
  type StdinMode,
  type TerminalSize,
} from './sandbox/exec-types.js';
export { SandboxFsOps } from './sandbox/fs.js';
export type { CopyOptions, CopyProgress } from './sandbox/fs-copy.js';
export { FsReadStream, FsWriteSink } from './sandbox/fs-streams.js';
export type { FsAttributes, FsEntry, FsEntryKind, FsMetadata, FsOptions } from './sandbox/fs-types.js';
export {
  Image,
  type ImageConfigDetail,
  type ImageDetail,
  ImageHandle,
  type ImageLayerDetail,
} from './sandbox/image.js';
export { InitOptionsBuilder } from './sandbox/init-options.js';
export {
  LogEntry,
  type LogReadOptions,
  type LogReadSource,
  type LogSource,
  type LogStreamOptions,
} from './sandbox/log-entry.js';
export { LogStream } from './sandbox/log-stream.js';
export { PatchBuilder, type PatchOptions } from './sandbox/patch-builder.js';
export { type ForwardOptions, PortForward } from './sandbox/port-forward.js';
export {
  PullProgressCreate,
  type PullProgressEvent,
  PullProgressStream,
} from './sandbox/pull-progress-create.js';
export {
  type RegistryAuthKind,
  RegistryAuthKinds,
  RegistryConfigBuilder,
} from './sandbox/registry-config.js';
export { Sandbox } from './sandbox/sandbox.js';
export type { SandboxPingResult, SandboxTouchResult } from './sandbox/sandbox-base.js';
export { type CreateSandboxOptions, SandboxBuilder } from './sandbox/sandbox-builder.js';
export {
  type DestroyOptions,
  type RestartOptions,
  SandboxHandle,
  SandboxListBuilder,
  type SandboxPage,
} from './sandbox/sandbox-handle.js';
export { GiB, KiB, type Mebibytes, MiB, TiB } from './sandbox/size.js';
export { type TcpConnectOptions, TcpStream } from './sandbox/tcp-stream.js';
export {
  WaitFor,
  type WaitForCommandOptions,
  type WaitForFileOptions,
  type WaitForLogOptions,
  type WaitForPortOptions,
  type WaitOptions,
} from './sandbox/wait-for.js';
export {
  type BootRecord,
  type MachineOrigin,
  type Patch,
  type Rlimit,
  type RlimitResource,
  type SandboxConfig,
  type SandboxInit,
  type SandboxStatus,
  SandboxStatuses,
  type SecurityProfile,
} from './store/record.js';
