import { spawn } from 'node:child_process';
import { clearTimeout, setTimeout } from './clock.js';

export interface Answer {
  /** null where it was killed, or could not be started. */
  readonly code: number | null;
  /** How it ended, in words. */
  readonly ending: string;
  readonly stdout: string;
}

/**
 * Gives a program a line and reads what it answers. What it writes to stderr is dropped: it may hold what nobody is to see.
 *
 * @param options.timeoutMs after which it is killed.
 * @param options.maxBytes of its answer, after which it is killed.
 */
export function askProgram(
  file: string,
  args: readonly string[],
  question: string,
  options: { readonly env: NodeJS.ProcessEnv; readonly timeoutMs: number; readonly maxBytes: number },
): Promise<Answer> {
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'ignore'], env: options.env });
    const chunks: Buffer[] = [];
    let length = 0;
    let killed: string | undefined;
    const kill = (why: string) => {
      killed ??= why;
      child.kill('SIGKILL');
      child.stdout.destroy(); // whatever it has started may hold the pipe open
    };
    const timer = setTimeout(
      () => kill(`it did not answer within ${options.timeoutMs} ms and was killed`),
      options.timeoutMs,
    );
    const end = (code: number | null, ending: string) => {
      clearTimeout(timer);
      resolve({ code, ending, stdout: Buffer.concat(chunks).toString('utf8') });
    };
    child.stdout.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > options.maxBytes) kill('it says more than a credential');
      else chunks.push(chunk);
    });
    child.stdin.on('error', () => {}); // one that does not read its question may still answer
    child.stdin.end(`${question}\n`);
    child.once('error', (error) => end(null, error.message));
    child.once('close', (code, signal) =>
      end(killed === undefined ? code : null, killed ?? signal ?? `exit code ${code}`),
    );
  });
}
