import { constants } from 'node:os';
import { ExecFailedError, ExecTimeoutError, TerminalError } from '../errors.js';
import { errnoOf } from '../host/native.js';
import { AttachOptionsBuilder } from '../sandbox/attach.js';
import type { ExecHandle } from '../sandbox/exec-handle.js';
import type { ExecSink } from '../sandbox/exec-sink.js';
import type { CommandOptionsBuilder } from '../sandbox/exec-types.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { checkRlimit } from '../sandbox/spec.js';
import { type Invocation, UsageError } from './command.js';

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
  'detach-keys': { type: 'string' },
  timeout: { type: 'string' },
  rlimit: { type: 'string', multiple: true },
} as const;

/** What the help says of `-t`. */
export const ttyOptionHelp = `  -t, --tty          run it at our terminal: keys, colours, window size; -i is implied
  --detach-keys KEYS with -t: the keys (ctrl-]) that leave it to itself; it and the sandbox go on`;

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
  else if (invocation.text('detach-keys') !== undefined)
    throw new UsageError('--detach-keys is for a command at a terminal: it takes -t.');
  attachConfigured(new AttachOptionsBuilder(), invocation);
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
  try {
    if (invocation.flag('tty')) return await attach(sandbox, program, args, invocation);
    return await exec(sandbox, program, args, invocation);
  } catch (error) {
    if (isBrokenPipe(error)) return statusSignal + constants.signals.SIGPIPE; // nobody reads us any more
    const isCommands = error instanceof ExecFailedError || error instanceof ExecTimeoutError;
    if (!isCommands) throw error;
    process.stderr.write(`msbtest: ${error.message}\n`);
    if (error instanceof ExecTimeoutError) return statusTimeout;
    return error.kind === 'not_found' ? statusNotFound : statusNotExecutable;
  }
}

/** @throws UsageError */
function expectTerminal(): void {
  if (process.stdin.isTTY) return;
  throw new UsageError(
    '-t runs the command at our terminal, but our stdin is none: it is a file, a pipe or closed. Drop -t; -i alone passes on what is piped in.',
  );
}

/** At our terminal. Who leaves the command to itself leaves it its machine. */
async function attach(
  sandbox: Sandbox,
  program: string,
  args: readonly string[],
  invocation: Invocation,
): Promise<number> {
  let isDetached = false;
  const status = await sandbox.attachWith(program, (options) =>
    attachConfigured(options.args(args), invocation).onDetach(() => {
      isDetached = true;
    }),
  );
  if (!isDetached) return status;
  await sandbox.detach();
  process.stderr.write(`msbtest: detached; "${program}" goes on in sandbox "${sandbox.name}".\n`);
  return status;
}

async function exec(
  sandbox: Sandbox,
  program: string,
  args: readonly string[],
  invocation: Invocation,
): Promise<number> {
  await using running = await sandbox.execStreamWith(program, (options) => {
    configured(options.args(args), invocation);
    return invocation.flag('interactive') ? options.stdinPipe() : options;
  });
  const stdin = await running.takeStdin();
  try {
    if (stdin) passStdin(stdin);
    return await passOutput(running);
  } finally {
    if (stdin) process.stdin.destroy(); // nobody reads it any more, and it would keep this process
  }
}

function isBrokenPipe(error: unknown): boolean {
  return errnoOf(error instanceof TerminalError ? error.cause : error) === 'EPIPE';
}

/** @throws UsageError, InvalidConfigError */
function attachConfigured(options: AttachOptionsBuilder, invocation: Invocation): AttachOptionsBuilder {
  configured(options, invocation);
  const keys = invocation.text('detach-keys');
  return keys === undefined ? options : options.detachKeys(keys);
}

/** @throws UsageError, InvalidConfigError */
function configured(options: CommandOptionsBuilder, invocation: Invocation): void {
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
