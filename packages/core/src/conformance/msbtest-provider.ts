import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  acceleratorChoice,
  checkUpper,
  type ExecHandle,
  type ExecOutput,
  type ExecSink,
  pickAccelerator,
  releaseTemplates,
  Sandbox,
  type SandboxBuilder,
  type SandboxHandle,
  SandboxNotFoundError,
  SandboxReplacedError,
} from '../index.js';
import type {
  CreateOptions,
  ExecOptions,
  ExecResult,
  Probe,
  ProvidedSandbox,
  Provider,
  RunningCommand,
  StopReport,
} from './provider.js';

/** For the command line: the budget of the stop, and what it takes to start Node. */
const stopCommandMs = 60_000;
const commandWithinMs = stopCommandMs + 30_000;

const defaultMemoryMib = 256;
const live: readonly string[] = ['starting', 'running', 'draining'];
const pageSize = 100;

export interface MsbtestProviderOptions {
  /** Default `msbtest`. */
  readonly name?: string;
  /** Default `msb-base`. */
  readonly image?: string;
  /** How a machine is made of what describes it; default as any is. */
  readonly create?: (builder: SandboxBuilder) => Promise<Sandbox>;
}

/** This library's own sandboxes, through its public API. */
export function msbtestProvider({
  name = 'msbtest',
  image = 'msb-base',
  create = (builder) => builder.create(),
}: MsbtestProviderOptions = {}): Provider {
  return {
    name,
    longestName: 128,
    initProgram: '/bin/busybox', // of msb-base
    capabilities: {
      stop: true,
      restart: true,
      'own-kernel': true,
      streams: true,
      'exit-signals': true,
      'stop-report': true,
      'by-name': true,
      list: true,
      'unique-names': true,
      detach: true,
      'owner-close': true,
      'owner-death': true,
      ephemeral: true,
      'stop-command': true,
      replace: true,
      'idle-timeout': true,
      'max-duration': true,
      'second-disk': 'a sandbox has one disk',
      'mapped-writes': true,
      'vmm-pid':
        process.platform === 'linux' || 'the process is found by what it has open, which Linux alone tells',
      'disk-check': true,
      init: true,
      'own-processes': true,
      'own-files': true,
      'own-sockets': true,
      identity: true,
      'memory-limit': true,
      'cpu-limit': true,
      'disk-limit': true,
      rlimits: true,
    },
    probe,
    create: async (options) => new Provided(await create(describe(options, image))),
    get: async (wanted) => new Provided(await Sandbox.get(wanted)),
    list,
    stopByCommand,
    close: releaseTemplates,
  };
}

export default msbtestProvider();

async function probe(): Promise<Probe> {
  try {
    pickAccelerator(acceleratorChoice());
    return { ok: true };
  } catch (error) {
    return { unsupported: (error as Error).message };
  }
}

function describe(options: CreateOptions, image: string): SandboxBuilder {
  const { env, replace, ephemeral, idleTimeoutSecs, maxDurationSecs, init, cpus, diskMib, maxOpenFiles } =
    options;
  const builder = Sandbox.builder(options.name)
    .image(image)
    .memory(options.memoryMib ?? defaultMemoryMib)
    .ephemeral(ephemeral ?? false);
  if (env) builder.envs(env);
  if (replace) builder.replaceWithTimeout(replace.timeoutMs);
  if (idleTimeoutSecs !== undefined) builder.idleTimeout(idleTimeoutSecs);
  if (maxDurationSecs !== undefined) builder.maxDuration(maxDurationSecs);
  if (init) builder.init('auto');
  if (cpus !== undefined) builder.cpus(cpus);
  if (diskMib !== undefined) builder.rootDisk(diskMib);
  if (maxOpenFiles !== undefined) builder.rlimit('nofile', maxOpenFiles);
  return builder;
}

async function list(): Promise<string[]> {
  const names: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const from = cursor;
    const page = await Sandbox.listWith((all) =>
      (from === undefined ? all : all.cursor(from)).limit(pageSize),
    );
    names.push(...page.sandboxes.map((handle) => handle.name));
    cursor = page.nextCursor;
    if (cursor === undefined) return names;
  }
}

async function stopByCommand(name: string): Promise<void> {
  const program = fileURLToPath(new URL('../../bin/msbtest.js', import.meta.url));
  const args = [program, 'stop', '--timeout', `${stopCommandMs}`, name];
  await promisify(execFile)(process.execPath, args, { timeout: commandWithinMs });
}

/** A sandbox as its owner holds it, or by a handle, which need not run. */
class Provided implements ProvidedSandbox {
  readonly name: string;
  readonly directory = '/root';
  readonly #held: Sandbox | SandboxHandle;
  /** For commands: what is held, or a connection that is made for the first of them. */
  #running: Promise<Sandbox> | undefined;

  constructor(held: Sandbox | SandboxHandle) {
    this.#held = held;
    this.name = held.name;
  }

  async exec(
    [program = '', ...args]: readonly string[],
    { stdin, env = {} }: ExecOptions = {},
  ): Promise<ExecResult> {
    const sandbox = await this.#connected();
    const output = await sandbox.execWith(program, (options) => {
      options.args(args).envs(env);
      return stdin ? options.stdinBytes(stdin) : options;
    });
    return resultOf(output);
  }

  async start([program = '', ...args]: readonly string[]): Promise<RunningCommand> {
    const sandbox = await this.#connected();
    const handle = await sandbox.execStreamWith(program, (options) => options.args(args).stdinPipe());
    const stdin = await handle.takeStdin();
    if (!stdin) throw new Error(`"${program}" was started without a stdin.`);
    return new Running(handle, stdin);
  }

  async stop(timeoutMs: number): Promise<StopReport> {
    const { outcome } = await this.#held.stopWithTimeout(timeoutMs);
    return { outcome: outcome === 'already-stopped' ? null : outcome };
  }

  async kill(): Promise<void> {
    try {
      await this.#held.kill();
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  async remove(): Promise<void> {
    await this.close(); // of an ephemeral one that is owned, this removes it
    const handle = await this.#handle();
    await handle?.remove();
  }

  async isRunning(): Promise<boolean> {
    const handle = await this.#handle();
    return handle !== null && live.includes(handle.status);
  }

  async startAgain(): Promise<ProvidedSandbox> {
    const handle = await this.#handle();
    if (!handle) throw new Error(`Sandbox "${this.name}" is gone.`);
    if (!handle.config().ephemeral) await this.close(); // what it kept for a machine that is gone
    return new Provided(await handle.start());
  }

  async waitUntilStopped(): Promise<void> {
    await this.#held.waitUntilStopped();
  }

  async detach(): Promise<void> {
    if (this.#held instanceof Sandbox) await this.#held.detach();
  }

  async close(): Promise<void> {
    const sandbox = this.#held instanceof Sandbox ? this.#held : await this.#running?.catch(() => undefined);
    await sandbox?.[Symbol.asyncDispose]();
  }

  async vmmPid(): Promise<number> {
    return processWith(this.#held.diskPath);
  }

  async checkDisk(): Promise<string | null> {
    const { clean, needsRecovery, report } = await checkUpper(this.#held.diskPath);
    if (clean) return null;
    return needsRecovery ? 'its journal has not been replayed' : report;
  }

  #connected(): Promise<Sandbox> {
    this.#running ??= this.#held instanceof Sandbox ? Promise.resolve(this.#held) : this.#held.connect();
    return this.#running;
  }

  /** It as it is now; null when it is gone, or another one has its name. */
  async #handle(): Promise<SandboxHandle | null> {
    try {
      const handle = await Sandbox.get(this.name);
      return handle.id === this.#held.id ? handle : null;
    } catch (error) {
      if (isGone(error)) return null;
      throw error;
    }
  }
}

class Running implements RunningCommand {
  readonly ended: Promise<ExecResult>;
  readonly #handle: ExecHandle;
  readonly #stdin: ExecSink;

  constructor(handle: ExecHandle, stdin: ExecSink) {
    this.#handle = handle;
    this.#stdin = stdin;
    this.ended = handle.collect().then(resultOf);
    this.ended.catch(() => {}); // who waits for it hears of it
  }

  write(data: Uint8Array): Promise<void> {
    return this.#stdin.write(data);
  }

  end(): Promise<void> {
    return this.#stdin.close();
  }

  signal(signal: number): Promise<void> {
    return this.#handle.signal(signal);
  }
}

function resultOf(output: ExecOutput): ExecResult {
  const { code, signal } = output.status;
  return { code, signal, stdout: output.stdoutBytes(), stderr: output.stderrBytes() };
}

function isGone(error: unknown): boolean {
  return error instanceof SandboxNotFoundError || error instanceof SandboxReplacedError;
}

/** The process that has a file open. */
function processWith(path: string): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('qemu')) continue;
      const files = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      if (files.includes(path)) return Number(pid);
    } catch {
      // it has ended, or closed a file, since it was listed
    }
  }
  throw new Error(`No process of this user's has ${path} open.`);
}
