import { once } from 'node:events';
import { Socket } from 'node:net';
import type { Qmp } from './qmp.js';

interface Order {
  readonly execute: string;
  readonly id: number;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** In the place of a VMM: reads orders, and says what it is told to. */
export class ScriptedVmm {
  readonly socket: Socket;
  #text = '';

  constructor({ theirs }: Qmp) {
    this.socket = new Socket({ fd: theirs.fd, readable: true, writable: true });
    this.socket.setEncoding('utf8');
    this.socket.on('error', () => {}); // a Qmp that is closed in the middle of something
  }

  say(...messages: unknown[]): void {
    for (const message of messages) this.socket.write(`${JSON.stringify(message)}\r\n`);
  }

  /** Carries out the next orders, as many as that, and tells what they were. */
  async obey(count: number): Promise<Order[]> {
    const orders = await this.hear(count);
    this.say(...orders.map(({ id }) => ({ return: {}, id })));
    return orders;
  }

  /** The next orders, as many as that. */
  async hear(count: number): Promise<Order[]> {
    while (this.#text.split('\n').length <= count) this.#text += (await once(this.socket, 'data'))[0];
    const lines = this.#text.split('\n');
    this.#text = lines.slice(count).join('\n');
    return lines.slice(0, count).map((line) => JSON.parse(line) as Order);
  }
}
