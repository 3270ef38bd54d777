import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { IoError, MissingDependencyError, TimeoutError } from '../errors.js';
import { clearTimeout, setTimeout } from './clock.js';
import { findExecutable } from './executables.js';

export interface ToolOptions {
  /** Bytes for its standard input; none by default. */
  readonly input?: Readable;
  /** Milliseconds after which it is killed. */
  readonly timeoutMs: number;
  /** The Debian package that has it, for the message when it is missing. */
  readonly debianPackage: string;
}

const keptOutput = 4 * 1024;

/**
 * Runs one of the field's tools (mke2fs, e2fsck) to its end, without a shell.
 *
 * @throws MissingDependencyError when it is not installed; TimeoutError; IoError with the end of its output.
 */
export async function runTool(name: string, args: readonly string[], options: ToolOptions): Promise<void> {
  const file = findExecutable(name);
  if (!file) {
    throw new MissingDependencyError(
      `${name} is not installed. On Debian: apt-get install ${options.debianPackage}`,
    );
  }
  const child = spawn(file, args, {
    stdio: [options.input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8', TZ: 'UTC' },
  });
  const output = tail(child);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, options.timeoutMs);
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  ended.catch(() => {}); // awaited below, after the input's own outcome
  try {
    const fed =
      options.input && child.stdin
        ? pipeline(options.input, child.stdin).then(undefined, (e: unknown) => e)
        : undefined;
    // A source that fails (a damaged layer) closes the pipe: the tool then ends with an error of its own, which is
    // a consequence; the cause is what has to be thrown.
    const [inputError, result] = await Promise.all([fed, ended]);
    if (timedOut)
      throw new TimeoutError(`${name} did not end within ${options.timeoutMs} ms and was killed.`);
    if (inputError && !isBrokenPipe(inputError)) throw inputError;
    if (result.code !== 0) {
      throw new IoError(
        `${name} ${args.join(' ')} failed (${result.signal ?? `exit code ${result.code}`}):\n${output()}`,
      );
    }
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
  }
}

function tail(child: ChildProcess): () => string {
  let kept = Buffer.alloc(0);
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      kept = Buffer.concat([kept, chunk]).subarray(-keptOutput);
    });
  }
  return () => kept.toString('utf8').trim();
}

function isBrokenPipe(error: unknown): boolean {
  const code = (error as { code?: string }).code;
  return code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}
