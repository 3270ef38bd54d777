import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { homeLeaks } from '@msbtest/core/testing';
import { relayPath } from '@msbtest/native';
import { eventually } from '../support/vm.js';
import { type Results, type Runner, readReport, reportFiles } from './runner.js';

/** What a finished run said. */
export interface RunResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tests: Results;
  /** Empty where the runner writes none. */
  readonly junit: string;
}

/** A machine that was started, as the relay's wrapper saw it: not told by the code that is under test. */
export interface Boot {
  /** The test by its label; empty for a machine that is no test's. */
  readonly test: string;
}

export interface RunOptions {
  readonly args?: readonly string[];
  /** Over the project's own; undefined unsets. */
  readonly env?: NodeJS.ProcessEnv;
  /** What starts the command, such as `hidingHypervisor()`. */
  readonly prefix?: readonly string[];
}

/** The longest that a run here may take; it is killed then, and its row fails. */
const runTimeoutMs = 450_000;

/** What the machines of a killed process may take to be gone. */
const goneTimeoutMs = 10_000;

/** A project on disk, with an empty home of its own, in which the records stay of the machines that were started in it. */
export class Project implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'msbv-'));
  readonly runner: Runner;
  readonly #records: string;

  constructor(runner: Runner, files: Readonly<Record<string, string>>) {
    this.runner = runner;
    this.#records = join(this.path, 'records');
    this.#write('package.json', JSON.stringify({ name: 'project', private: true, type: runner.moduleType }));
    for (const [name, text] of Object.entries(files)) this.#write(name, text);
    const modules = join(this.path, 'node_modules');
    mkdirSync(modules);
    runner.install(modules);
    this.#write('relay', relayWrapper(this.#records));
    chmodSync(join(this.path, 'relay'), 0o755);
    for (const name of ['home', 'run', 'tmp', 'records']) mkdirSync(join(this.path, name), { mode: 0o700 });
  }

  /** Starts a run of its tests. */
  start(options: RunOptions = {}): Run {
    const env = { ...cleanEnvironment(), ...this.#env, ...options.env };
    return new Run(this.path, this.runner, { ...options, env });
  }

  async run(options: RunOptions = {}): Promise<RunResult> {
    return this.start(options).ended;
  }

  /** Machines that were started for somebody; not those that waited for nobody. */
  boots(): Boot[] {
    return below(this.#records)
      .map((path) => readFileSync(path, 'utf8'))
      .filter((record) => record !== '')
      .map((record) => ({ test: JSON.parse(record).config.labels['msbtest.test'] ?? '' }));
  }

  /** How many machines each test had. */
  bootsByTest(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { test } of this.boots()) counts[test] = (counts[test] ?? 0) + 1;
    return counts;
  }

  /** What is left of machines, in whatever home of whatever run: processes, sandboxes with their locks, sockets. */
  leaks(): string[] {
    const [home, run] = [join(this.path, 'home'), join(this.path, 'run')];
    const places = [
      join(home, 'sandboxes'),
      ...below(join(home, 'runs')).map((id) => join(id, 'sandboxes')),
      ...below(run),
    ];
    return [
      ...homeLeaks({ home, runtime: run }).filter((leak) => leak.startsWith('process ')),
      ...places.flatMap(below),
    ];
  }

  /** The homes of runs that are still there, empty as they may be: of runs that live, or were killed. */
  runHomes(): string[] {
    return [...below(join(this.path, 'home/runs')), ...below(join(this.path, 'run'))];
  }

  /** Resolves to what is left when nothing more is on its way out. */
  async settledLeaks(): Promise<string[]> {
    await eventually(() => this.leaks().length === 0, goneTimeoutMs, 'gone').catch(() => {});
    return this.leaks();
  }

  get #env(): NodeJS.ProcessEnv {
    return {
      MSB_HOME: join(this.path, 'home'),
      MSB_RUNTIME_DIR: join(this.path, 'run'),
      MSB_RELAY: join(this.path, 'relay'),
      MSB_ACCEL: 'tcg',
      TMPDIR: join(this.path, 'tmp'),
    };
  }

  #write(name: string, text: string): void {
    mkdirSync(dirname(join(this.path, name)), { recursive: true });
    writeFileSync(join(this.path, name), text);
  }

  /** A row that has failed may have left a run alive, which would make its directories anew. */
  [Symbol.dispose](): void {
    for (const pid of processesIn(this.path)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // it has ended since
      }
    }
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/** A run that has been started. */
export class Run {
  readonly process: ChildProcess;
  readonly ended: Promise<RunResult>;
  readonly #path: string;
  readonly #runner: Runner;

  constructor(path: string, runner: Runner, { args = [], env = {}, prefix = [] }: RunOptions) {
    this.#path = path;
    this.#runner = runner;
    for (const name of Object.values(reportFiles)) rmSync(join(path, name), { force: true });
    const [program = '', ...rest] = [...prefix, ...runner.command(args)];
    this.process = spawn(program, rest, { cwd: path, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const kill = () => this.process.kill('SIGKILL');
    process.once('exit', kill); // should the test around it be ended before its time
    this.process.once('exit', () => process.off('exit', kill));
    this.ended = this.#end();
  }

  /** Resolves when a test has written a file; one that is there and empty is being written. */
  async wrote(name: string): Promise<string> {
    const path = join(this.#path, name);
    const content = () => (existsSync(path) ? readFileSync(path, 'utf8') : '');
    await eventually(() => content() !== '', 60_000, `${name} is written`);
    return content();
  }

  async #end(): Promise<RunResult> {
    let [stdout, stderr] = ['', ''];
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const limit = setTimeout(() => this.process.kill('SIGKILL'), runTimeoutMs);
    const [exitCode, signal] = await new Promise<[number | null, NodeJS.Signals | null]>(
      (resolve, reject) => {
        this.process.once('error', reject);
        this.process.once('close', (...end) => resolve(end)); // its last words have been read
        // Whoever outlives one that was killed may keep its streams open.
        this.process.once('exit', (...end) => end[1] !== null && resolve(end));
      },
    );
    clearTimeout(limit);
    const [tests, junit] = [this.#runner.results(this.#path), readReport(this.#path, 'junit')];
    return { exitCode, signal, stdout, stderr, tests, junit };
  }
}

/**
 * A relay that keeps the record of the sandbox whose machine it starts, under a second name, and then is the relay. A machine that
 * is started before somebody asks for it gets its record later, which is written into the file that is there; the record of one that
 * nobody takes stays empty. The machines of which templates are made are no sandboxes.
 */
function relayWrapper(records: string): string {
  return `#!/bin/sh
# Arguments: --sandbox-dir DIR …
case "$2" in */sandboxes/*)
  umask 077
  [ -e "$2/record.json" ] || : > "$2/record.json"
  ln "$2/record.json" '${records}'/"\${2##*/}-$$" ;;
esac
exec '${relayPath}' "$@"
`;
}

/** Ours, without what the runner around us, or a CI system, would tell the one inside. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(VITEST|VITE_|NODE_|MSB_|JEST_|GITHUB_|CI$|TEST$|DEV$|PROD$|MODE$|FORCE_COLOR$|npm_)/;
  const kept = Object.entries(process.env).filter(
    ([name]) => !foreign.test(name) || name === 'MSB_CACHE' || name === 'NODE_EXTRA_CA_CERTS',
  );
  return { ...Object.fromEntries(kept), NO_COLOR: '1' };
}

function below(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : [];
}

/** Processes whose environment names the directory, other than this one; on Linux. */
function processesIn(directory: string): number[] {
  return below('/proc')
    .map((path) => Number(path.slice('/proc/'.length)))
    .filter((pid) => pid > 0 && pid !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`${directory}/`);
      } catch {
        return false; // it has ended since, or is somebody else's
      }
    });
}
