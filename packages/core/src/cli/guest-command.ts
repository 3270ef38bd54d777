import { constants } from 'node:os';
import { ExecFailedError, ExecTimeoutError } from '../errors.js';
import { errnoOf } from '../host/native.js';
import type { ExecHandle, ExecSink } from '../sandbox/exec-handle.js';
import { ExecOptionsBuilder } from '../sandbox/exec-types.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { checkRlimit } from '../sandbox/spec.js';
import { type Invocation, UsageError } from './command.js';
import { expectTerminal, takeTerminal, windowSize } from './terminal.js';

/** As shells and container tools have it: 126 cannot be executed, 127 not found, 128 + n ended by signal n. */
const statusNotExecutable = 126;
const statusNotFound = 127;
const statusSignal = 128;
/** As `timeout` has it. */
const statusTimeout = 124;

/** The options that everything that runs a guest command has. */
export const commandOptions = {
  env: { type: 'string', short: 'e', multiple: true },
  workdir: { type: 'string', short: 'w' },
  user: { type: 'string', short: 'u' },
  interactive: { type: 'boolean', short: 'i' },
  tty: { type: 'boolean', short: 't' },
  timeout: { type: 'string' },
  rlimit: { type: 'string', multiple: true },
} as const;

/** What the help says of those whose names do not say it. */
export const commandOptionsHelp = `  --timeout MS       kill COMMAND after MS milliseconds; the exit status is 124
  --rlimit R=N[:M]   a limit of COMMAND, such as nofile=256, soft N and hard M; may be repeated`;

/**
 * The command to run: what stands after `--`, or else the positionals after the first. To be called before a machine is made
 * for it: what the command line asks for is checked.
 *
 * @throws UsageError
 */
export function guestCommand(invocation: Invocation): readonly string[] {
  const { positionals, rest } = invocation;
  if (invocation.flag('tty')) expectTerminal();
  configured(new ExecOptionsBuilder(), invocation);
  if (rest.length > 0 && positionals.length > 1)
    throw new UsageError(`"${positionals[1]}" is one argument too many.`);
  return rest.length > 0 ? rest : positionals.slice(1);
}

/**
 * Runs a command with its output on ours as it comes, and with our stdin or at our terminal if that was asked for.
 *
 * @returns the exit status that a shell would give.
 */
export async function runGuestCommand(
  sandbox: Sandbox,
  command: readonly string[],
  invocation: Invocation,
): Promise<number> {
  const [program, ...args] = command;
  if (program === undefined) throw new UsageError('There is no command to run.');
  const tty = invocation.flag('tty');
  const configure = (options: ExecOptionsBuilder) => {
    configured(options.args(args), invocation);
    if (tty) options.tty(true, windowSize());
    return tty || invocation.flag('interactive') ? options.stdinPipe() : options;
  };
  let handle: ExecHandle;
  try {
    handle = await sandbox.execStreamWith(program, configure);
  } catch (error) {
    if (!(error instanceof ExecFailedError)) throw error;
    process.stderr.write(`msbtest: ${error.message}\n`);
    return error.kind === 'not_found' ? statusNotFound : statusNotExecutable;
  }
  await using running = handle;
  const stdin = await running.takeStdin();
  try {
    using _terminal = tty ? takeTerminal(({ rows, cols }) => running.resize(rows, cols)) : null;
    if (stdin) passStdin(stdin);
    return await passOutput(running);
  } catch (error) {
    if (errnoOf(error) === 'EPIPE') return statusSignal + constants.signals.SIGPIPE; // nobody reads us any more
    if (!(error instanceof ExecTimeoutError)) throw error;
    process.stderr.write(`msbtest: ${error.message}\n`);
    return statusTimeout;
  } finally {
    if (stdin) process.stdin.destroy(); // nobody reads it any more, and it would keep this process
  }
}

/** @throws UsageError, InvalidConfigError */
function configured(options: ExecOptionsBuilder, invocation: Invocation): void {
  for (const pair of invocation.texts('env')) options.env(...splitPair(pair));
  for (const limit of invocation.texts('rlimit')) options.rlimitRange(...splitLimit(limit));
  const [workdir, user] = [invocation.text('workdir'), invocation.text('user')];
  if (workdir !== undefined) options.cwd(workdir);
  if (user !== undefined) options.user(user);
  const timeoutMs = invocation.number('timeout');
  if (timeoutMs !== undefined) options.timeout(timeoutMs);
}

function splitLimit(limit: string): [resource: string, soft: number, hard: number] {
  const [, resource = '', soft = '', hard = soft] = /^([a-z]+)=(\d+)(?::(\d+))?$/.exec(limit) ?? [];
  if (resource === '') throw new UsageError(`--rlimit takes NAME=SOFT or NAME=SOFT:HARD, not "${limit}".`);
  checkRlimit(resource, Number(soft), Number(hard));
  return [resource, Number(soft), Number(hard)];
}

async function passOutput(running: ExecHandle): Promise<number> {
  for await (const event of running) {
    if (event.kind === 'stdout') await write(process.stdout, event.data);
    else if (event.kind === 'stderr') await write(process.stderr, event.data);
    else if (event.kind === 'exited') return event.signal === null ? event.code : statusSignal + event.signal;
  }
  return 1;
}

export function splitPair(pair: string): [string, string] {
  const equals = pair.indexOf('=');
  if (equals <= 0) throw new UsageError(`--env takes NAME=VALUE, not "${pair}".`);
  return [pair.slice(0, equals), pair.slice(equals + 1)];
}

function passStdin(sink: ExecSink): void {
  const pass = async () => {
    for await (const chunk of process.stdin) await sink.write(chunk as Buffer);
    await sink.close();
  };
  pass().catch(() => {}); // the command has ended, or its machine has; both are told by the events
}

function write(stream: NodeJS.WriteStream, data: Uint8Array): Promise<void> {
  if (stream.listenerCount('error') === 0) stream.on('error', () => {}); // the callback tells it
  return new Promise((resolve, reject) => stream.write(data, (error) => (error ? reject(error) : resolve())));
}
