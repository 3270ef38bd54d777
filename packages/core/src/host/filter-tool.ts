import { spawn } from 'node:child_process';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { IoError, MissingDependencyError, TimeoutError } from '../errors.js';
import { clearTimeout, setTimeout } from './clock.js';
import { findExecutable } from './executables.js';

export interface FilterOptions {
  /** Milliseconds after which it is killed. */
  readonly timeoutMs: number;
  /** What to do where it is not installed. */
  readonly remedy: string;
}

const keptOutput = 4 * 1024;

/**
 * A program that reads its standard input and writes its standard output, without a shell, as a stream. It is killed with the stream.
 *
 * @throws MissingDependencyError. The stream: TimeoutError; IoError with the end of what it said, where it fails; the input's own error.
 */
export function filterTool(
  name: string,
  args: readonly string[],
  input: Readable,
  { timeoutMs, remedy }: FilterOptions,
): Readable {
  const file = findExecutable(name);
  if (!file) throw new MissingDependencyError(`${name} is not installed. ${remedy}`);
  const child = spawn(file, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8', TZ: 'UTC' },
  });
  let said = Buffer.alloc(0);
  child.stderr.on('data', (chunk: Buffer) => {
    said = Buffer.concat([said, chunk]).subarray(-keptOutput);
  });
  const output = new PassThrough({ highWaterMark: 1024 * 1024 });
  const timer = setTimeout(
    () => output.destroy(new TimeoutError(`${name} did not end within ${timeoutMs} ms and was killed.`)),
    timeoutMs,
  );
  output.once('close', () => {
    clearTimeout(timer);
    child.kill('SIGKILL');
    input.destroy();
  });
  let inputError: unknown;
  // Where the program ends first, the pipe breaks: why it did is said by its exit code.
  pipeline(input, child.stdin).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_PREMATURE_CLOSE') inputError = error;
  });
  child.once('error', (error) => output.destroy(error));
  child.stdout.on('error', (error) => output.destroy(error));
  child.stdout.pipe(output, { end: false });
  child.once('close', (code, signal) => {
    if (inputError) output.destroy(inputError as Error);
    else if (code === 0) output.end();
    else {
      const how = signal ?? `exit code ${code}`;
      output.destroy(new IoError(`${name} failed (${how}): ${said.toString('utf8').trim()}`));
    }
  });
  return output;
}
