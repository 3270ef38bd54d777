import { once } from 'node:events';
import type { Socket } from 'node:net';
import { AgentProtocolError, TimeoutError } from '../errors.js';
import { isError } from '../host/any-realm.js';
import { clearTimeout, setTimeout } from '../host/clock.js';
import { type Frame, frameHead, SESSION_START, SHUTDOWN } from './frame.js';
import { FrameLine } from './frame-line.js';
import { decodeMessage, type Message, messageParts, type Payload, type PayloadFields } from './message.js';

/** The other side of the connection is gone: the relay ended, or never listened. What that means is the caller's to say. */
export class AgentGoneError extends Error {
  override readonly name = 'AgentGoneError';
}

/** What the agent told about itself when it was ready; times in milliseconds of the guest's CLOCK_BOOTTIME. */
export interface AgentReady {
  /** When the agent's main began: the kernel's own boot. */
  readonly bootMs: number;
  /** Spent on mounts and the rest of init. */
  readonly initMs: number;
  /** When it was ready. */
  readonly readyMs: number;
  readonly agentVersion: string;
  /** Of a clone: what it took to become a machine of its own. Null for a machine that booted. */
  readonly renewMs: number | null;
}

export interface ReceivedMessage extends Message {
  readonly id: number;
}

export interface ConnectOptions {
  /** Milliseconds; for connection and handshake, which waits for a booting guest. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

const handshakeSize = 8;

/** Without a relay all ids are the one client's; it comes nowhere near this. */
const directIdEnd = 2 ** 31;

/**
 * One client of a sandbox's relay. Reading is pulled: while nobody asks for the next message, nothing is read, the relay's
 * queue for this client fills, and the guest's sessions behind it are paused. So one connection carries one exec, and a
 * slow reader holds up nobody else. It may carry the next when that has ended.
 */
export class AgentConnection implements Disposable {
  readonly ready: AgentReady;
  readonly #socket: Socket;
  readonly #line: FrameLine;
  readonly #idEnd: number;
  #nextId: number;
  /** A read that is under way since this rests, for whoever receives next. */
  #coming: Promise<Frame> | undefined;

  private constructor(line: FrameLine, greeting: Greeting) {
    this.#socket = line.socket;
    this.#line = line;
    this.#nextId = greeting.idStart;
    this.#idEnd = greeting.idEnd;
    this.ready = greeting.ready;
  }

  /**
   * Connects and waits until the agent is ready.
   *
   * @throws AgentGoneError when nobody listens or the relay hangs up; TimeoutError; AgentProtocolError; the signal's reason.
   */
  static connect(socketPath: string, options: ConnectOptions): Promise<AgentConnection> {
    options.signal?.throwIfAborted();
    const line = FrameLine.connect(socketPath, handshakeSize);
    return AgentConnection.#greeted(line, options, async () => ({
      ...(await readRange(line)),
      ready: await readReady(line),
    }));
  }

  /**
   * Speaks to an agent without a relay in between, on the line itself, and waits until it is ready.
   *
   * @param line which is taken over.
   * @param first the frame that it waits for.
   * @throws as {@link connect} does.
   */
  static direct(line: FrameLine, first: Uint8Array, options: ConnectOptions): Promise<AgentConnection> {
    line.socket.write(first);
    return AgentConnection.#greeted(line, options, async () => ({
      idStart: 1,
      idEnd: directIdEnd,
      ready: await readReady(line),
    }));
  }

  static async #greeted(
    line: FrameLine,
    { timeoutMs, signal }: ConnectOptions,
    greet: () => Promise<Greeting>,
  ): Promise<AgentConnection> {
    const { socket } = line;
    const timeout = new TimeoutError(`The guest agent was not ready within ${timeoutMs} ms.`);
    const timer = setTimeout(() => socket.destroy(timeout), timeoutMs);
    const onAbort = () => socket.destroy(abortReason(signal));
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      signal?.throwIfAborted();
      if (socket.connecting) await once(socket, 'connect');
      return new AgentConnection(line, await greet());
    } catch (error) {
      socket.destroy();
      throw connectionError(error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** A correlation id of this client's range that no session of it uses. */
  newId(): number {
    if (this.#nextId >= this.#idEnd)
      throw new AgentProtocolError('This connection has used all its session ids.');
    return this.#nextId++;
  }

  /** Sends one message; resolves when the socket has room for more, and bulk data is its owner's again. */
  async send(
    type: string,
    payload: PayloadFields,
    { id, flags = 0 }: { id: number; flags?: number },
  ): Promise<void> {
    if (this.#socket.destroyed) throw new AgentGoneError('The connection to the agent is closed.');
    const [head, bulk] = messageParts(type, payload);
    const length = head.length + (bulk?.length ?? 0);
    const first = Buffer.concat([frameHead({ id, flags, length }), head]);
    if (bulk) return this.#sendUncopied(first, bulk);
    if (this.#socket.write(first)) return;
    // drain never comes on a socket that dies meanwhile; close always does.
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#socket.off('drain', done);
        this.#socket.off('close', done);
        resolve();
      };
      this.#socket.once('drain', done);
      this.#socket.once('close', done);
    });
  }

  /** In one call of the kernel; of a socket that is closed meanwhile, too, it is told. */
  #sendUncopied(head: Uint8Array, bulk: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.cork();
      this.#socket.write(head);
      this.#socket.write(bulk, () => resolve());
      this.#socket.uncork();
    });
  }

  /** Opens a session and gives its id. */
  async open(type: string, payload: PayloadFields): Promise<number> {
    const id = this.newId();
    await this.send(type, payload, { id, flags: SESSION_START });
    return id;
  }

  /**
   * Asks the guest to stop; the answer is that the machine goes away.
   *
   * @param budgetMs how long that is waited for, which the guest may divide up; where nobody says, it takes what it thinks fit.
   */
  async requestShutdown(budgetMs?: number): Promise<void> {
    const budget_ns =
      budgetMs === undefined ? undefined : BigInt(Math.max(0, Math.round(budgetMs))) * 1_000_000n;
    await this.send('core.shutdown', { budget_ns }, { id: 0, flags: SHUTDOWN });
  }

  /** The next message; only one call at a time.
   * @throws AgentGoneError when the connection has ended; AgentProtocolError. */
  async receive(): Promise<ReceivedMessage> {
    const coming = this.#coming ?? nextFrame(this.#line);
    this.#coming = undefined;
    const { id, body } = await coming;
    return { ...decodeMessage(body), id };
  }

  /**
   * Does something with this connection that may take only so long: it is hung up on when the time is over, or the signal says so.
   *
   * @param late says what has not come; the time-out follows.
   * @throws TimeoutError; the signal's reason; what `work` throws.
   */
  async within<T>({ timeoutMs, signal }: ConnectOptions, late: string, work: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    let isLate = false;
    const hangUp = () => this.close();
    const timer = setTimeout(() => {
      isLate = true;
      hangUp();
    }, timeoutMs);
    signal?.addEventListener('abort', hangUp, { once: true });
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      throw isLate ? new TimeoutError(`${late} within ${timeoutMs} ms.`) : error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', hangUp);
    }
  }

  /** Lets the process end while nothing is asked of this connection; that the other side hangs up is noticed meanwhile. */
  rest(): void {
    this.#socket.unref();
    this.#coming ??= nextFrame(this.#line);
    this.#coming.catch(() => {}); // for whoever receives next
  }

  /** Whether it can still be used, as far as is known. */
  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** Whether a session can be opened over it that meets nothing of earlier ones. */
  get isReusable(): boolean {
    return this.isOpen && this.#line.isClear && this.#nextId < this.#idEnd;
  }

  /** Keeps the process alive again, as a connection does at first. */
  takeUp(): void {
    this.#socket.ref();
  }

  /** Hangs up; the guest kills what this connection had started. */
  close(): void {
    this.#socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

interface Greeting extends IdRange {
  readonly ready: AgentReady;
}

/** The ids that a relay gives to a client. */
interface IdRange {
  readonly idStart: number;
  readonly idEnd: number;
}

async function readRange(line: FrameLine): Promise<IdRange> {
  const range = present(await line.prefix());
  const idStart = range.readUInt32BE(0);
  const idEnd = range.readUInt32BE(4);
  if (idStart === 0 || idEnd <= idStart) {
    throw new AgentProtocolError(`The relay offered the impossible id range ${idStart} to ${idEnd}.`);
  }
  return { idStart, idEnd };
}

async function readReady(line: FrameLine): Promise<AgentReady> {
  const { type, payload } = decodeMessage(present(await line.next()).body);
  if (type !== 'core.ready')
    throw new AgentProtocolError(`The agent began with ${type} instead of core.ready.`);
  return agentReady(payload);
}

/** Reads what a `core.ready` says. @throws AgentProtocolError */
export function agentReady(payload: Payload): AgentReady {
  const renewed = payload.optionalInt('resume_time_ns');
  return {
    bootMs: payload.uint('boot_time_ns') / 1e6,
    initMs: payload.uint('init_time_ns') / 1e6,
    readyMs: payload.uint('ready_time_ns') / 1e6,
    agentVersion: payload.optionalText('agent_version') ?? '',
    renewMs: renewed === undefined ? null : renewed / 1e6,
  };
}

async function nextFrame(line: FrameLine): Promise<Frame> {
  try {
    return present(await line.next());
  } catch (error) {
    throw connectionError(error);
  }
}

function present<T>(come: T | null): T {
  if (come === null) throw new AgentGoneError('The relay closed the connection.');
  return come;
}

/** Errors of the socket itself all mean one thing; ours and the caller's pass through. */
function connectionError(error: unknown): unknown {
  const code = (error as { code?: string }).code;
  const gone = [
    'ENOENT',
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'ERR_STREAM_PREMATURE_CLOSE',
    'ERR_STREAM_DESTROYED',
  ];
  return code && gone.includes(code) ? new AgentGoneError((error as Error).message, { cause: error }) : error;
}

function abortReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return isError(reason) ? reason : new Error(String(reason));
}
