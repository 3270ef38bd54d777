import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { checkout } from './saboteurs.js';

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the command as a user would, with pipes. */
export function startMsbtest(
  args: readonly string[],
  env: Record<string, string> = {},
): ChildProcessWithoutNullStreams {
  const child = spawn(`${checkout}/node_modules/.bin/msbtest`, args, { env: { ...process.env, ...env } });
  child.stdin.on('error', () => {}); // it may end without having read
  return child;
}

/** Runs the command to its end, with `input` on its stdin. */
export function msbtest(
  args: readonly string[],
  { input = '', env = {} }: { input?: string; env?: Record<string, string> } = {},
): Promise<Run> {
  const child = startMsbtest(args, env);
  child.stdin.end(input);
  return ended(child);
}

/** What it says until its end. */
export function ended(child: ChildProcessWithoutNullStreams): Promise<Run> {
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  return new Promise((resolve) => child.once('close', (status) => resolve({ status, ...output })));
}
