/**
 * Every error that this library throws on purpose. Names and codes follow the npm package `microsandbox` where both have
 * the error; the rest are ours. A message names the thing, the cause and the remedy; where a VM was involved,
 * `console` holds the last lines that its guest printed.
 */

/** Machine-readable kind of a {@link MicrosandboxError}. */
export type MicrosandboxErrorCode =
  | 'agentProtocol'
  | 'bootFailed'
  | 'connectFailed'
  | 'execFailed'
  | 'execTimeout'
  | 'http'
  | 'hypervisorUnavailable'
  | 'image'
  | 'imageInUse'
  | 'imageNotFound'
  | 'invalidConfig'
  | 'invalidCursor'
  | 'io'
  | 'missedRotation'
  | 'missingDependency'
  | 'noDefaultCommand'
  | 'outputLimit'
  | 'patchFailed'
  | 'sandboxAlreadyExists'
  | 'sandboxCrashed'
  | 'sandboxFsOps'
  | 'sandboxNotFound'
  | 'sandboxNotRunning'
  | 'sandboxReplaced'
  | 'sandboxStillRunning'
  | 'terminal'
  | 'testMachine'
  | 'timeout';

const brand = Symbol.for('msbtest.error');

/** Base of all errors. `code` is stable; messages are for people and may change. */
export class MicrosandboxError extends Error {
  readonly code: MicrosandboxErrorCode;

  constructor(code: MicrosandboxErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    Error.captureStackTrace(this, new.target); // anew, since the first line of a stack has the name as it is then
    this.code = code;
    Object.defineProperty(this, brand, { value: true });
  }
}

/** Whether `error` is one of ours; unlike `instanceof` it holds across realms and copies of this package. */
export function isMicrosandboxError(error: unknown): error is MicrosandboxError {
  return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[brand] === true;
}

/** Messages end with the console's last lines; who prints an error with its fields need not print them again. */
function hideConsole(error: { readonly console: string }): void {
  Object.defineProperty(error, 'console', { enumerable: false });
}

/** A value given by the caller is wrong. */
export class InvalidConfigError extends MicrosandboxError {
  declare readonly code: 'invalidConfig';
  constructor(message: string, options?: ErrorOptions) {
    super('invalidConfig', message, options);
  }
}

/** There is no command to run by default: neither the image nor the sandbox's builder names one. */
export class NoDefaultCommandError extends MicrosandboxError {
  declare readonly code: 'noDefaultCommand';
  constructor(message: string, options?: ErrorOptions) {
    super('noDefaultCommand', message, options);
  }
}

/** The host's file system refused something: no space, no permission. */
export class IoError extends MicrosandboxError {
  declare readonly code: 'io';
  constructor(message: string, options?: ErrorOptions) {
    super('io', message, options);
  }
}

/** This machine cannot run microVMs the way it was asked to. */
export class HypervisorUnavailableError extends MicrosandboxError {
  declare readonly code: 'hypervisorUnavailable';
  constructor(
    message: string,
    /** What was tried last: `open`, `KVM_CREATE_VM`, … */
    readonly step: string,
    options?: ErrorOptions,
  ) {
    super('hypervisorUnavailable', message, options);
  }
}

/** A program or file that this library needs is not installed. */
export class MissingDependencyError extends MicrosandboxError {
  declare readonly code: 'missingDependency';
  constructor(message: string, options?: ErrorOptions) {
    super('missingDependency', message, options);
  }
}

/** Nothing has that name. */
export class SandboxNotFoundError extends MicrosandboxError {
  declare readonly code: 'sandboxNotFound';
  constructor(message: string, options?: ErrorOptions) {
    super('sandboxNotFound', message, options);
  }
}

/** The name is taken. `.replace()` takes it over. */
export class SandboxAlreadyExistsError extends MicrosandboxError {
  declare readonly code: 'sandboxAlreadyExists';
  constructor(message: string, options?: ErrorOptions) {
    super('sandboxAlreadyExists', message, options);
  }
}

/** The name now belongs to another sandbox than the handle was made for. */
export class SandboxReplacedError extends MicrosandboxError {
  declare readonly code: 'sandboxReplaced';
  constructor(message: string, options?: ErrorOptions) {
    super('sandboxReplaced', message, options);
  }
}

/** The operation needs a sandbox that is not running. */
export class SandboxStillRunningError extends MicrosandboxError {
  declare readonly code: 'sandboxStillRunning';
  constructor(message: string, options?: ErrorOptions) {
    super('sandboxStillRunning', message, options);
  }
}

/** The operation needs a running sandbox. */
export class SandboxNotRunningError extends MicrosandboxError {
  declare readonly code: 'sandboxNotRunning';
  constructor(message: string, options?: ErrorOptions) {
    super('sandboxNotRunning', message, options);
  }
}

/** How far a boot had come; `init`: to the guest's own init, which could not take over. */
export type BootPhase = 'spawn' | 'kernel' | 'agent' | 'init';

/** The machine did not come up: its VMM did not start, its guest died, or its agent stayed silent. */
export class BootFailedError extends MicrosandboxError {
  declare readonly code: 'bootFailed';
  constructor(
    message: string,
    readonly phase: BootPhase,
    /** The last lines of the guest's console. */
    readonly console: string,
    options?: ErrorOptions,
  ) {
    super('bootFailed', message, options);
    hideConsole(this);
  }
}

/** The machine ended by itself while it was needed: a guest panic, a reboot, a VMM that died. */
export class SandboxCrashedError extends MicrosandboxError {
  declare readonly code: 'sandboxCrashed';
  constructor(
    message: string,
    /** The last lines of the guest's console. */
    readonly console: string,
    options?: ErrorOptions,
  ) {
    super('sandboxCrashed', message, options);
    hideConsole(this);
  }
}

/** The agent said something that its protocol does not allow. */
export class AgentProtocolError extends MicrosandboxError {
  declare readonly code: 'agentProtocol';
  constructor(message: string, options?: ErrorOptions) {
    super('agentProtocol', message, options);
  }
}

/** Why a command could not be started; kinds of the agent protocol. */
export type ExecFailureKind =
  | 'not_found'
  | 'permission_denied'
  | 'not_executable'
  | 'bad_cwd'
  | 'bad_args'
  | 'resource_limit'
  | 'user_setup_failed'
  | 'out_of_memory'
  | 'pty_setup_failed'
  | 'other';

/** The command never ran. */
export class ExecFailedError extends MicrosandboxError {
  declare readonly code: 'execFailed';
  readonly kind: ExecFailureKind;
  /** The guest's errno by name, such as `ENOENT`. */
  readonly errnoName: string | null;
  /** The step that failed, such as `chdir`. */
  readonly stage: string | null;
  constructor(
    message: string,
    details: { kind: ExecFailureKind; errnoName: string | null; stage: string | null },
    options?: ErrorOptions,
  ) {
    super('execFailed', message, options);
    this.kind = details.kind;
    this.errnoName = details.errnoName;
    this.stage = details.stage;
  }
}

/** This process's own terminal could not be given to a command: it has none, or another command is at it. */
export class TerminalError extends MicrosandboxError {
  declare readonly code: 'terminal';
  constructor(message: string, options?: ErrorOptions) {
    super('terminal', message, options);
  }
}

/** The command ran longer than it was allowed to and was killed. The output until then is kept. */
export class ExecTimeoutError extends MicrosandboxError {
  declare readonly code: 'execTimeout';
  constructor(
    message: string,
    readonly timeoutMs: number,
    /** What the command had written, UTF-8, lossy. */
    readonly output: { readonly stdout: string; readonly stderr: string },
    options?: ErrorOptions,
  ) {
    super('execTimeout', message, options);
  }
}

/** There is no connection to that port of the guest, or there is none any more. */
export class ConnectFailedError extends MicrosandboxError {
  declare readonly code: 'connectFailed';
  constructor(
    message: string,
    /** The guest's own, such as `ECONNREFUSED`; null where no system call failed. */
    readonly errnoName: string | null,
    options?: ErrorOptions,
  ) {
    super('connectFailed', message, options);
  }
}

/** The guest refused something that was to be done with its files. */
export class SandboxFsOpsError extends MicrosandboxError {
  declare readonly code: 'sandboxFsOps';
  constructor(
    message: string,
    /** The path in the guest that it is about. */
    readonly path: string,
    /** The guest's own, such as `ENOENT`; null where no system call failed. */
    readonly errnoName: string | null,
    options?: ErrorOptions,
  ) {
    super('sandboxFsOps', message, options);
  }
}

/** A cursor is none of a log's, or not of this one. */
export class InvalidCursorError extends MicrosandboxError {
  declare readonly code: 'invalidCursor';
  constructor(message: string, options?: ErrorOptions) {
    super('invalidCursor', message, options);
  }
}

/** Entries of a log that were to be read next are gone: it is bounded, and what was written since has taken their place. */
export class MissedRotationError extends MicrosandboxError {
  declare readonly code: 'missedRotation';
  constructor(message: string, options?: ErrorOptions) {
    super('missedRotation', message, options);
  }
}

/** The command wrote more than the caller can be expected to hold. */
export class OutputLimitError extends MicrosandboxError {
  declare readonly code: 'outputLimit';
  constructor(message: string, options?: ErrorOptions) {
    super('outputLimit', message, options);
  }
}

/** A bounded wait ran out; the message names the phase. */
export class TimeoutError extends MicrosandboxError {
  declare readonly code: 'timeout';
  constructor(message: string, options?: ErrorOptions) {
    super('timeout', message, options);
  }
}

/** A registry refused something, answered what it should not, or could not be reached. */
export class HttpError extends MicrosandboxError {
  declare readonly code: 'http';
  constructor(
    message: string,
    /** What it answered, such as 401; null where there was no answer. */
    readonly status: number | null,
    options?: ErrorOptions,
  ) {
    super('http', message, options);
  }
}

/** No such image: not in the local store, and where a registry was asked, not there either. */
export class ImageNotFoundError extends MicrosandboxError {
  declare readonly code: 'imageNotFound';
  constructor(message: string, options?: ErrorOptions) {
    super('imageNotFound', message, options);
  }
}

/** The image is needed by a sandbox that exists. */
export class ImageInUseError extends MicrosandboxError {
  declare readonly code: 'imageInUse';
  constructor(message: string, options?: ErrorOptions) {
    super('imageInUse', message, options);
  }
}

/** The image is damaged, hostile, or of a kind that is not understood. */
export class ImageError extends MicrosandboxError {
  declare readonly code: 'image';
  constructor(message: string, options?: ErrorOptions) {
    super('image', message, options);
  }
}

/** A change of an image's files cannot be made: it is wrong in itself, does not fit the image, or its source on the host is no good. */
export class PatchFailedError extends MicrosandboxError {
  declare readonly code: 'patchFailed';
  /** Which of the list, from 1. */
  readonly number: number;
  /** As `PatchKinds` has them. */
  readonly kind: string;
  /** The path in the image that it is about. */
  readonly path: string;
  constructor(
    message: string,
    details: { readonly number: number; readonly kind: string; readonly path: string },
    options?: ErrorOptions,
  ) {
    super('patchFailed', message, options);
    this.number = details.number;
    this.kind = details.kind;
    this.path = details.path;
  }
}

/** What a test's machine was doing when it failed the test. */
export type TestMachinePhase = 'queue' | 'boot' | 'run' | 'removal' | 'leak check';

/**
 * A test was failed by its machine rather than by an assertion: it did not come up, ended by itself, could not be removed, or left
 * something behind. `cause` is what happened underneath.
 */
export class TestMachineError extends MicrosandboxError {
  declare readonly code: 'testMachine';

  constructor(
    message: string,
    readonly phase: TestMachinePhase,
    /** The last lines of the guest's console; empty where there was no guest. */
    readonly console: string,
    options?: ErrorOptions,
  ) {
    super('testMachine', message, options);
    hideConsole(this);
  }
}
