import { Duplex } from 'node:stream';
import { type AgentConnection, AgentGoneError, type ReceivedMessage } from '../agent/connection.js';
import { AgentProtocolError, ConnectFailedError, InvalidConfigError } from '../errors.js';
import { clearTimeout, setTimeout } from '../host/clock.js';
import type { ExplainLoss, Line } from './line.js';

/** What may be on its way, or wait in the guest's agent, without having been taken by the other side; the agent holds four times that. */
const windowBytes = 1024 * 1024;
/** One message's worth, so that a large write does not hold up other messages. */
const chunkBytes = 64 * 1024;
/** What is received ahead of the reader. */
const readAheadBytes = 256 * 1024;
/** For the last bytes to be taken when both sides have said all; somebody who does not take them is not waited for longer. */
const lingerMs = 10_000;
/** On the loopback a kernel answers at once. */
const dialTimeoutMs = 10_000;

export interface TcpConnectOptions {
  /** An IP address as the guest sees it, or `localhost`; names are not looked up. Default `localhost`: 127.0.0.1, and ::1 where nobody listens there. */
  readonly host?: string | undefined;
  /** Milliseconds until the connection stands; default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Gives up while it is being made. */
  readonly signal?: AbortSignal | undefined;
}

/** @throws InvalidConfigError */
export function checkPort(port: number, what: string, lowest = 1): void {
  if (Number.isInteger(port) && port >= lowest && port <= 65_535) return;
  throw new InvalidConfigError(`${what} needs a port from ${lowest} to 65535; it was given ${port}.`);
}

/**
 * A TCP connection that the guest's agent has made for us, as a stream in both directions: each can be ended by itself, as a socket's
 * can. Whoever writes much has to read as well: what the other side has taken is told between what it says.
 */
export class TcpStream extends Duplex {
  readonly #connection: AgentConnection;
  readonly #id: number;
  readonly #where: string;
  readonly #explainLoss: ExplainLoss;
  #window = windowBytes;
  #onTaken: () => void = () => {};
  #receiving = false;
  #closed = false;
  #linger: NodeJS.Timeout | undefined;

  private constructor(connection: AgentConnection, id: number, where: string, explainLoss: ExplainLoss) {
    super({ readableHighWaterMark: readAheadBytes, writableHighWaterMark: chunkBytes });
    this.#connection = connection;
    this.#id = id;
    this.#where = where;
    this.#explainLoss = explainLoss;
    void this.#receive(); // also of what nobody reads: the end, and what is taken
  }

  /**
   * Has the agent at the other end of `line`, which is taken over, connect to a port of the guest.
   *
   * @internal
   * @throws ConnectFailedError; TimeoutError; the signal's reason; what `explainLoss` makes of a machine that is gone.
   */
  static async open(
    line: Line,
    port: number,
    { host = 'localhost', timeoutMs = dialTimeoutMs, signal }: TcpConnectOptions,
  ): Promise<TcpStream> {
    const { connection, explainLoss } = line;
    const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    try {
      return await connection.within(
        { timeoutMs, signal },
        `No connection to ${where} in the guest`,
        async () => {
          const id = await connection.open('core.tcp.connect', { host, port });
          const answer = await connection.receive();
          if (answer.type !== 'core.tcp.connected' || answer.id !== id) throw dialError(where, answer);
          return new TcpStream(connection, id, where, explainLoss);
        },
      );
    } catch (error) {
      line.close();
      throw error instanceof AgentGoneError ? await explainLoss(error) : error;
    }
  }

  override _read(): void {
    void this.#receive();
  }

  override _write(chunk: Uint8Array, _encoding: string, callback: (error?: Error | null) => void): void {
    this.#told(this.#send(chunk), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#told(this.#connection.send('core.tcp.eof', {}, { id: this.#id }), callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#onTaken();
    // Both sides have said all, but what was said last may still wait in the agent, which would drop it if we hung up.
    const isDone = error === null && this.readableEnded && this.writableFinished;
    if (isDone && !this.#closed) this.#linger = setTimeout(() => this.#connection.close(), lingerMs).unref();
    else this.#connection.close();
    callback(error);
  }

  /** What a loss means takes a moment to find out, in which writers meet it as well. */
  #told(sent: Promise<void>, callback: (error?: Error | null) => void): void {
    sent.then(
      () => callback(),
      async (error) => callback(await this.#explained(error)),
    );
  }

  async #explained(error: unknown): Promise<Error> {
    return error instanceof AgentGoneError ? this.#explainLoss(error) : (error as Error);
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      while (this.#window === 0 && !this.destroyed) {
        await new Promise<void>((resolve) => {
          this.#onTaken = resolve;
        });
      }
      if (this.destroyed) return;
      const end = Math.min(bytes.length, at + chunkBytes, at + this.#window);
      this.#window -= end - at;
      await this.#connection.send('core.tcp.data', { data: bytes.subarray(at, end) }, { id: this.#id });
      at = end;
    }
  }

  async #receive(): Promise<void> {
    if (this.#receiving) return;
    this.#receiving = true;
    try {
      for (let more = true; more; ) more = this.#take(await this.#connection.receive());
    } catch (error) {
      if (!this.destroyed) this.destroy(await this.#explained(error));
    } finally {
      this.#receiving = false;
    }
  }

  /** @returns whether more can be received now. */
  #take(message: ReceivedMessage): boolean {
    if (message.id !== this.#id)
      throw new AgentProtocolError(
        `The agent sent ${message.type} for a session that is not ${this.#where}.`,
      );
    const { type, payload } = message;
    switch (type) {
      case 'core.tcp.data':
        return this.push(payload.bytes('data'));
      case 'core.tcp.eof':
        this.push(null);
        return true;
      case 'msb.taken':
        this.#taken(payload.uint('bytes'));
        return true;
      case 'core.tcp.closed':
        this.#closed = true;
        clearTimeout(this.#linger);
        this.#connection.close();
        return false;
      case 'core.tcp.failed':
      case 'core.error':
        throw lossError(this.#where, message);
      default:
        return true; // a newer agent may say more
    }
  }

  #taken(bytes: number): void {
    if (bytes > windowBytes - this.#window)
      throw new AgentProtocolError(`The agent says that ${this.#where} has taken more than it was sent.`);
    this.#window += bytes;
    this.#onTaken();
  }
}

function dialError(where: string, { type, payload }: ReceivedMessage): Error {
  if (type === 'core.tcp.failed') {
    const errnoName = payload.optionalText('errno_name') ?? null;
    const remedy = errnoName === 'ECONNREFUSED' ? ' Nobody listens there (yet).' : '';
    return new ConnectFailedError(
      `No connection to ${where} in the guest: ${payload.text('error')}.${remedy}`,
      errnoName,
    );
  }
  const said = type === 'core.error' ? `: ${payload.text('message')}` : ` with ${type}`;
  return new AgentProtocolError(`The agent answered a request to connect to ${where}${said}.`);
}

function lossError(where: string, { type, payload }: ReceivedMessage): Error {
  if (type === 'core.error')
    return new AgentProtocolError(`The agent refused a message about ${where}: ${payload.text('message')}.`);
  return new ConnectFailedError(
    `The connection to ${where} in the guest broke: ${payload.text('error')}.`,
    payload.optionalText('errno_name') ?? null,
  );
}
