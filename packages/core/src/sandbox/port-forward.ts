import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { IoError } from '../errors.js';
import { checkPort, type TcpStream } from './tcp-stream.js';

export interface ForwardOptions {
  /** Where to listen on this host; default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Default 0: any that is free. */
  readonly port?: number | undefined;
}

/**
 * A port of this host, each of whose connections is one to a port of the guest. Whoever can connect to it on this host can use it; its
 * owner is to close it, or to dispose of it.
 */
export class PortForward implements AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  readonly #dial: () => Promise<TcpStream>;

  private constructor(server: Server, dial: () => Promise<TcpStream>) {
    const { address, port } = server.address() as AddressInfo;
    this.host = address;
    this.port = port;
    this.#server = server;
    this.#dial = dial;
    server.on('connection', (socket) => void this.#serve(socket));
  }

  /**
   * @internal
   * @param dial makes a connection into the guest.
   * @throws InvalidConfigError; IoError where it cannot listen.
   */
  static async open(
    dial: () => Promise<TcpStream>,
    { host = '127.0.0.1', port = 0 }: ForwardOptions,
  ): Promise<PortForward> {
    checkPort(port, 'forward', 0);
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    try {
      server.listen({ host, port });
      await once(server, 'listening');
    } catch (error) {
      throw new IoError(`This host has no port to forward: ${(error as Error).message}`, { cause: error });
    }
    return new PortForward(server, dial);
  }

  /** For `fetch`: `http://127.0.0.1:41234`. */
  get url(): string {
    return `http://${this.host.includes(':') ? `[${this.host}]` : this.host}:${this.port}`;
  }

  /** Takes no more connections, and breaks those that there are. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #serve(socket: Socket): Promise<void> {
    this.#open.add(socket);
    socket.on('error', () => {}); // told to the other side by the close that follows
    socket.once('close', () => this.#open.delete(socket));
    let stream: TcpStream;
    try {
      stream = await this.#dial();
    } catch {
      socket.resetAndDestroy(); // as by a port where nobody listens
      return;
    }
    stream.once('error', () => socket.resetAndDestroy());
    if (socket.destroyed) {
      stream.destroy();
      return;
    }
    socket.once('close', () => {
      // One that has ended in both directions may have more to be taken by the guest.
      if (!socket.readableEnded || !socket.writableFinished) stream.destroy();
    });
    socket.pipe(stream).pipe(socket);
  }
}
