/**
 * Holds our classes to the type declarations of the npm package `microsandbox`: each member that both have takes what theirs
 * takes and gives what theirs gives, or more. Checked by the compiler; nothing here runs.
 *
 * Their classes have private members, which makes them nominal, so members are compared one by one, with their classes read as
 * ours wherever they occur.
 */
import type * as ours from '@msbtest/core';
import type * as theirs from 'microsandbox';

/** Their class, as the one of ours that takes its place. */
type Translated<T> = T extends theirs.Sandbox
  ? ours.Sandbox
  : T extends theirs.SandboxHandle
    ? ours.SandboxHandle
    : T extends theirs.SandboxBuilder
      ? ours.SandboxBuilder
      : T extends theirs.SandboxListBuilder
        ? ours.SandboxListBuilder
        : T extends theirs.ExecHandle
          ? ours.ExecHandle
          : T extends theirs.ExecOutput
            ? ours.ExecOutput
            : T extends theirs.ExecSink
              ? ours.ExecSink
              : T extends theirs.ImageHandle
                ? ours.ImageHandle
                : T extends theirs.SandboxPage
                  ? ours.SandboxPage
                  : T extends theirs.SandboxFsOps
                    ? ours.SandboxFsOps
                    : T extends theirs.FsReadStream
                      ? ours.FsReadStream
                      : T extends theirs.FsWriteSink
                        ? ours.FsWriteSink
                        : T;

/** What a result is compared as: a promise of nothing may be a promise of something. */
type Result<T> = [T] extends [Promise<infer R>]
  ? [undefined] extends [R]
    ? Promise<unknown>
    : Promise<Elements<R>>
  : Elements<T>;
type Elements<T> = T extends (infer E)[] ? Translated<E>[] : Translated<T>;

/** A function of ours fits if it takes their arguments and its result serves as theirs; a property, if it serves as theirs. */
type MemberFits<Ours, Theirs> = [Theirs] extends [(...args: infer A) => infer R]
  ? [Ours] extends [(...args: infer B) => infer S]
    ? [Plain<A>] extends [Plain<Partial<B>> | Plain<B>]
      ? [S] extends [Result<R>]
        ? true
        : { result: S; theirs: Result<R> }
      : { takes: B; theirs: A }
    : { member: Ours; theirs: Theirs }
  : [Ours] extends [Translated<Theirs>]
    ? true
    : { member: Ours; theirs: Theirs };

/** Arguments without those that are callbacks over builder classes, which are compared for themselves. */
type Plain<A> = { [K in keyof A]: A[K] extends (...args: never[]) => unknown ? unknown : A[K] };

type Misfits<Ours, Theirs, Except extends PropertyKey = never> = {
  [K in Exclude<keyof Ours & keyof Theirs, Except> as MemberFits<Ours[K], Theirs[K]> extends true
    ? never
    : K]: MemberFits<Ours[K], Theirs[K]>;
};

/** Only `{}` fits; anything else shows the members that do not. */
type None = Record<never, never>;
const nothing: None = {};

export const sandbox: Misfits<ours.Sandbox, theirs.Sandbox> = nothing;
export const handle: Misfits<ours.SandboxHandle, theirs.SandboxHandle> = nothing;
// Our events have one kind more, `stdinError`, which theirs fail to pass on; see Data below.
export const execHandle: Misfits<ours.ExecHandle, theirs.ExecHandle, 'recv' | typeof Symbol.asyncIterator> =
  nothing;
export const execOutput: Misfits<ours.ExecOutput, theirs.ExecOutput> = nothing;
export const execSink: Misfits<ours.ExecSink, theirs.ExecSink> = nothing;
// Theirs takes a callback for rootDisk as well; ours takes the size in MiB.
export const builder: Misfits<ours.SandboxBuilder, theirs.SandboxBuilder, 'rootDisk'> = nothing;
export const listBuilder: Misfits<ours.SandboxListBuilder, theirs.SandboxListBuilder> = nothing;
export const statics: Misfits<typeof ours.Sandbox, typeof theirs.Sandbox, 'prototype'> = nothing;
export const fs: Misfits<ours.SandboxFsOps, theirs.SandboxFsOps> = nothing;
export const fsReadStream: Misfits<ours.FsReadStream, theirs.FsReadStream> = nothing;
export const fsWriteSink: Misfits<ours.FsWriteSink, theirs.FsWriteSink> = nothing;
export const imageHandle: Misfits<ours.ImageHandle, theirs.ImageHandle> = nothing;

/** Plain data and errors are compared as they are. */
type Extends<A extends B, B> = A;
type TheirStopResult = Awaited<ReturnType<theirs.SandboxHandle['waitUntilStopped']>>;
export type Data = [
  Extends<ours.SandboxStopResult, TheirStopResult>,
  Extends<ours.StopResult, TheirStopResult>,
  Extends<Exclude<ours.ExecEvent, { kind: 'stdinError' }>, theirs.ExecEvent>,
  Extends<ours.SandboxPingResult, theirs.SandboxPingResult>,
  Extends<ours.SandboxTouchResult, theirs.SandboxTouchResult>,
  Extends<ours.ExitStatus, theirs.ExitStatus>,
  Extends<theirs.StdinMode, ours.StdinMode>,
  Extends<theirs.SandboxStatus, ours.SandboxStatus>,
  Extends<ours.InvalidConfigError, theirs.InvalidConfigError>,
  Extends<ours.SandboxNotFoundError, theirs.SandboxNotFoundError>,
  Extends<ours.SandboxAlreadyExistsError, theirs.SandboxAlreadyExistsError>,
  Extends<ours.SandboxReplacedError, theirs.SandboxReplacedError>,
  Extends<ours.SandboxStillRunningError, theirs.SandboxStillRunningError>,
  Extends<ours.SandboxNotRunningError, theirs.SandboxNotRunningError>,
  Extends<ours.ExecTimeoutError, theirs.ExecTimeoutError>,
  Extends<ours.ImageNotFoundError, theirs.ImageNotFoundError>,
  Extends<ours.ImageError, theirs.ImageError>,
  Extends<ours.IoError, theirs.IoError>,
  Extends<ours.SandboxFsOpsError, theirs.SandboxFsOpsError>,
  Extends<ours.FsEntry, theirs.FsEntry>,
  Extends<ours.FsMetadata, theirs.FsMetadata>,
];
