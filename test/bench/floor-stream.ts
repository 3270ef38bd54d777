import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { native } from '#core/host/native.js';
import type { Floor } from './floor.js';

/** What is moved in one run: as many bytes as the floor's init moves. */
export const bulkBytes = 64 * 1024 * 1024;

const timeoutMs = 60_000;

/** A bare machine whose port is read and written by `dd`, on both ends, with nobody in between. */
export class BareStream implements AsyncDisposable {
  readonly #line: number;
  readonly #machine: ReturnType<typeof spawn>;

  private constructor(line: number, machine: ReturnType<typeof spawn>) {
    this.#line = line;
    this.#machine = machine;
  }

  static async open(floor: Floor, directory: string): Promise<BareStream> {
    const [ours, theirs] = native.socketPair();
    const [program = '', ...args] = await floor.bareCommand(join(directory, 'bare-stream'));
    const machine = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit', theirs] });
    closeSync(theirs);
    const stream = new BareStream(ours, machine);
    await stream.#say('!');
    await stream.#hearDone();
    return stream;
  }

  /** MB/s from the guest. */
  async fromGuest(source: 'zeros' | 'pipe' | 'file' = 'zeros'): Promise<number> {
    const begin = performance.now();
    await this.#say({ zeros: '>', pipe: ')', file: 'r' }[source]);
    await this.#dd('in', ['bs=64k', `count=${bulkBytes / 65_536}`, 'iflag=fullblock', 'of=/dev/null']);
    return rate(performance.now() - begin);
  }

  /** MB/s into the guest. */
  async toGuest(target: 'nothing' | 'file' = 'nothing'): Promise<number> {
    const begin = performance.now();
    await this.#say({ nothing: '<', file: 'w' }[target]);
    await this.#dd('out', ['bs=64k', `count=${bulkBytes / 65_536}`, 'if=/dev/zero']);
    await this.#hearDone();
    return rate(performance.now() - begin);
  }

  async #say(byte: string): Promise<void> {
    writeSync(this.#line, byte);
  }

  async #hearDone(): Promise<void> {
    const said = await this.#dd('in', ['bs=5', 'count=1', 'iflag=fullblock']);
    if (said !== 'done\n') throw new Error(`The bare machine said ${JSON.stringify(said)}.`);
  }

  /** dd has our end of the line as its input or its output. */
  async #dd(end: 'in' | 'out', operands: string[]): Promise<string> {
    const dd = spawn('dd', ['status=none', ...operands], {
      stdio: [end === 'in' ? this.#line : 'ignore', end === 'out' ? this.#line : 'pipe', 'inherit'],
      timeout: timeoutMs,
    });
    let said = '';
    dd.stdout?.on('data', (data) => {
      said += data;
    });
    const [code] = await once(dd, 'close');
    if (code !== 0) throw new Error(`dd ended with ${code}, or was ended after ${timeoutMs} ms.`);
    return said;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#machine, 'close');
    this.#machine.kill('SIGKILL');
    await ended;
    closeSync(this.#line);
  }
}

/** The same machine, whose port is read by a socket of Node's: what of the floor is left where what comes is handed to a program. */
export class BareSocket implements AsyncDisposable {
  readonly #machine: ReturnType<typeof spawn>;
  readonly #socket: Socket;

  private constructor(machine: ReturnType<typeof spawn>) {
    this.#machine = machine;
    this.#socket = machine.stdio[3] as Socket;
    this.#socket.on('timeout', () =>
      this.#socket.destroy(new Error(`The bare machine said nothing for ${timeoutMs} ms.`)),
    );
  }

  static async open(floor: Floor, directory: string): Promise<BareSocket> {
    const [program = '', ...args] = await floor.bareCommand(join(directory, 'bare-socket'));
    const machine = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] });
    const line = new BareSocket(machine);
    await line.#ask('!', 'done\n'.length);
    return line;
  }

  /** MB/s from the guest. */
  async fromGuest(): Promise<number> {
    const begin = performance.now();
    await this.#ask('>', bulkBytes);
    return rate(performance.now() - begin);
  }

  /** Resolves when so much has come. */
  async #ask(byte: string, length: number): Promise<void> {
    const socket = this.#socket;
    socket.setTimeout(timeoutMs);
    socket.write(byte);
    let left = length;
    for await (const piece of socket.iterator({ destroyOnReturn: false })) {
      left -= piece.length;
      if (left <= 0) break;
    }
    socket.setTimeout(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#machine, 'close');
    this.#machine.kill('SIGKILL');
    await ended;
  }
}

/** MB/s of one run. */
export function rate(ms: number): number {
  return bulkBytes / 1e6 / (ms / 1000);
}

/** Compiles a program for the guest. */
export async function guestProgram(source: string, to: string): Promise<string> {
  await promisify(execFile)('musl-gcc', ['-static', '-Os', '-o', to, source]);
  return to;
}
