// biome-ignore-all format: generated
/**
 * Generated from what microsandbox 0.6.18 declares: npm run compatibility. What is expected to be true is held to by the compiler;
 * what is false differs, and the table in docs/compatibility.md has to say how. Where this does not compile, make it anew, and look at
 * what has become of the table.
 */
import type * as ours from '@msbtest/core';
import type * as theirs from 'microsandbox';
import type { Expect, Fits, FitsBoth, Gives, Takes } from './fit.js';

type Classes = [
  [theirs.PullProgressCreate, ours.PullProgressCreate],
  [theirs.Sandbox, ours.Sandbox],
  [theirs.SandboxListBuilder, ours.SandboxListBuilder],
  [theirs.SandboxBuilder, ours.SandboxBuilder],
  [theirs.SandboxHandle, ours.SandboxHandle],
  [theirs.ExecHandle, ours.ExecHandle],
  [theirs.ExecOutput, ours.ExecOutput],
  [theirs.ExecSink, ours.ExecSink],
  [theirs.FsReadStream, ours.FsReadStream],
  [theirs.FsWriteSink, ours.FsWriteSink],
  [theirs.SandboxFsOps, ours.SandboxFsOps],
  [theirs.ImageHandle, ours.ImageHandle],
  [theirs.LogEntry, ours.LogEntry],
  [theirs.LogStream, ours.LogStream],
  [InstanceType<typeof theirs.PatchBuilder>, ours.PatchBuilder],
  [InstanceType<typeof theirs.RegistryConfigBuilder>, ours.RegistryConfigBuilder],
  [InstanceType<typeof theirs.ExecOptionsBuilder>, ours.ExecOptionsBuilder],
  [InstanceType<typeof theirs.InitOptionsBuilder>, ours.InitOptionsBuilder],
  [InstanceType<typeof theirs.AttachOptionsBuilder>, ours.AttachOptionsBuilder],
  [theirs.ExecTimeoutError, ours.ExecTimeoutError],
  [theirs.HttpError, ours.HttpError],
  [theirs.ImageError, ours.ImageError],
  [theirs.ImageInUseError, ours.ImageInUseError],
  [theirs.ImageNotFoundError, ours.ImageNotFoundError],
  [theirs.InvalidConfigError, ours.InvalidConfigError],
  [theirs.NoDefaultCommandError, ours.NoDefaultCommandError],
  [theirs.IoError, ours.IoError],
  [theirs.MicrosandboxError, ours.MicrosandboxError],
  [theirs.PatchFailedError, ours.PatchFailedError],
  [theirs.SandboxFsOpsError, ours.SandboxFsOpsError],
  [theirs.SandboxAlreadyExistsError, ours.SandboxAlreadyExistsError],
  [theirs.SandboxNotFoundError, ours.SandboxNotFoundError],
  [theirs.SandboxNotRunningError, ours.SandboxNotRunningError],
  [theirs.SandboxReplacedError, ours.SandboxReplacedError],
  [theirs.SandboxStillRunningError, ours.SandboxStillRunningError],
  [theirs.TerminalError, ours.TerminalError],
];

export type All = [
  // PullProgressCreate#progress: same
  Expect<true, Fits<ours.PullProgressCreate['progress'], theirs.PullProgressCreate['progress'], Classes>>,
  // PullProgressCreate#[Symbol.asyncIterator]: same
  Expect<true, Fits<ours.PullProgressCreate[typeof Symbol.asyncIterator], theirs.PullProgressCreate[typeof Symbol.asyncIterator], Classes>>,
  // PullProgressCreate#awaitSandbox: same
  Expect<true, Fits<ours.PullProgressCreate['awaitSandbox'], theirs.PullProgressCreate['awaitSandbox'], Classes>>,
  // Sandbox.builder: same
  Expect<true, Fits<(typeof ours.Sandbox)['builder'], (typeof theirs.Sandbox)['builder'], Classes>>,
  // Sandbox.start: same
  Expect<true, Fits<(typeof ours.Sandbox)['start'], (typeof theirs.Sandbox)['start'], Classes>>,
  // Sandbox.startDetached: same
  Expect<true, Fits<(typeof ours.Sandbox)['startDetached'], (typeof theirs.Sandbox)['startDetached'], Classes>>,
  // Sandbox.get: same
  Expect<true, Fits<(typeof ours.Sandbox)['get'], (typeof theirs.Sandbox)['get'], Classes>>,
  // Sandbox.list: same
  Expect<true, Fits<(typeof ours.Sandbox)['list'], (typeof theirs.Sandbox)['list'], Classes>>,
  // Sandbox.listWith: same
  Expect<true, Fits<(typeof ours.Sandbox)['listWith'], (typeof theirs.Sandbox)['listWith'], Classes>>,
  // Sandbox.remove: same
  Expect<true, Fits<(typeof ours.Sandbox)['remove'], (typeof theirs.Sandbox)['remove'], Classes>>,
  // Sandbox#name: same
  Expect<true, Fits<ours.Sandbox['name'], theirs.Sandbox['name'], Classes>>,
  // Sandbox#id: same
  Expect<true, Fits<ours.Sandbox['id'], theirs.Sandbox['id'], Classes>>,
  // Sandbox#ownsLifecycle: same
  Expect<true, Fits<ours.Sandbox['ownsLifecycle'], theirs.Sandbox['ownsLifecycle'], Classes>>,
  // Sandbox#backendKind: same
  Expect<true, Fits<ours.Sandbox['backendKind'], theirs.Sandbox['backendKind'], Classes>>,
  // Sandbox#execDefault: same
  Expect<true, Fits<ours.Sandbox['execDefault'], theirs.Sandbox['execDefault'], Classes>>,
  // Sandbox#execDefaultWith: richer
  Expect<true, Fits<ours.Sandbox['execDefaultWith'], theirs.Sandbox['execDefaultWith'], Classes>>,
  // Sandbox#execDefaultStream: same
  Expect<true, Fits<ours.Sandbox['execDefaultStream'], theirs.Sandbox['execDefaultStream'], Classes>>,
  // Sandbox#execDefaultStreamWith: richer
  Expect<true, Fits<ours.Sandbox['execDefaultStreamWith'], theirs.Sandbox['execDefaultStreamWith'], Classes>>,
  // Sandbox#exec: richer
  Expect<true, Fits<ours.Sandbox['exec'], theirs.Sandbox['exec'], Classes>>,
  // Sandbox#execWith: richer
  Expect<true, Fits<ours.Sandbox['execWith'], theirs.Sandbox['execWith'], Classes>>,
  // Sandbox#execStream: same
  Expect<true, Fits<ours.Sandbox['execStream'], theirs.Sandbox['execStream'], Classes>>,
  // Sandbox#execStreamWith: richer
  Expect<true, Fits<ours.Sandbox['execStreamWith'], theirs.Sandbox['execStreamWith'], Classes>>,
  // Sandbox#shell: same
  Expect<true, Fits<ours.Sandbox['shell'], theirs.Sandbox['shell'], Classes>>,
  // Sandbox#shellStream: same
  Expect<true, Fits<ours.Sandbox['shellStream'], theirs.Sandbox['shellStream'], Classes>>,
  // Sandbox#attachDefault: richer
  Expect<true, Fits<ours.Sandbox['attachDefault'], theirs.Sandbox['attachDefault'], Classes>>,
  // Sandbox#attachDefaultWith: richer
  Expect<true, Fits<ours.Sandbox['attachDefaultWith'], theirs.Sandbox['attachDefaultWith'], Classes>>,
  // Sandbox#attach: richer
  Expect<true, Fits<ours.Sandbox['attach'], theirs.Sandbox['attach'], Classes>>,
  // Sandbox#attachWith: richer
  Expect<true, Fits<ours.Sandbox['attachWith'], theirs.Sandbox['attachWith'], Classes>>,
  // Sandbox#attachShell: richer
  Expect<true, Fits<ours.Sandbox['attachShell'], theirs.Sandbox['attachShell'], Classes>>,
  // Sandbox#fs: same
  Expect<true, Fits<ours.Sandbox['fs'], theirs.Sandbox['fs'], Classes>>,
  // Sandbox#config: differs
  Expect<true, Fits<ours.Sandbox['config'], theirs.Sandbox['config'], Classes>>,
  // Sandbox#logs: richer
  Expect<true, Fits<ours.Sandbox['logs'], theirs.Sandbox['logs'], Classes>>,
  // Sandbox#logStream: richer
  Expect<true, Fits<ours.Sandbox['logStream'], theirs.Sandbox['logStream'], Classes>>,
  // Sandbox#ping: richer
  Expect<true, Fits<ours.Sandbox['ping'], theirs.Sandbox['ping'], Classes>>,
  // Sandbox#touch: same
  Expect<true, Fits<ours.Sandbox['touch'], theirs.Sandbox['touch'], Classes>>,
  // Sandbox#stop: richer
  Expect<true, Fits<ours.Sandbox['stop'], theirs.Sandbox['stop'], Classes>>,
  // Sandbox#requestStop: same
  Expect<true, Fits<ours.Sandbox['requestStop'], theirs.Sandbox['requestStop'], Classes>>,
  // Sandbox#stopWithTimeout: richer
  Expect<true, Fits<ours.Sandbox['stopWithTimeout'], theirs.Sandbox['stopWithTimeout'], Classes>>,
  // Sandbox#kill: same
  Expect<true, Fits<ours.Sandbox['kill'], theirs.Sandbox['kill'], Classes>>,
  // Sandbox#requestKill: same
  Expect<true, Fits<ours.Sandbox['requestKill'], theirs.Sandbox['requestKill'], Classes>>,
  // Sandbox#killWithTimeout: same
  Expect<true, Fits<ours.Sandbox['killWithTimeout'], theirs.Sandbox['killWithTimeout'], Classes>>,
  // Sandbox#restart: richer
  Expect<true, Fits<ours.Sandbox['restart'], theirs.Sandbox['restart'], Classes>>,
  // Sandbox#destroy: same
  Expect<true, Fits<ours.Sandbox['destroy'], theirs.Sandbox['destroy'], Classes>>,
  // Sandbox#waitUntilStopped: richer
  Expect<true, Fits<ours.Sandbox['waitUntilStopped'], theirs.Sandbox['waitUntilStopped'], Classes>>,
  // Sandbox#detach: same
  Expect<true, Fits<ours.Sandbox['detach'], theirs.Sandbox['detach'], Classes>>,
  // Sandbox#[Symbol.asyncDispose]: richer
  Expect<true, Fits<ours.Sandbox[typeof Symbol.asyncDispose], theirs.Sandbox[typeof Symbol.asyncDispose], Classes>>,
  // SandboxListBuilder#limit: same
  Expect<true, Fits<ours.SandboxListBuilder['limit'], theirs.SandboxListBuilder['limit'], Classes>>,
  // SandboxListBuilder#cursor: same
  Expect<true, Fits<ours.SandboxListBuilder['cursor'], theirs.SandboxListBuilder['cursor'], Classes>>,
  // SandboxListBuilder#label: same
  Expect<true, Fits<ours.SandboxListBuilder['label'], theirs.SandboxListBuilder['label'], Classes>>,
  // SandboxListBuilder#labels: same
  Expect<true, Fits<ours.SandboxListBuilder['labels'], theirs.SandboxListBuilder['labels'], Classes>>,
  // new SandboxListBuilder: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.SandboxListBuilder>) => unknown, (...args: ConstructorParameters<typeof theirs.SandboxListBuilder>) => unknown, Classes>>,
  // SandboxBuilder#create: richer
  Expect<true, Fits<ours.SandboxBuilder['create'], theirs.SandboxBuilder['create'], Classes>>,
  // SandboxBuilder#connectOrCreate: same
  Expect<true, Fits<ours.SandboxBuilder['connectOrCreate'], theirs.SandboxBuilder['connectOrCreate'], Classes>>,
  // SandboxBuilder#createWithPullProgress: richer
  Expect<true, Fits<ours.SandboxBuilder['createWithPullProgress'], theirs.SandboxBuilder['createWithPullProgress'], Classes>>,
  // SandboxBuilder#image: same
  Expect<true, Fits<ours.SandboxBuilder['image'], theirs.SandboxBuilder['image'], Classes>>,
  // SandboxBuilder#rootDisk: differs
  Expect<false, FitsBoth<ours.SandboxBuilder['rootDisk'], theirs.SandboxBuilder['rootDisk'], Classes>>,
  // SandboxBuilder#cpus: same
  Expect<true, Fits<ours.SandboxBuilder['cpus'], theirs.SandboxBuilder['cpus'], Classes>>,
  // SandboxBuilder#memory: same
  Expect<true, Fits<ours.SandboxBuilder['memory'], theirs.SandboxBuilder['memory'], Classes>>,
  // SandboxBuilder#detached: same
  Expect<true, Fits<ours.SandboxBuilder['detached'], theirs.SandboxBuilder['detached'], Classes>>,
  // SandboxBuilder#ephemeral: richer
  Expect<true, Fits<ours.SandboxBuilder['ephemeral'], theirs.SandboxBuilder['ephemeral'], Classes>>,
  // SandboxBuilder#workdir: same
  Expect<true, Fits<ours.SandboxBuilder['workdir'], theirs.SandboxBuilder['workdir'], Classes>>,
  // SandboxBuilder#shell: same
  Expect<true, Fits<ours.SandboxBuilder['shell'], theirs.SandboxBuilder['shell'], Classes>>,
  // SandboxBuilder#security: same
  Expect<true, Fits<ours.SandboxBuilder['security'], theirs.SandboxBuilder['security'], Classes>>,
  // SandboxBuilder#registry: same
  Expect<true, Fits<ours.SandboxBuilder['registry'], theirs.SandboxBuilder['registry'], Classes>>,
  // SandboxBuilder#replace: richer
  Expect<true, Fits<ours.SandboxBuilder['replace'], theirs.SandboxBuilder['replace'], Classes>>,
  // SandboxBuilder#replaceWithTimeout: richer
  Expect<true, Fits<ours.SandboxBuilder['replaceWithTimeout'], theirs.SandboxBuilder['replaceWithTimeout'], Classes>>,
  // SandboxBuilder#entrypoint: same
  Expect<true, Fits<ours.SandboxBuilder['entrypoint'], theirs.SandboxBuilder['entrypoint'], Classes>>,
  // SandboxBuilder#cmd: same
  Expect<true, Fits<ours.SandboxBuilder['cmd'], theirs.SandboxBuilder['cmd'], Classes>>,
  // SandboxBuilder#init: richer
  Expect<true, Fits<ours.SandboxBuilder['init'], theirs.SandboxBuilder['init'], Classes>>,
  // SandboxBuilder#initWith: richer
  Expect<true, Fits<ours.SandboxBuilder['initWith'], theirs.SandboxBuilder['initWith'], Classes>>,
  // SandboxBuilder#hostname: differs
  Expect<true, Fits<ours.SandboxBuilder['hostname'], theirs.SandboxBuilder['hostname'], Classes>>,
  // SandboxBuilder#user: same
  Expect<true, Fits<ours.SandboxBuilder['user'], theirs.SandboxBuilder['user'], Classes>>,
  // SandboxBuilder#pullPolicy: same
  Expect<true, Fits<ours.SandboxBuilder['pullPolicy'], theirs.SandboxBuilder['pullPolicy'], Classes>>,
  // SandboxBuilder#env: same
  Expect<true, Fits<ours.SandboxBuilder['env'], theirs.SandboxBuilder['env'], Classes>>,
  // SandboxBuilder#envs: same
  Expect<true, Fits<ours.SandboxBuilder['envs'], theirs.SandboxBuilder['envs'], Classes>>,
  // SandboxBuilder#label: same
  Expect<true, Fits<ours.SandboxBuilder['label'], theirs.SandboxBuilder['label'], Classes>>,
  // SandboxBuilder#labels: same
  Expect<true, Fits<ours.SandboxBuilder['labels'], theirs.SandboxBuilder['labels'], Classes>>,
  // SandboxBuilder#rlimit: richer
  Expect<true, Fits<ours.SandboxBuilder['rlimit'], theirs.SandboxBuilder['rlimit'], Classes>>,
  // SandboxBuilder#rlimitRange: richer
  Expect<true, Fits<ours.SandboxBuilder['rlimitRange'], theirs.SandboxBuilder['rlimitRange'], Classes>>,
  // SandboxBuilder#maxDuration: richer
  Expect<true, Fits<ours.SandboxBuilder['maxDuration'], theirs.SandboxBuilder['maxDuration'], Classes>>,
  // SandboxBuilder#idleTimeout: richer
  Expect<true, Fits<ours.SandboxBuilder['idleTimeout'], theirs.SandboxBuilder['idleTimeout'], Classes>>,
  // SandboxBuilder#patch: richer
  Expect<true, Fits<ours.SandboxBuilder['patch'], theirs.SandboxBuilder['patch'], Classes>>,
  // SandboxBuilder#build: differs
  Expect<true, Fits<ours.SandboxBuilder['build'], theirs.SandboxBuilder['build'], Classes>>,
  // new SandboxBuilder: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.SandboxBuilder>) => unknown, (...args: ConstructorParameters<typeof theirs.SandboxBuilder>) => unknown, Classes>>,
  // SandboxConfig: differs
  Expect<true, Gives<ours.SandboxConfig, theirs.SandboxConfig, Classes>>,
  Expect<false, Takes<ours.SandboxConfig, theirs.SandboxConfig, Classes>>,
  // SandboxPage: same
  Expect<true, Gives<ours.SandboxPage, theirs.SandboxPage, Classes>>,
  Expect<true, Takes<ours.SandboxPage, theirs.SandboxPage, Classes>>,
  // SandboxPage#sandboxes: same
  Expect<true, Gives<ours.SandboxPage['sandboxes'], theirs.SandboxPage['sandboxes'], Classes>>,
  Expect<true, Takes<ours.SandboxPage['sandboxes'], theirs.SandboxPage['sandboxes'], Classes>>,
  // SandboxPage#nextCursor: same
  Expect<true, Gives<ours.SandboxPage['nextCursor'], theirs.SandboxPage['nextCursor'], Classes>>,
  Expect<true, Takes<ours.SandboxPage['nextCursor'], theirs.SandboxPage['nextCursor'], Classes>>,
  // SandboxPingResult: same
  Expect<true, Gives<ours.SandboxPingResult, theirs.SandboxPingResult, Classes>>,
  Expect<true, Takes<ours.SandboxPingResult, theirs.SandboxPingResult, Classes>>,
  // SandboxPingResult#name: same
  Expect<true, Gives<ours.SandboxPingResult['name'], theirs.SandboxPingResult['name'], Classes>>,
  Expect<true, Takes<ours.SandboxPingResult['name'], theirs.SandboxPingResult['name'], Classes>>,
  // SandboxPingResult#latencyMs: same
  Expect<true, Gives<ours.SandboxPingResult['latencyMs'], theirs.SandboxPingResult['latencyMs'], Classes>>,
  Expect<true, Takes<ours.SandboxPingResult['latencyMs'], theirs.SandboxPingResult['latencyMs'], Classes>>,
  // SandboxTouchResult: same
  Expect<true, Gives<ours.SandboxTouchResult, theirs.SandboxTouchResult, Classes>>,
  Expect<true, Takes<ours.SandboxTouchResult, theirs.SandboxTouchResult, Classes>>,
  // SandboxTouchResult#name: same
  Expect<true, Gives<ours.SandboxTouchResult['name'], theirs.SandboxTouchResult['name'], Classes>>,
  Expect<true, Takes<ours.SandboxTouchResult['name'], theirs.SandboxTouchResult['name'], Classes>>,
  // SandboxTouchResult#activitySeq: same
  Expect<true, Gives<ours.SandboxTouchResult['activitySeq'], theirs.SandboxTouchResult['activitySeq'], Classes>>,
  Expect<true, Takes<ours.SandboxTouchResult['activitySeq'], theirs.SandboxTouchResult['activitySeq'], Classes>>,
  // SandboxHandle#name: same
  Expect<true, Fits<ours.SandboxHandle['name'], theirs.SandboxHandle['name'], Classes>>,
  // SandboxHandle#id: same
  Expect<true, Fits<ours.SandboxHandle['id'], theirs.SandboxHandle['id'], Classes>>,
  // SandboxHandle#status: richer
  Expect<true, Fits<ours.SandboxHandle['status'], theirs.SandboxHandle['status'], Classes>>,
  // SandboxHandle#backendKind: same
  Expect<true, Fits<ours.SandboxHandle['backendKind'], theirs.SandboxHandle['backendKind'], Classes>>,
  // SandboxHandle#configJson: differs
  Expect<true, Fits<ours.SandboxHandle['configJson'], theirs.SandboxHandle['configJson'], Classes>>,
  // SandboxHandle#createdAt: richer
  Expect<true, Fits<ours.SandboxHandle['createdAt'], theirs.SandboxHandle['createdAt'], Classes>>,
  // SandboxHandle#updatedAt: richer
  Expect<true, Fits<ours.SandboxHandle['updatedAt'], theirs.SandboxHandle['updatedAt'], Classes>>,
  // SandboxHandle#config: differs
  Expect<true, Fits<ours.SandboxHandle['config'], theirs.SandboxHandle['config'], Classes>>,
  // SandboxHandle#refresh: same
  Expect<true, Fits<ours.SandboxHandle['refresh'], theirs.SandboxHandle['refresh'], Classes>>,
  // SandboxHandle#ping: same
  Expect<true, Fits<ours.SandboxHandle['ping'], theirs.SandboxHandle['ping'], Classes>>,
  // SandboxHandle#touch: same
  Expect<true, Fits<ours.SandboxHandle['touch'], theirs.SandboxHandle['touch'], Classes>>,
  // SandboxHandle#start: same
  Expect<true, Fits<ours.SandboxHandle['start'], theirs.SandboxHandle['start'], Classes>>,
  // SandboxHandle#startDetached: same
  Expect<true, Fits<ours.SandboxHandle['startDetached'], theirs.SandboxHandle['startDetached'], Classes>>,
  // SandboxHandle#connect: same
  Expect<true, Fits<ours.SandboxHandle['connect'], theirs.SandboxHandle['connect'], Classes>>,
  // SandboxHandle#connectWithTimeout: same
  Expect<true, Fits<ours.SandboxHandle['connectWithTimeout'], theirs.SandboxHandle['connectWithTimeout'], Classes>>,
  // SandboxHandle#connectOrStart: same
  Expect<true, Fits<ours.SandboxHandle['connectOrStart'], theirs.SandboxHandle['connectOrStart'], Classes>>,
  // SandboxHandle#stop: richer
  Expect<true, Fits<ours.SandboxHandle['stop'], theirs.SandboxHandle['stop'], Classes>>,
  // SandboxHandle#requestStop: same
  Expect<true, Fits<ours.SandboxHandle['requestStop'], theirs.SandboxHandle['requestStop'], Classes>>,
  // SandboxHandle#stopWithTimeout: richer
  Expect<true, Fits<ours.SandboxHandle['stopWithTimeout'], theirs.SandboxHandle['stopWithTimeout'], Classes>>,
  // SandboxHandle#kill: same
  Expect<true, Fits<ours.SandboxHandle['kill'], theirs.SandboxHandle['kill'], Classes>>,
  // SandboxHandle#requestKill: same
  Expect<true, Fits<ours.SandboxHandle['requestKill'], theirs.SandboxHandle['requestKill'], Classes>>,
  // SandboxHandle#killWithTimeout: same
  Expect<true, Fits<ours.SandboxHandle['killWithTimeout'], theirs.SandboxHandle['killWithTimeout'], Classes>>,
  // SandboxHandle#restart: richer
  Expect<true, Fits<ours.SandboxHandle['restart'], theirs.SandboxHandle['restart'], Classes>>,
  // SandboxHandle#destroy: same
  Expect<true, Fits<ours.SandboxHandle['destroy'], theirs.SandboxHandle['destroy'], Classes>>,
  // SandboxHandle#waitUntilStopped: richer
  Expect<true, Fits<ours.SandboxHandle['waitUntilStopped'], theirs.SandboxHandle['waitUntilStopped'], Classes>>,
  // SandboxHandle#remove: same
  Expect<true, Fits<ours.SandboxHandle['remove'], theirs.SandboxHandle['remove'], Classes>>,
  // SandboxHandle#logs: richer
  Expect<true, Fits<ours.SandboxHandle['logs'], theirs.SandboxHandle['logs'], Classes>>,
  // SandboxHandle#logStream: richer
  Expect<true, Fits<ours.SandboxHandle['logStream'], theirs.SandboxHandle['logStream'], Classes>>,
  // DestroyOptions: same
  Expect<true, Gives<ours.DestroyOptions, theirs.DestroyOptions, Classes>>,
  Expect<true, Takes<ours.DestroyOptions, theirs.DestroyOptions, Classes>>,
  // DestroyOptions#force: same
  Expect<true, Gives<ours.DestroyOptions['force'], theirs.DestroyOptions['force'], Classes>>,
  Expect<true, Takes<ours.DestroyOptions['force'], theirs.DestroyOptions['force'], Classes>>,
  // DestroyOptions#timeoutMs: same
  Expect<true, Gives<ours.DestroyOptions['timeoutMs'], theirs.DestroyOptions['timeoutMs'], Classes>>,
  Expect<true, Takes<ours.DestroyOptions['timeoutMs'], theirs.DestroyOptions['timeoutMs'], Classes>>,
  // RestartOptions: same
  Expect<true, Gives<ours.RestartOptions, theirs.RestartOptions, Classes>>,
  Expect<true, Takes<ours.RestartOptions, theirs.RestartOptions, Classes>>,
  // RestartOptions#force: same
  Expect<true, Gives<ours.RestartOptions['force'], theirs.RestartOptions['force'], Classes>>,
  Expect<true, Takes<ours.RestartOptions['force'], theirs.RestartOptions['force'], Classes>>,
  // RestartOptions#timeoutMs: same
  Expect<true, Gives<ours.RestartOptions['timeoutMs'], theirs.RestartOptions['timeoutMs'], Classes>>,
  Expect<true, Takes<ours.RestartOptions['timeoutMs'], theirs.RestartOptions['timeoutMs'], Classes>>,
  // RestartOptions#detached: same
  Expect<true, Gives<ours.RestartOptions['detached'], theirs.RestartOptions['detached'], Classes>>,
  Expect<true, Takes<ours.RestartOptions['detached'], theirs.RestartOptions['detached'], Classes>>,
  // ExecHandle#recv: differs
  Expect<false, Fits<ours.ExecHandle['recv'], theirs.ExecHandle['recv'], Classes>>,
  // ExecHandle#takeStdin: richer
  Expect<true, Fits<ours.ExecHandle['takeStdin'], theirs.ExecHandle['takeStdin'], Classes>>,
  // ExecHandle#wait: richer
  Expect<true, Fits<ours.ExecHandle['wait'], theirs.ExecHandle['wait'], Classes>>,
  // ExecHandle#collect: richer
  Expect<true, Fits<ours.ExecHandle['collect'], theirs.ExecHandle['collect'], Classes>>,
  // ExecHandle#signal: same
  Expect<true, Fits<ours.ExecHandle['signal'], theirs.ExecHandle['signal'], Classes>>,
  // ExecHandle#kill: same
  Expect<true, Fits<ours.ExecHandle['kill'], theirs.ExecHandle['kill'], Classes>>,
  // ExecHandle#resize: same
  Expect<true, Fits<ours.ExecHandle['resize'], theirs.ExecHandle['resize'], Classes>>,
  // ExecHandle#[Symbol.asyncIterator]: differs
  Expect<false, Fits<ours.ExecHandle[typeof Symbol.asyncIterator], theirs.ExecHandle[typeof Symbol.asyncIterator], Classes>>,
  // ExecHandle#[Symbol.asyncDispose]: same
  Expect<true, Fits<ours.ExecHandle[typeof Symbol.asyncDispose], theirs.ExecHandle[typeof Symbol.asyncDispose], Classes>>,
  // ExecOutput#code: same
  Expect<true, Fits<ours.ExecOutput['code'], theirs.ExecOutput['code'], Classes>>,
  // ExecOutput#success: same
  Expect<true, Fits<ours.ExecOutput['success'], theirs.ExecOutput['success'], Classes>>,
  // ExecOutput#status: richer
  Expect<true, Fits<ours.ExecOutput['status'], theirs.ExecOutput['status'], Classes>>,
  // ExecOutput#stdout: same
  Expect<true, Fits<ours.ExecOutput['stdout'], theirs.ExecOutput['stdout'], Classes>>,
  // ExecOutput#stderr: same
  Expect<true, Fits<ours.ExecOutput['stderr'], theirs.ExecOutput['stderr'], Classes>>,
  // ExecOutput#stdoutBytes: same
  Expect<true, Fits<ours.ExecOutput['stdoutBytes'], theirs.ExecOutput['stdoutBytes'], Classes>>,
  // ExecOutput#stderrBytes: same
  Expect<true, Fits<ours.ExecOutput['stderrBytes'], theirs.ExecOutput['stderrBytes'], Classes>>,
  // ExecSink#write: same
  Expect<true, Fits<ours.ExecSink['write'], theirs.ExecSink['write'], Classes>>,
  // ExecSink#close: same
  Expect<true, Fits<ours.ExecSink['close'], theirs.ExecSink['close'], Classes>>,
  // ExecSink#[Symbol.asyncDispose]: same
  Expect<true, Fits<ours.ExecSink[typeof Symbol.asyncDispose], theirs.ExecSink[typeof Symbol.asyncDispose], Classes>>,
  // FsReadStream#recv: same
  Expect<true, Fits<ours.FsReadStream['recv'], theirs.FsReadStream['recv'], Classes>>,
  // FsReadStream#collect: same
  Expect<true, Fits<ours.FsReadStream['collect'], theirs.FsReadStream['collect'], Classes>>,
  // FsReadStream#[Symbol.asyncIterator]: same
  Expect<true, Fits<ours.FsReadStream[typeof Symbol.asyncIterator], theirs.FsReadStream[typeof Symbol.asyncIterator], Classes>>,
  // FsReadStream#[Symbol.asyncDispose]: same
  Expect<true, Fits<ours.FsReadStream[typeof Symbol.asyncDispose], theirs.FsReadStream[typeof Symbol.asyncDispose], Classes>>,
  // FsWriteSink#write: same
  Expect<true, Fits<ours.FsWriteSink['write'], theirs.FsWriteSink['write'], Classes>>,
  // FsWriteSink#close: same
  Expect<true, Fits<ours.FsWriteSink['close'], theirs.FsWriteSink['close'], Classes>>,
  // FsWriteSink#[Symbol.asyncDispose]: same
  Expect<true, Fits<ours.FsWriteSink[typeof Symbol.asyncDispose], theirs.FsWriteSink[typeof Symbol.asyncDispose], Classes>>,
  // SandboxFsOps#read: same
  Expect<true, Fits<ours.SandboxFsOps['read'], theirs.SandboxFsOps['read'], Classes>>,
  // SandboxFsOps#readToString: same
  Expect<true, Fits<ours.SandboxFsOps['readToString'], theirs.SandboxFsOps['readToString'], Classes>>,
  // SandboxFsOps#readStream: same
  Expect<true, Fits<ours.SandboxFsOps['readStream'], theirs.SandboxFsOps['readStream'], Classes>>,
  // SandboxFsOps#writeStream: same
  Expect<true, Fits<ours.SandboxFsOps['writeStream'], theirs.SandboxFsOps['writeStream'], Classes>>,
  // SandboxFsOps#write: same
  Expect<true, Fits<ours.SandboxFsOps['write'], theirs.SandboxFsOps['write'], Classes>>,
  // SandboxFsOps#list: same
  Expect<true, Fits<ours.SandboxFsOps['list'], theirs.SandboxFsOps['list'], Classes>>,
  // SandboxFsOps#mkdir: same
  Expect<true, Fits<ours.SandboxFsOps['mkdir'], theirs.SandboxFsOps['mkdir'], Classes>>,
  // SandboxFsOps#removeDir: same
  Expect<true, Fits<ours.SandboxFsOps['removeDir'], theirs.SandboxFsOps['removeDir'], Classes>>,
  // SandboxFsOps#remove: same
  Expect<true, Fits<ours.SandboxFsOps['remove'], theirs.SandboxFsOps['remove'], Classes>>,
  // SandboxFsOps#copy: same
  Expect<true, Fits<ours.SandboxFsOps['copy'], theirs.SandboxFsOps['copy'], Classes>>,
  // SandboxFsOps#rename: same
  Expect<true, Fits<ours.SandboxFsOps['rename'], theirs.SandboxFsOps['rename'], Classes>>,
  // SandboxFsOps#stat: same
  Expect<true, Fits<ours.SandboxFsOps['stat'], theirs.SandboxFsOps['stat'], Classes>>,
  // SandboxFsOps#exists: same
  Expect<true, Fits<ours.SandboxFsOps['exists'], theirs.SandboxFsOps['exists'], Classes>>,
  // SandboxFsOps#copyFromHost: same
  Expect<true, Fits<ours.SandboxFsOps['copyFromHost'], theirs.SandboxFsOps['copyFromHost'], Classes>>,
  // SandboxFsOps#copyToHost: same
  Expect<true, Fits<ours.SandboxFsOps['copyToHost'], theirs.SandboxFsOps['copyToHost'], Classes>>,
  // Image.get: same
  Expect<true, Fits<(typeof ours.Image)['get'], (typeof theirs.Image)['get'], Classes>>,
  // Image.list: same
  Expect<true, Fits<(typeof ours.Image)['list'], (typeof theirs.Image)['list'], Classes>>,
  // Image.inspect: same
  Expect<true, Fits<(typeof ours.Image)['inspect'], (typeof theirs.Image)['inspect'], Classes>>,
  // Image.remove: same
  Expect<true, Fits<(typeof ours.Image)['remove'], (typeof theirs.Image)['remove'], Classes>>,
  // Image.prune: same
  Expect<true, Fits<(typeof ours.Image)['prune'], (typeof theirs.Image)['prune'], Classes>>,
  // Image.load: richer
  Expect<true, Fits<(typeof ours.Image)['load'], (typeof theirs.Image)['load'], Classes>>,
  // ImageHandle#reference: same
  Expect<true, Fits<ours.ImageHandle['reference'], theirs.ImageHandle['reference'], Classes>>,
  // ImageHandle#sizeBytes: richer
  Expect<true, Fits<ours.ImageHandle['sizeBytes'], theirs.ImageHandle['sizeBytes'], Classes>>,
  // ImageHandle#manifestDigest: richer
  Expect<true, Fits<ours.ImageHandle['manifestDigest'], theirs.ImageHandle['manifestDigest'], Classes>>,
  // ImageHandle#architecture: richer
  Expect<true, Fits<ours.ImageHandle['architecture'], theirs.ImageHandle['architecture'], Classes>>,
  // ImageHandle#os: richer
  Expect<true, Fits<ours.ImageHandle['os'], theirs.ImageHandle['os'], Classes>>,
  // ImageHandle#layerCount: same
  Expect<true, Fits<ours.ImageHandle['layerCount'], theirs.ImageHandle['layerCount'], Classes>>,
  // ImageHandle#lastUsedAt: same
  Expect<true, Fits<ours.ImageHandle['lastUsedAt'], theirs.ImageHandle['lastUsedAt'], Classes>>,
  // ImageHandle#createdAt: richer
  Expect<true, Fits<ours.ImageHandle['createdAt'], theirs.ImageHandle['createdAt'], Classes>>,
  // ImageConfigDetail: same
  Expect<true, Gives<ours.ImageConfigDetail, theirs.ImageConfigDetail, Classes>>,
  Expect<true, Takes<ours.ImageConfigDetail, theirs.ImageConfigDetail, Classes>>,
  // ImageConfigDetail#digest: same
  Expect<true, Gives<ours.ImageConfigDetail['digest'], theirs.ImageConfigDetail['digest'], Classes>>,
  Expect<true, Takes<ours.ImageConfigDetail['digest'], theirs.ImageConfigDetail['digest'], Classes>>,
  // ImageConfigDetail#env: same
  Expect<true, Gives<ours.ImageConfigDetail['env'], theirs.ImageConfigDetail['env'], Classes>>,
  Expect<true, Takes<ours.ImageConfigDetail['env'], theirs.ImageConfigDetail['env'], Classes>>,
  // ImageConfigDetail#cmd: same
  Expect<true, Gives<ours.ImageConfigDetail['cmd'], theirs.ImageConfigDetail['cmd'], Classes>>,
  Expect<true, Takes<ours.ImageConfigDetail['cmd'], theirs.ImageConfigDetail['cmd'], Classes>>,
  // ImageConfigDetail#entrypoint: same
  Expect<true, Gives<ours.ImageConfigDetail['entrypoint'], theirs.ImageConfigDetail['entrypoint'], Classes>>,
  Expect<true, Takes<ours.ImageConfigDetail['entrypoint'], theirs.ImageConfigDetail['entrypoint'], Classes>>,
  // ImageConfigDetail#workingDir: same
  Expect<true, Gives<ours.ImageConfigDetail['workingDir'], theirs.ImageConfigDetail['workingDir'], Classes>>,
  Expect<true, Takes<ours.ImageConfigDetail['workingDir'], theirs.ImageConfigDetail['workingDir'], Classes>>,
  // ImageConfigDetail#user: same
  Expect<true, Gives<ours.ImageConfigDetail['user'], theirs.ImageConfigDetail['user'], Classes>>,
  Expect<true, Takes<ours.ImageConfigDetail['user'], theirs.ImageConfigDetail['user'], Classes>>,
  // ImageConfigDetail#labels: same
  Expect<true, Gives<ours.ImageConfigDetail['labels'], theirs.ImageConfigDetail['labels'], Classes>>,
  Expect<true, Takes<ours.ImageConfigDetail['labels'], theirs.ImageConfigDetail['labels'], Classes>>,
  // ImageConfigDetail#stopSignal: same
  Expect<true, Gives<ours.ImageConfigDetail['stopSignal'], theirs.ImageConfigDetail['stopSignal'], Classes>>,
  Expect<true, Takes<ours.ImageConfigDetail['stopSignal'], theirs.ImageConfigDetail['stopSignal'], Classes>>,
  // ImageDetail: richer
  Expect<true, Gives<ours.ImageDetail, theirs.ImageDetail, Classes>>,
  Expect<false, Takes<ours.ImageDetail, theirs.ImageDetail, Classes>>,
  // ImageDetail#handle: same
  Expect<true, Gives<ours.ImageDetail['handle'], theirs.ImageDetail['handle'], Classes>>,
  Expect<true, Takes<ours.ImageDetail['handle'], theirs.ImageDetail['handle'], Classes>>,
  // ImageDetail#config: richer
  Expect<true, Gives<ours.ImageDetail['config'], theirs.ImageDetail['config'], Classes>>,
  Expect<false, Takes<ours.ImageDetail['config'], theirs.ImageDetail['config'], Classes>>,
  // ImageDetail#layers: richer
  Expect<true, Gives<ours.ImageDetail['layers'], theirs.ImageDetail['layers'], Classes>>,
  Expect<false, Takes<ours.ImageDetail['layers'], theirs.ImageDetail['layers'], Classes>>,
  // ImageLayerDetail: richer
  Expect<true, Gives<ours.ImageLayerDetail, theirs.ImageLayerDetail, Classes>>,
  Expect<false, Takes<ours.ImageLayerDetail, theirs.ImageLayerDetail, Classes>>,
  // ImageLayerDetail#diffId: same
  Expect<true, Gives<ours.ImageLayerDetail['diffId'], theirs.ImageLayerDetail['diffId'], Classes>>,
  Expect<true, Takes<ours.ImageLayerDetail['diffId'], theirs.ImageLayerDetail['diffId'], Classes>>,
  // ImageLayerDetail#blobDigest: same
  Expect<true, Gives<ours.ImageLayerDetail['blobDigest'], theirs.ImageLayerDetail['blobDigest'], Classes>>,
  Expect<true, Takes<ours.ImageLayerDetail['blobDigest'], theirs.ImageLayerDetail['blobDigest'], Classes>>,
  // ImageLayerDetail#mediaType: richer
  Expect<true, Gives<ours.ImageLayerDetail['mediaType'], theirs.ImageLayerDetail['mediaType'], Classes>>,
  Expect<false, Takes<ours.ImageLayerDetail['mediaType'], theirs.ImageLayerDetail['mediaType'], Classes>>,
  // ImageLayerDetail#compressedSizeBytes: richer
  Expect<true, Gives<ours.ImageLayerDetail['compressedSizeBytes'], theirs.ImageLayerDetail['compressedSizeBytes'], Classes>>,
  Expect<false, Takes<ours.ImageLayerDetail['compressedSizeBytes'], theirs.ImageLayerDetail['compressedSizeBytes'], Classes>>,
  // ImageLayerDetail#erofsSizeBytes: differs
  Expect<true, Gives<ours.ImageLayerDetail['erofsSizeBytes'], theirs.ImageLayerDetail['erofsSizeBytes'], Classes>>,
  Expect<false, Takes<ours.ImageLayerDetail['erofsSizeBytes'], theirs.ImageLayerDetail['erofsSizeBytes'], Classes>>,
  // ImageLayerDetail#position: same
  Expect<true, Gives<ours.ImageLayerDetail['position'], theirs.ImageLayerDetail['position'], Classes>>,
  Expect<true, Takes<ours.ImageLayerDetail['position'], theirs.ImageLayerDetail['position'], Classes>>,
  // ImagePruneReport: differs
  Expect<true, Gives<ours.ImagePruneReport, theirs.ImagePruneReport, Classes>>,
  Expect<false, Takes<ours.ImagePruneReport, theirs.ImagePruneReport, Classes>>,
  // ImagePruneReport#imageRefsRemoved: same
  Expect<true, Gives<ours.ImagePruneReport['imageRefsRemoved'], theirs.ImagePruneReport['imageRefsRemoved'], Classes>>,
  Expect<true, Takes<ours.ImagePruneReport['imageRefsRemoved'], theirs.ImagePruneReport['imageRefsRemoved'], Classes>>,
  // ImagePruneReport#manifestsRemoved: same
  Expect<true, Gives<ours.ImagePruneReport['manifestsRemoved'], theirs.ImagePruneReport['manifestsRemoved'], Classes>>,
  Expect<true, Takes<ours.ImagePruneReport['manifestsRemoved'], theirs.ImagePruneReport['manifestsRemoved'], Classes>>,
  // ImagePruneReport#layersRemoved: same
  Expect<true, Gives<ours.ImagePruneReport['layersRemoved'], theirs.ImagePruneReport['layersRemoved'], Classes>>,
  Expect<true, Takes<ours.ImagePruneReport['layersRemoved'], theirs.ImagePruneReport['layersRemoved'], Classes>>,
  // ImagePruneReport#fsmetaRemoved: differs
  Expect<true, Gives<ours.ImagePruneReport['fsmetaRemoved'], theirs.ImagePruneReport['fsmetaRemoved'], Classes>>,
  Expect<false, Takes<ours.ImagePruneReport['fsmetaRemoved'], theirs.ImagePruneReport['fsmetaRemoved'], Classes>>,
  // ImagePruneReport#vmdkRemoved: differs
  Expect<true, Gives<ours.ImagePruneReport['vmdkRemoved'], theirs.ImagePruneReport['vmdkRemoved'], Classes>>,
  Expect<false, Takes<ours.ImagePruneReport['vmdkRemoved'], theirs.ImagePruneReport['vmdkRemoved'], Classes>>,
  // ImagePruneReport#bytesReclaimed: richer
  Expect<true, Gives<ours.ImagePruneReport['bytesReclaimed'], theirs.ImagePruneReport['bytesReclaimed'], Classes>>,
  Expect<false, Takes<ours.ImagePruneReport['bytesReclaimed'], theirs.ImagePruneReport['bytesReclaimed'], Classes>>,
  // LogEntry#timestamp: same
  Expect<true, Fits<ours.LogEntry['timestamp'], theirs.LogEntry['timestamp'], Classes>>,
  // LogEntry#source: same
  Expect<true, Fits<ours.LogEntry['source'], theirs.LogEntry['source'], Classes>>,
  // LogEntry#sessionId: same
  Expect<true, Fits<ours.LogEntry['sessionId'], theirs.LogEntry['sessionId'], Classes>>,
  // LogEntry#data: same
  Expect<true, Fits<ours.LogEntry['data'], theirs.LogEntry['data'], Classes>>,
  // LogEntry#cursor: same
  Expect<true, Fits<ours.LogEntry['cursor'], theirs.LogEntry['cursor'], Classes>>,
  // LogEntry#text: same
  Expect<true, Fits<ours.LogEntry['text'], theirs.LogEntry['text'], Classes>>,
  // new LogEntry: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.LogEntry>) => unknown, (...args: ConstructorParameters<typeof theirs.LogEntry>) => unknown, Classes>>,
  // LogStream#recv: same
  Expect<true, Fits<ours.LogStream['recv'], theirs.LogStream['recv'], Classes>>,
  // LogStream#[Symbol.asyncIterator]: same
  Expect<true, Fits<ours.LogStream[typeof Symbol.asyncIterator], theirs.LogStream[typeof Symbol.asyncIterator], Classes>>,
  // LogStream#[Symbol.asyncDispose]: same
  Expect<true, Fits<ours.LogStream[typeof Symbol.asyncDispose], theirs.LogStream[typeof Symbol.asyncDispose], Classes>>,
  // LogReadOptions: same
  Expect<true, Gives<ours.LogReadOptions, theirs.LogReadOptions, Classes>>,
  Expect<true, Takes<ours.LogReadOptions, theirs.LogReadOptions, Classes>>,
  // LogReadOptions#tail: same
  Expect<true, Gives<ours.LogReadOptions['tail'], theirs.LogReadOptions['tail'], Classes>>,
  Expect<true, Takes<ours.LogReadOptions['tail'], theirs.LogReadOptions['tail'], Classes>>,
  // LogReadOptions#since: same
  Expect<true, Gives<ours.LogReadOptions['since'], theirs.LogReadOptions['since'], Classes>>,
  Expect<true, Takes<ours.LogReadOptions['since'], theirs.LogReadOptions['since'], Classes>>,
  // LogReadOptions#until: same
  Expect<true, Gives<ours.LogReadOptions['until'], theirs.LogReadOptions['until'], Classes>>,
  Expect<true, Takes<ours.LogReadOptions['until'], theirs.LogReadOptions['until'], Classes>>,
  // LogReadOptions#sources: same
  Expect<true, Gives<ours.LogReadOptions['sources'], theirs.LogReadOptions['sources'], Classes>>,
  Expect<true, Takes<ours.LogReadOptions['sources'], theirs.LogReadOptions['sources'], Classes>>,
  // LogReadSource: same
  Expect<true, Gives<ours.LogReadSource, theirs.LogReadSource, Classes>>,
  Expect<true, Takes<ours.LogReadSource, theirs.LogReadSource, Classes>>,
  // LogSource: same
  Expect<true, Gives<ours.LogSource, theirs.LogSource, Classes>>,
  Expect<true, Takes<ours.LogSource, theirs.LogSource, Classes>>,
  // LogStreamOptions: same
  Expect<true, Gives<ours.LogStreamOptions, theirs.LogStreamOptions, Classes>>,
  Expect<true, Takes<ours.LogStreamOptions, theirs.LogStreamOptions, Classes>>,
  // LogStreamOptions#sources: same
  Expect<true, Gives<ours.LogStreamOptions['sources'], theirs.LogStreamOptions['sources'], Classes>>,
  Expect<true, Takes<ours.LogStreamOptions['sources'], theirs.LogStreamOptions['sources'], Classes>>,
  // LogStreamOptions#since: same
  Expect<true, Gives<ours.LogStreamOptions['since'], theirs.LogStreamOptions['since'], Classes>>,
  Expect<true, Takes<ours.LogStreamOptions['since'], theirs.LogStreamOptions['since'], Classes>>,
  // LogStreamOptions#fromCursor: same
  Expect<true, Gives<ours.LogStreamOptions['fromCursor'], theirs.LogStreamOptions['fromCursor'], Classes>>,
  Expect<true, Takes<ours.LogStreamOptions['fromCursor'], theirs.LogStreamOptions['fromCursor'], Classes>>,
  // LogStreamOptions#until: same
  Expect<true, Gives<ours.LogStreamOptions['until'], theirs.LogStreamOptions['until'], Classes>>,
  Expect<true, Takes<ours.LogStreamOptions['until'], theirs.LogStreamOptions['until'], Classes>>,
  // LogStreamOptions#follow: same
  Expect<true, Gives<ours.LogStreamOptions['follow'], theirs.LogStreamOptions['follow'], Classes>>,
  Expect<true, Takes<ours.LogStreamOptions['follow'], theirs.LogStreamOptions['follow'], Classes>>,
  // PatchBuilder#text: same
  Expect<true, Fits<ours.PatchBuilder['text'], InstanceType<typeof theirs.PatchBuilder>['text'], Classes>>,
  // PatchBuilder#file: same
  Expect<true, Fits<ours.PatchBuilder['file'], InstanceType<typeof theirs.PatchBuilder>['file'], Classes>>,
  // PatchBuilder#copyFile: same
  Expect<true, Fits<ours.PatchBuilder['copyFile'], InstanceType<typeof theirs.PatchBuilder>['copyFile'], Classes>>,
  // PatchBuilder#copyDir: same
  Expect<true, Fits<ours.PatchBuilder['copyDir'], InstanceType<typeof theirs.PatchBuilder>['copyDir'], Classes>>,
  // PatchBuilder#symlink: same
  Expect<true, Fits<ours.PatchBuilder['symlink'], InstanceType<typeof theirs.PatchBuilder>['symlink'], Classes>>,
  // PatchBuilder#mkdir: same
  Expect<true, Fits<ours.PatchBuilder['mkdir'], InstanceType<typeof theirs.PatchBuilder>['mkdir'], Classes>>,
  // PatchBuilder#remove: same
  Expect<true, Fits<ours.PatchBuilder['remove'], InstanceType<typeof theirs.PatchBuilder>['remove'], Classes>>,
  // PatchBuilder#append: same
  Expect<true, Fits<ours.PatchBuilder['append'], InstanceType<typeof theirs.PatchBuilder>['append'], Classes>>,
  // PatchBuilder#build: differs
  Expect<false, Fits<ours.PatchBuilder['build'], InstanceType<typeof theirs.PatchBuilder>['build'], Classes>>,
  // new PatchBuilder: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.PatchBuilder>) => unknown, (...args: ConstructorParameters<typeof theirs.PatchBuilder>) => unknown, Classes>>,
  // RegistryConfigBuilder#auth: same
  Expect<true, Fits<ours.RegistryConfigBuilder['auth'], InstanceType<typeof theirs.RegistryConfigBuilder>['auth'], Classes>>,
  // RegistryConfigBuilder#insecure: same
  Expect<true, Fits<ours.RegistryConfigBuilder['insecure'], InstanceType<typeof theirs.RegistryConfigBuilder>['insecure'], Classes>>,
  // RegistryConfigBuilder#caCerts: same
  Expect<true, Fits<ours.RegistryConfigBuilder['caCerts'], InstanceType<typeof theirs.RegistryConfigBuilder>['caCerts'], Classes>>,
  // new RegistryConfigBuilder: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.RegistryConfigBuilder>) => unknown, (...args: ConstructorParameters<typeof theirs.RegistryConfigBuilder>) => unknown, Classes>>,
  // ExecOptionsBuilder#arg: same
  Expect<true, Fits<ours.ExecOptionsBuilder['arg'], InstanceType<typeof theirs.ExecOptionsBuilder>['arg'], Classes>>,
  // ExecOptionsBuilder#args: richer
  Expect<true, Fits<ours.ExecOptionsBuilder['args'], InstanceType<typeof theirs.ExecOptionsBuilder>['args'], Classes>>,
  // ExecOptionsBuilder#cwd: same
  Expect<true, Fits<ours.ExecOptionsBuilder['cwd'], InstanceType<typeof theirs.ExecOptionsBuilder>['cwd'], Classes>>,
  // ExecOptionsBuilder#user: same
  Expect<true, Fits<ours.ExecOptionsBuilder['user'], InstanceType<typeof theirs.ExecOptionsBuilder>['user'], Classes>>,
  // ExecOptionsBuilder#env: same
  Expect<true, Fits<ours.ExecOptionsBuilder['env'], InstanceType<typeof theirs.ExecOptionsBuilder>['env'], Classes>>,
  // ExecOptionsBuilder#envs: same
  Expect<true, Fits<ours.ExecOptionsBuilder['envs'], InstanceType<typeof theirs.ExecOptionsBuilder>['envs'], Classes>>,
  // ExecOptionsBuilder#timeout: richer
  Expect<true, Fits<ours.ExecOptionsBuilder['timeout'], InstanceType<typeof theirs.ExecOptionsBuilder>['timeout'], Classes>>,
  // ExecOptionsBuilder#stdinNull: richer
  Expect<true, Fits<ours.ExecOptionsBuilder['stdinNull'], InstanceType<typeof theirs.ExecOptionsBuilder>['stdinNull'], Classes>>,
  // ExecOptionsBuilder#stdinPipe: same
  Expect<true, Fits<ours.ExecOptionsBuilder['stdinPipe'], InstanceType<typeof theirs.ExecOptionsBuilder>['stdinPipe'], Classes>>,
  // ExecOptionsBuilder#stdinBytes: richer
  Expect<true, Fits<ours.ExecOptionsBuilder['stdinBytes'], InstanceType<typeof theirs.ExecOptionsBuilder>['stdinBytes'], Classes>>,
  // ExecOptionsBuilder#tty: richer
  Expect<true, Fits<ours.ExecOptionsBuilder['tty'], InstanceType<typeof theirs.ExecOptionsBuilder>['tty'], Classes>>,
  // ExecOptionsBuilder#rlimit: same
  Expect<true, Fits<ours.ExecOptionsBuilder['rlimit'], InstanceType<typeof theirs.ExecOptionsBuilder>['rlimit'], Classes>>,
  // ExecOptionsBuilder#rlimitRange: same
  Expect<true, Fits<ours.ExecOptionsBuilder['rlimitRange'], InstanceType<typeof theirs.ExecOptionsBuilder>['rlimitRange'], Classes>>,
  // new ExecOptionsBuilder: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.ExecOptionsBuilder>) => unknown, (...args: ConstructorParameters<typeof theirs.ExecOptionsBuilder>) => unknown, Classes>>,
  // InitOptionsBuilder#arg: same
  Expect<true, Fits<ours.InitOptionsBuilder['arg'], InstanceType<typeof theirs.InitOptionsBuilder>['arg'], Classes>>,
  // InitOptionsBuilder#args: richer
  Expect<true, Fits<ours.InitOptionsBuilder['args'], InstanceType<typeof theirs.InitOptionsBuilder>['args'], Classes>>,
  // InitOptionsBuilder#env: same
  Expect<true, Fits<ours.InitOptionsBuilder['env'], InstanceType<typeof theirs.InitOptionsBuilder>['env'], Classes>>,
  // InitOptionsBuilder#envs: same
  Expect<true, Fits<ours.InitOptionsBuilder['envs'], InstanceType<typeof theirs.InitOptionsBuilder>['envs'], Classes>>,
  // new InitOptionsBuilder: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.InitOptionsBuilder>) => unknown, (...args: ConstructorParameters<typeof theirs.InitOptionsBuilder>) => unknown, Classes>>,
  // AttachOptionsBuilder#arg: same
  Expect<true, Fits<ours.AttachOptionsBuilder['arg'], InstanceType<typeof theirs.AttachOptionsBuilder>['arg'], Classes>>,
  // AttachOptionsBuilder#args: richer
  Expect<true, Fits<ours.AttachOptionsBuilder['args'], InstanceType<typeof theirs.AttachOptionsBuilder>['args'], Classes>>,
  // AttachOptionsBuilder#cwd: same
  Expect<true, Fits<ours.AttachOptionsBuilder['cwd'], InstanceType<typeof theirs.AttachOptionsBuilder>['cwd'], Classes>>,
  // AttachOptionsBuilder#user: same
  Expect<true, Fits<ours.AttachOptionsBuilder['user'], InstanceType<typeof theirs.AttachOptionsBuilder>['user'], Classes>>,
  // AttachOptionsBuilder#env: same
  Expect<true, Fits<ours.AttachOptionsBuilder['env'], InstanceType<typeof theirs.AttachOptionsBuilder>['env'], Classes>>,
  // AttachOptionsBuilder#envs: same
  Expect<true, Fits<ours.AttachOptionsBuilder['envs'], InstanceType<typeof theirs.AttachOptionsBuilder>['envs'], Classes>>,
  // AttachOptionsBuilder#detachKeys: same
  Expect<true, Fits<ours.AttachOptionsBuilder['detachKeys'], InstanceType<typeof theirs.AttachOptionsBuilder>['detachKeys'], Classes>>,
  // AttachOptionsBuilder#rlimit: same
  Expect<true, Fits<ours.AttachOptionsBuilder['rlimit'], InstanceType<typeof theirs.AttachOptionsBuilder>['rlimit'], Classes>>,
  // AttachOptionsBuilder#rlimitRange: same
  Expect<true, Fits<ours.AttachOptionsBuilder['rlimitRange'], InstanceType<typeof theirs.AttachOptionsBuilder>['rlimitRange'], Classes>>,
  // new AttachOptionsBuilder: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.AttachOptionsBuilder>) => unknown, (...args: ConstructorParameters<typeof theirs.AttachOptionsBuilder>) => unknown, Classes>>,
  // PullProgressEvent: richer
  Expect<true, Gives<ours.PullProgressEvent, theirs.PullProgressEvent, Classes>>,
  Expect<false, Takes<ours.PullProgressEvent, theirs.PullProgressEvent, Classes>>,
  // PullProgressEvent#kind: richer
  Expect<true, Gives<ours.PullProgressEvent['kind'], theirs.PullProgressEvent['kind'], Classes>>,
  Expect<false, Takes<ours.PullProgressEvent['kind'], theirs.PullProgressEvent['kind'], Classes>>,
  // PullProgressEvent#reference: same
  Expect<true, Gives<ours.PullProgressEvent['reference'], theirs.PullProgressEvent['reference'], Classes>>,
  Expect<true, Takes<ours.PullProgressEvent['reference'], theirs.PullProgressEvent['reference'], Classes>>,
  // PullProgressEvent#manifestDigest: same
  Expect<true, Gives<ours.PullProgressEvent['manifestDigest'], theirs.PullProgressEvent['manifestDigest'], Classes>>,
  Expect<true, Takes<ours.PullProgressEvent['manifestDigest'], theirs.PullProgressEvent['manifestDigest'], Classes>>,
  // PullProgressEvent#layerCount: same
  Expect<true, Gives<ours.PullProgressEvent['layerCount'], theirs.PullProgressEvent['layerCount'], Classes>>,
  Expect<true, Takes<ours.PullProgressEvent['layerCount'], theirs.PullProgressEvent['layerCount'], Classes>>,
  // PullProgressEvent#totalDownloadBytes: same
  Expect<true, Gives<ours.PullProgressEvent['totalDownloadBytes'], theirs.PullProgressEvent['totalDownloadBytes'], Classes>>,
  Expect<true, Takes<ours.PullProgressEvent['totalDownloadBytes'], theirs.PullProgressEvent['totalDownloadBytes'], Classes>>,
  // PullProgressEvent#layerIndex: same
  Expect<true, Gives<ours.PullProgressEvent['layerIndex'], theirs.PullProgressEvent['layerIndex'], Classes>>,
  Expect<true, Takes<ours.PullProgressEvent['layerIndex'], theirs.PullProgressEvent['layerIndex'], Classes>>,
  // PullProgressEvent#digest: same
  Expect<true, Gives<ours.PullProgressEvent['digest'], theirs.PullProgressEvent['digest'], Classes>>,
  Expect<true, Takes<ours.PullProgressEvent['digest'], theirs.PullProgressEvent['digest'], Classes>>,
  // PullProgressEvent#diffId: same
  Expect<true, Gives<ours.PullProgressEvent['diffId'], theirs.PullProgressEvent['diffId'], Classes>>,
  Expect<true, Takes<ours.PullProgressEvent['diffId'], theirs.PullProgressEvent['diffId'], Classes>>,
  // PullProgressEvent#downloadedBytes: same
  Expect<true, Gives<ours.PullProgressEvent['downloadedBytes'], theirs.PullProgressEvent['downloadedBytes'], Classes>>,
  Expect<true, Takes<ours.PullProgressEvent['downloadedBytes'], theirs.PullProgressEvent['downloadedBytes'], Classes>>,
  // PullProgressEvent#totalBytes: same
  Expect<true, Gives<ours.PullProgressEvent['totalBytes'], theirs.PullProgressEvent['totalBytes'], Classes>>,
  Expect<true, Takes<ours.PullProgressEvent['totalBytes'], theirs.PullProgressEvent['totalBytes'], Classes>>,
  // PullProgressEvent#bytesRead: same
  Expect<true, Gives<ours.PullProgressEvent['bytesRead'], theirs.PullProgressEvent['bytesRead'], Classes>>,
  Expect<true, Takes<ours.PullProgressEvent['bytesRead'], theirs.PullProgressEvent['bytesRead'], Classes>>,
  // PullProgressStream: richer
  Expect<true, Gives<ours.PullProgressStream, theirs.PullProgressStream, Classes>>,
  Expect<false, Takes<ours.PullProgressStream, theirs.PullProgressStream, Classes>>,
  // PullProgressStream#recv: richer
  Expect<true, Gives<ours.PullProgressStream['recv'], theirs.PullProgressStream['recv'], Classes>>,
  Expect<false, Takes<ours.PullProgressStream['recv'], theirs.PullProgressStream['recv'], Classes>>,
  // ExecTimeoutError: richer
  Expect<true, Gives<ours.ExecTimeoutError, theirs.ExecTimeoutError, Classes>>,
  // ExecTimeoutError#timeoutMs: richer
  Expect<true, Fits<ours.ExecTimeoutError['timeoutMs'], theirs.ExecTimeoutError['timeoutMs'], Classes>>,
  // new ExecTimeoutError: differs
  Expect<false, Fits<(...args: ConstructorParameters<typeof ours.ExecTimeoutError>) => unknown, (...args: ConstructorParameters<typeof theirs.ExecTimeoutError>) => unknown, Classes>>,
  // HttpError: same
  Expect<true, Gives<ours.HttpError, theirs.HttpError, Classes>>,
  // new HttpError: differs
  Expect<false, Fits<(...args: ConstructorParameters<typeof ours.HttpError>) => unknown, (...args: ConstructorParameters<typeof theirs.HttpError>) => unknown, Classes>>,
  // ImageError: same
  Expect<true, Gives<ours.ImageError, theirs.ImageError, Classes>>,
  // new ImageError: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.ImageError>) => unknown, (...args: ConstructorParameters<typeof theirs.ImageError>) => unknown, Classes>>,
  // ImageInUseError: same
  Expect<true, Gives<ours.ImageInUseError, theirs.ImageInUseError, Classes>>,
  // new ImageInUseError: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.ImageInUseError>) => unknown, (...args: ConstructorParameters<typeof theirs.ImageInUseError>) => unknown, Classes>>,
  // ImageNotFoundError: same
  Expect<true, Gives<ours.ImageNotFoundError, theirs.ImageNotFoundError, Classes>>,
  // new ImageNotFoundError: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.ImageNotFoundError>) => unknown, (...args: ConstructorParameters<typeof theirs.ImageNotFoundError>) => unknown, Classes>>,
  // InvalidConfigError: same
  Expect<true, Gives<ours.InvalidConfigError, theirs.InvalidConfigError, Classes>>,
  // new InvalidConfigError: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.InvalidConfigError>) => unknown, (...args: ConstructorParameters<typeof theirs.InvalidConfigError>) => unknown, Classes>>,
  // NoDefaultCommandError: same
  Expect<true, Gives<ours.NoDefaultCommandError, theirs.NoDefaultCommandError, Classes>>,
  // new NoDefaultCommandError: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.NoDefaultCommandError>) => unknown, (...args: ConstructorParameters<typeof theirs.NoDefaultCommandError>) => unknown, Classes>>,
  // IoError: same
  Expect<true, Gives<ours.IoError, theirs.IoError, Classes>>,
  // new IoError: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.IoError>) => unknown, (...args: ConstructorParameters<typeof theirs.IoError>) => unknown, Classes>>,
  // MicrosandboxError: differs
  Expect<false, Gives<ours.MicrosandboxError, theirs.MicrosandboxError, Classes>>,
  // MicrosandboxError#code: differs
  Expect<false, Fits<ours.MicrosandboxError['code'], theirs.MicrosandboxError['code'], Classes>>,
  // new MicrosandboxError: differs
  Expect<false, Fits<(...args: ConstructorParameters<typeof ours.MicrosandboxError>) => unknown, (...args: ConstructorParameters<typeof theirs.MicrosandboxError>) => unknown, Classes>>,
  // PatchFailedError: richer
  Expect<true, Gives<ours.PatchFailedError, theirs.PatchFailedError, Classes>>,
  // new PatchFailedError: differs
  Expect<false, Fits<(...args: ConstructorParameters<typeof ours.PatchFailedError>) => unknown, (...args: ConstructorParameters<typeof theirs.PatchFailedError>) => unknown, Classes>>,
  // SandboxFsOpsError: richer
  Expect<true, Gives<ours.SandboxFsOpsError, theirs.SandboxFsOpsError, Classes>>,
  // new SandboxFsOpsError: differs
  Expect<false, Fits<(...args: ConstructorParameters<typeof ours.SandboxFsOpsError>) => unknown, (...args: ConstructorParameters<typeof theirs.SandboxFsOpsError>) => unknown, Classes>>,
  // SandboxAlreadyExistsError: same
  Expect<true, Gives<ours.SandboxAlreadyExistsError, theirs.SandboxAlreadyExistsError, Classes>>,
  // new SandboxAlreadyExistsError: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.SandboxAlreadyExistsError>) => unknown, (...args: ConstructorParameters<typeof theirs.SandboxAlreadyExistsError>) => unknown, Classes>>,
  // SandboxNotFoundError: same
  Expect<true, Gives<ours.SandboxNotFoundError, theirs.SandboxNotFoundError, Classes>>,
  // new SandboxNotFoundError: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.SandboxNotFoundError>) => unknown, (...args: ConstructorParameters<typeof theirs.SandboxNotFoundError>) => unknown, Classes>>,
  // SandboxNotRunningError: same
  Expect<true, Gives<ours.SandboxNotRunningError, theirs.SandboxNotRunningError, Classes>>,
  // new SandboxNotRunningError: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.SandboxNotRunningError>) => unknown, (...args: ConstructorParameters<typeof theirs.SandboxNotRunningError>) => unknown, Classes>>,
  // SandboxReplacedError: same
  Expect<true, Gives<ours.SandboxReplacedError, theirs.SandboxReplacedError, Classes>>,
  // new SandboxReplacedError: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.SandboxReplacedError>) => unknown, (...args: ConstructorParameters<typeof theirs.SandboxReplacedError>) => unknown, Classes>>,
  // SandboxStillRunningError: same
  Expect<true, Gives<ours.SandboxStillRunningError, theirs.SandboxStillRunningError, Classes>>,
  // new SandboxStillRunningError: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.SandboxStillRunningError>) => unknown, (...args: ConstructorParameters<typeof theirs.SandboxStillRunningError>) => unknown, Classes>>,
  // TerminalError: same
  Expect<true, Gives<ours.TerminalError, theirs.TerminalError, Classes>>,
  // new TerminalError: same
  Expect<true, Fits<(...args: ConstructorParameters<typeof ours.TerminalError>) => unknown, (...args: ConstructorParameters<typeof theirs.TerminalError>) => unknown, Classes>>,
  // MicrosandboxErrorCode: differs
  Expect<false, Gives<ours.MicrosandboxErrorCode, theirs.MicrosandboxErrorCode, Classes>>,
  Expect<false, Takes<ours.MicrosandboxErrorCode, theirs.MicrosandboxErrorCode, Classes>>,
  // GiB: differs
  Expect<false, Fits<typeof ours.GiB, typeof theirs.GiB, Classes>>,
  // KiB: differs
  Expect<false, Fits<typeof ours.KiB, typeof theirs.KiB, Classes>>,
  // MiB: differs
  Expect<false, Fits<typeof ours.MiB, typeof theirs.MiB, Classes>>,
  // TiB: differs
  Expect<false, Fits<typeof ours.TiB, typeof theirs.TiB, Classes>>,
  // Mebibytes: differs
  Expect<false, Gives<ours.Mebibytes, theirs.Mebibytes, Classes>>,
  Expect<false, Takes<ours.Mebibytes, theirs.Mebibytes, Classes>>,
  // PullPolicies: same
  Expect<true, Fits<typeof ours.PullPolicies, typeof theirs.PullPolicies, Classes>>,
  // PullPolicy: same
  Expect<true, Gives<ours.PullPolicy, theirs.PullPolicy, Classes>>,
  Expect<true, Takes<ours.PullPolicy, theirs.PullPolicy, Classes>>,
  // SandboxStatuses: same
  Expect<true, Fits<typeof ours.SandboxStatuses, typeof theirs.SandboxStatuses, Classes>>,
  // SandboxStatus: same
  Expect<true, Gives<ours.SandboxStatus, theirs.SandboxStatus, Classes>>,
  Expect<true, Takes<ours.SandboxStatus, theirs.SandboxStatus, Classes>>,
  // ExitStatus: richer
  Expect<true, Gives<ours.ExitStatus, theirs.ExitStatus, Classes>>,
  Expect<false, Takes<ours.ExitStatus, theirs.ExitStatus, Classes>>,
  // ExitStatus#code: same
  Expect<true, Gives<ours.ExitStatus['code'], theirs.ExitStatus['code'], Classes>>,
  Expect<true, Takes<ours.ExitStatus['code'], theirs.ExitStatus['code'], Classes>>,
  // ExitStatus#success: same
  Expect<true, Gives<ours.ExitStatus['success'], theirs.ExitStatus['success'], Classes>>,
  Expect<true, Takes<ours.ExitStatus['success'], theirs.ExitStatus['success'], Classes>>,
  // ExecEvent: differs
  Expect<false, Gives<ours.ExecEvent, theirs.ExecEvent, Classes>>,
  Expect<false, Takes<ours.ExecEvent, theirs.ExecEvent, Classes>>,
  // Stdin.null: same
  Expect<true, Fits<(typeof ours.Stdin)['null'], (typeof theirs.Stdin)['null'], Classes>>,
  // Stdin.pipe: same
  Expect<true, Fits<(typeof ours.Stdin)['pipe'], (typeof theirs.Stdin)['pipe'], Classes>>,
  // Stdin.bytes: same
  Expect<true, Fits<(typeof ours.Stdin)['bytes'], (typeof theirs.Stdin)['bytes'], Classes>>,
  // StdinMode: same
  Expect<true, Gives<ours.StdinMode, theirs.StdinMode, Classes>>,
  Expect<true, Takes<ours.StdinMode, theirs.StdinMode, Classes>>,
  // Rlimit: same
  Expect<true, Gives<ours.Rlimit, theirs.Rlimit, Classes>>,
  Expect<true, Takes<ours.Rlimit, theirs.Rlimit, Classes>>,
  // Rlimit#resource: same
  Expect<true, Gives<ours.Rlimit['resource'], theirs.Rlimit['resource'], Classes>>,
  Expect<true, Takes<ours.Rlimit['resource'], theirs.Rlimit['resource'], Classes>>,
  // Rlimit#soft: same
  Expect<true, Gives<ours.Rlimit['soft'], theirs.Rlimit['soft'], Classes>>,
  Expect<true, Takes<ours.Rlimit['soft'], theirs.Rlimit['soft'], Classes>>,
  // Rlimit#hard: same
  Expect<true, Gives<ours.Rlimit['hard'], theirs.Rlimit['hard'], Classes>>,
  Expect<true, Takes<ours.Rlimit['hard'], theirs.Rlimit['hard'], Classes>>,
  // RlimitResource: same
  Expect<true, Gives<ours.RlimitResource, theirs.RlimitResource, Classes>>,
  Expect<true, Takes<ours.RlimitResource, theirs.RlimitResource, Classes>>,
  // FsEntry: richer
  Expect<true, Gives<ours.FsEntry, theirs.FsEntry, Classes>>,
  Expect<false, Takes<ours.FsEntry, theirs.FsEntry, Classes>>,
  // FsEntry#path: same
  Expect<true, Gives<ours.FsEntry['path'], theirs.FsEntry['path'], Classes>>,
  Expect<true, Takes<ours.FsEntry['path'], theirs.FsEntry['path'], Classes>>,
  // FsEntry#kind: same
  Expect<true, Gives<ours.FsEntry['kind'], theirs.FsEntry['kind'], Classes>>,
  Expect<true, Takes<ours.FsEntry['kind'], theirs.FsEntry['kind'], Classes>>,
  // FsEntry#size: same
  Expect<true, Gives<ours.FsEntry['size'], theirs.FsEntry['size'], Classes>>,
  Expect<true, Takes<ours.FsEntry['size'], theirs.FsEntry['size'], Classes>>,
  // FsEntry#mode: same
  Expect<true, Gives<ours.FsEntry['mode'], theirs.FsEntry['mode'], Classes>>,
  Expect<true, Takes<ours.FsEntry['mode'], theirs.FsEntry['mode'], Classes>>,
  // FsEntry#modified: same
  Expect<true, Gives<ours.FsEntry['modified'], theirs.FsEntry['modified'], Classes>>,
  Expect<true, Takes<ours.FsEntry['modified'], theirs.FsEntry['modified'], Classes>>,
  // FsEntryKind: same
  Expect<true, Gives<ours.FsEntryKind, theirs.FsEntryKind, Classes>>,
  Expect<true, Takes<ours.FsEntryKind, theirs.FsEntryKind, Classes>>,
  // FsMetadata: richer
  Expect<true, Gives<ours.FsMetadata, theirs.FsMetadata, Classes>>,
  Expect<false, Takes<ours.FsMetadata, theirs.FsMetadata, Classes>>,
  // FsMetadata#kind: same
  Expect<true, Gives<ours.FsMetadata['kind'], theirs.FsMetadata['kind'], Classes>>,
  Expect<true, Takes<ours.FsMetadata['kind'], theirs.FsMetadata['kind'], Classes>>,
  // FsMetadata#size: same
  Expect<true, Gives<ours.FsMetadata['size'], theirs.FsMetadata['size'], Classes>>,
  Expect<true, Takes<ours.FsMetadata['size'], theirs.FsMetadata['size'], Classes>>,
  // FsMetadata#mode: same
  Expect<true, Gives<ours.FsMetadata['mode'], theirs.FsMetadata['mode'], Classes>>,
  Expect<true, Takes<ours.FsMetadata['mode'], theirs.FsMetadata['mode'], Classes>>,
  // FsMetadata#readonly: same
  Expect<true, Gives<ours.FsMetadata['readonly'], theirs.FsMetadata['readonly'], Classes>>,
  Expect<true, Takes<ours.FsMetadata['readonly'], theirs.FsMetadata['readonly'], Classes>>,
  // FsMetadata#modified: same
  Expect<true, Gives<ours.FsMetadata['modified'], theirs.FsMetadata['modified'], Classes>>,
  Expect<true, Takes<ours.FsMetadata['modified'], theirs.FsMetadata['modified'], Classes>>,
  // FsMetadata#created: differs
  Expect<true, Gives<ours.FsMetadata['created'], theirs.FsMetadata['created'], Classes>>,
  Expect<false, Takes<ours.FsMetadata['created'], theirs.FsMetadata['created'], Classes>>,
  // PatchKind: same
  Expect<true, Gives<ours.PatchKind, theirs.PatchKind, Classes>>,
  Expect<true, Takes<ours.PatchKind, theirs.PatchKind, Classes>>,
  // PatchKinds: same
  Expect<true, Fits<typeof ours.PatchKinds, typeof theirs.PatchKinds, Classes>>,
  // RegistryAuthKinds: same
  Expect<true, Fits<typeof ours.RegistryAuthKinds, typeof theirs.RegistryAuthKinds, Classes>>,
  // RegistryAuth: same
  Expect<true, Gives<ours.RegistryAuth, theirs.RegistryAuth, Classes>>,
  Expect<true, Takes<ours.RegistryAuth, theirs.RegistryAuth, Classes>>,
  // RegistryAuthKind: same
  Expect<true, Gives<ours.RegistryAuthKind, theirs.RegistryAuthKind, Classes>>,
  Expect<true, Takes<ours.RegistryAuthKind, theirs.RegistryAuthKind, Classes>>,
  // PullProgress: same
  Expect<true, Gives<ours.PullProgress, theirs.PullProgress, Classes>>,
  Expect<true, Takes<ours.PullProgress, theirs.PullProgress, Classes>>,
];
