import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';

/** Under emulation a machine takes seconds to boot and a command some tenths to start. */
const waitMs = 30_000;

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * A terminal of this host with a command at it, and us in the place of its user. Made by `script`, which belongs to the
 * essential packages of Debian (util-linux elsewhere).
 */
export class PseudoTerminal implements AsyncDisposable {
  readonly #child: Child;
  readonly #directory: string;
  readonly #closed: Promise<unknown>;
  readonly #look = new Set<() => void>();
  #over = false;
  /** All that has been on the screen. */
  screen = '';

  private constructor(child: Child, directory: string) {
    this.#child = child;
    this.#directory = directory;
    this.#closed = once(child, 'close');
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.screen += text;
        for (const look of this.#look) look();
      });
    }
    child.stdin.on('error', () => {}); // it may end before it has read all
    this.#closed.then(() => {
      this.#over = true;
      for (const look of this.#look) look();
    });
  }

  /** Runs a command at a terminal that has `size`; without one nobody knows it. */
  static run(command: readonly string[], size?: { rows: number; cols: number }): PseudoTerminal {
    const directory = mkdtempSync(join(tmpdir(), 'msb-pty-'));
    const script = `
      ${size ? `stty rows ${size.rows} cols ${size.cols}` : ''}
      cd '${directory}'
      tty > tty
      stty -g > before
      sh -c 'echo $$ > pid; exec "$@"' sh ${command.map(quoted).join(' ')}
      echo "ended with $?"
      stty -g > after`;
    const child = spawn('script', ['--quiet', '--command', script, '/dev/null'], {
      env: { ...process.env, SHELL: '/bin/sh' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    return new PseudoTerminal(child, directory);
  }

  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  /** Waits until `text` is on the screen. */
  async until(text: string | RegExp): Promise<void> {
    const there = () => (typeof text === 'string' ? this.screen.includes(text) : text.test(this.screen));
    await this.#wait(there, String(text));
  }

  /** Changes its size from outside, as somebody does who drags at a window's corner. */
  async resize({ rows, cols }: { rows: number; cols: number }): Promise<void> {
    await promisify(execFile)('stty', ['-F', this.#noted('tty'), 'rows', `${rows}`, 'cols', `${cols}`]);
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(Number(this.#noted('pid')), signal);
  }

  /** Waits for the command's end. @returns its exit status, as a shell has it, and whether it left the terminal as it was. */
  async end(): Promise<{ status: number; restored: boolean }> {
    await this.#wait(() => /ended with \d+/.test(this.screen), 'end of the command');
    await this.#closed;
    return {
      status: Number(/ended with (\d+)/.exec(this.screen)?.[1]),
      restored: this.#noted('before') === this.#noted('after'),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL'); // the terminal goes with it, and whoever is at it gets SIGHUP
    await this.#closed;
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #noted(file: string): string {
    return readFileSync(join(this.#directory, file), 'utf8').trim();
  }

  #wait(holds: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (settle: () => void) => {
        clearTimeout(timer);
        this.#look.delete(look);
        settle();
      };
      const fail = (why: string) => {
        const seen = JSON.stringify(this.screen.slice(-2000));
        done(() => reject(new Error(`${what}: not on the screen ${why}, which shows ${seen}`)));
      };
      const look = () => {
        if (holds()) done(resolve);
        else if (this.#over) fail('when all was over');
      };
      const timer = setTimeout(() => fail(`within ${waitMs} ms`), waitMs);
      this.#look.add(look);
      look();
    });
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
