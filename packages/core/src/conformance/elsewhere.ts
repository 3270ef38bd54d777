import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { CreateOptions } from './provider.js';
import { type Owner, patientStopMs } from './scenario.js';

/** What another process is to do. It loads the provider itself, and breaks it in the same way. */
export interface Errand {
  /** The provider's module. */
  readonly module: string;
  readonly scenario: string;
  readonly sabotaged: boolean;
  readonly work:
    | { readonly kind: 'own'; readonly options: CreateOptions; readonly then: 'stay' | 'detach' }
    | { readonly kind: 'stop'; readonly name: string };
}

/** A machine comes up in this time, also an emulated one on a busy host. */
const ownsWithinMs = 120_000;
const stopsWithinMs = patientStopMs + 30_000;
/** A signal that a process does not heed within this is followed by SIGKILL. */
const endsWithinMs = 10_000;
/** Enough to say what went wrong. */
const errorTailBytes = 4096;

/** Starts a process that owns a sandbox. Resolves when it has said so. */
export async function startOwner(errand: Errand): Promise<Owner & Disposable> {
  const child = new Child(errand);
  try {
    await child.says('ready', ownsWithinMs);
  } catch (error) {
    child[Symbol.dispose]();
    throw error;
  }
  return child;
}

/** Has another process do something, and waits until it has. */
export async function runElsewhere(errand: Errand): Promise<void> {
  using child = new Child(errand);
  await child.says('done', stopsWithinMs);
}

class Child implements Owner, Disposable {
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  #said = '';
  #errors = '';

  constructor(errand: Errand) {
    const program = fileURLToPath(new URL('./errand.js', import.meta.url));
    // It ends with its stdin, so that it does not outlive this process.
    this.#process = spawn(process.execPath, [program, JSON.stringify(errand)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-errorTailBytes);
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-errorTailBytes);
    });
    this.#process.stdin?.on('error', () => {}); // it may end before we do
    this.#ended = new Promise((resolve) => {
      this.#process.once('close', () => resolve());
      this.#process.once('error', () => resolve());
    });
  }

  async says(word: string, withinMs: number): Promise<void> {
    const over = new AbortController();
    const heard = new Promise<void>((resolve) => {
      const look = () => this.#said.split('\n').includes(word) && resolve();
      this.#process.stdout?.on('data', look);
    });
    const late = delay(withinMs, 'late', { signal: over.signal }).catch(() => 'late');
    try {
      const came = await Promise.race([heard.then(() => 'heard'), this.#ended.then(() => 'ended'), late]);
      if (came === 'heard' || this.#said.split('\n').includes(word)) return;
      const what = came === 'late' ? `had not said "${word}" after ${withinMs} ms` : 'ended early';
      throw new Error(`The other process ${what}: ${this.#errors.trim() || 'it said nothing'}`);
    } finally {
      over.abort();
    }
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#process.kill(signal);
    const over = new AbortController();
    delay(endsWithinMs, undefined, { signal: over.signal }).then(
      () => this.#process.kill('SIGKILL'),
      () => {},
    );
    await this.#ended;
    over.abort();
  }

  [Symbol.dispose](): void {
    this.#process.kill('SIGKILL');
  }
}
