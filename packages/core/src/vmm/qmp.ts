import { Socket } from 'node:net';
import { clearTimeout, setTimeout } from '../host/clock.js';
import { type Descriptor, ownDescriptor } from '../host/descriptor.js';
import { native } from '../host/native.js';

/** What QEMU says in one line is a few hundred bytes; a megabyte without an end is no QEMU. */
const maxLineLength = 1024 * 1024;

/** Orders are carried out within milliseconds, but for the one that writes the guest's memory; that is bounded by the disk. */
const orderTimeoutMs = 30_000;

/** A VMM did not do what it was told, or is gone. */
export class VmmControlError extends Error {
  override readonly name = 'VmmControlError';
}

/** A VMM takes no more orders: it has hung up, or speaks another language. */
export class VmmGoneError extends VmmControlError {}

/** One line from QEMU. */
type Message = Readonly<Record<string, unknown>>;

interface Waiter {
  /** Whether the message is what is waited for; throws where it says that it will not come. */
  readonly takes: (message: Message) => boolean;
  readonly resolve: () => void;
  readonly reject: (error: VmmControlError) => void;
}

/**
 * The orders to one QEMU, over the QEMU Machine Protocol, on a socket whose other end the VMM inherits. They may be given before the
 * VMM exists: the socket keeps them for it.
 */
export class Qmp implements Disposable {
  /** The VMM's end, which is to be closed when it has been started. */
  readonly theirs: Descriptor;
  readonly #socket: Socket;
  readonly #waiters = new Set<Waiter>();
  #nextId = 1;
  #line = '';
  #gone: VmmGoneError | undefined;

  /** @param negotiated whether the VMM is one that has been spoken to already, on another socket that this one takes the place of. */
  constructor({ negotiated = false } = {}) {
    const [ours, theirs] = native.socketPair();
    this.theirs = ownDescriptor(theirs);
    this.#socket = new Socket({ fd: ours, readable: true, writable: true });
    this.#socket.setEncoding('utf8');
    this.#socket.on('data', (text: string) => this.#hear(text));
    this.#socket.on('error', (error) => this.#end(error.message));
    this.#socket.on('close', () => this.#end('the VMM has hung up'));
    this.#socket.unref(); // a wait for an answer has a timer, which keeps the process
    if (!negotiated) this.execute('qmp_capabilities').catch(() => {}); // whatever is ordered next fails of the same
  }

  /** Resolves when it is done. @throws VmmControlError when it is refused, takes more than 30,000 ms, or the VMM ends. */
  execute(order: string, args?: Readonly<Record<string, unknown>>): Promise<void> {
    const id = this.#nextId++;
    const done = this.#wait(order, (message) => {
      if (message.id !== id) return false;
      if ('error' in message) throw new VmmControlError(`QEMU refused ${order}: ${describe(message.error)}`);
      return true;
    });
    // No byte too many: QEMU reads them one by one, with several system calls for each.
    if (!this.#gone)
      this.#socket.write(`${JSON.stringify({ execute: order, ...(args && { arguments: args }), id })}\n`);
    return done;
  }

  /**
   * Resolves at the next event of that name, and with that `status` if one is given. To be called before what brings it about.
   *
   * @throws VmmControlError when it does not come within 30,000 ms, or the VMM ends; at the status `failed`.
   */
  event(name: string, status?: string): Promise<void> {
    return this.#wait(`the event ${name}`, (message) => {
      if (message.event !== name) return false;
      if (status === undefined) return true;
      const data = message.data as { readonly status?: unknown } | undefined;
      if (data?.status === 'failed') throw new VmmControlError(`QEMU reports that ${name} failed.`);
      return data?.status === status;
    });
  }

  #wait(what: string, takes: Waiter['takes']): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    let waiter: Waiter | undefined;
    return new Promise<void>((resolve, reject) => {
      if (this.#gone) return reject(this.#gone);
      waiter = { takes, resolve, reject };
      this.#waiters.add(waiter);
      const late = `QEMU has not answered ${what} within ${orderTimeoutMs} ms.`;
      timer = setTimeout(() => reject(new VmmControlError(late)), orderTimeoutMs);
    }).finally(() => {
      clearTimeout(timer);
      if (waiter) this.#waiters.delete(waiter);
    });
  }

  #hear(text: string): void {
    const lines = (this.#line + text).split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) this.#take(line);
    if (this.#line.length > maxLineLength) this.#socket.destroy(new Error('QEMU sent a line without an end'));
  }

  #take(line: string): void {
    const message = parse(line);
    if (!message) {
      this.#socket.destroy(new Error(`QEMU said what is not QMP: ${line.slice(0, 80)}`));
      return;
    }
    for (const waiter of this.#waiters) {
      try {
        if (waiter.takes(message)) waiter.resolve();
      } catch (error) {
        waiter.reject(error as VmmControlError);
      }
    }
  }

  #end(why: string): void {
    this.#gone ??= new VmmGoneError(`QEMU takes no more orders: ${why}.`);
    for (const { reject } of this.#waiters) reject(this.#gone);
  }

  [Symbol.dispose](): void {
    this.theirs[Symbol.dispose]();
    this.#socket.destroy();
  }
}

function parse(line: string): Message | undefined {
  try {
    const message: unknown = JSON.parse(line);
    return typeof message === 'object' && message !== null ? (message as Message) : undefined;
  } catch {
    return undefined;
  }
}

function describe(error: unknown): string {
  const { desc } = error as { readonly desc?: unknown };
  return typeof desc === 'string' ? desc : JSON.stringify(error);
}
