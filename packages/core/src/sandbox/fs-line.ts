import { AgentGoneError, type ReceivedMessage } from '../agent/connection.js';
import type { Payload, PayloadFields } from '../agent/message.js';
import { AgentProtocolError, SandboxFsOpsError } from '../errors.js';
import type { FsOptions } from './fs-types.js';
import type { Line } from './line.js';

/** A file system answers in less, unless it hangs. */
const answerTimeoutMs = 30_000;
/** What may be on its way to the guest without having been written; its agent holds eight times that. */
const windowBytes = 1024 * 1024;
/** One message's worth of a file, so that a large one does not hold up other messages. */
const chunkBytes = 256 * 1024;

/** What is asked about a path: for errors. */
export interface FsSubject {
  /** As a verb: "read". */
  readonly verb: string;
  readonly path: string;
}

/** A piece of a file, or of one of its holes. */
export type FsPiece = { readonly data: Uint8Array } | { readonly hole: number };

/**
 * Work on a guest's files over a line that it has for itself: one request after the other. Each wait for the guest is bounded; one that
 * is broken off hangs up, which ends what the guest was at.
 */
export class FsLine implements Disposable {
  readonly #line: Line;
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  #subject: FsSubject;
  /** Of the write that is under way: how much more may be sent. */
  #window = 0;
  /** A request has been sent whose answer has not come. */
  #isBusy = false;

  constructor(line: Line, subject: FsSubject, { timeoutMs = answerTimeoutMs, signal }: FsOptions = {}) {
    this.#line = line;
    this.#subject = subject;
    this.#timeoutMs = timeoutMs;
    this.#signal = signal;
  }

  /**
   * One operation, to its end.
   *
   * @returns the answer's data, if it has any.
   * @throws SandboxFsOpsError when the guest refuses; TimeoutError; the signal's reason; what `explainLoss` makes of a lost machine.
   */
  async request(op: string, fields: PayloadFields, subject: FsSubject = this.#subject): Promise<Payload> {
    this.#subject = subject;
    return this.#answer(await this.#begin(op, fields));
  }

  /** Opens a file; the number is for {@link pieces} and {@link beginWrite}. */
  async open(path: string, options: PayloadFields): Promise<number> {
    return (await this.request('OpenFile', { path, options })).map('data').uint('Handle');
  }

  /** What an open file holds, to its end; the file is closed with it. Pieces come as fast as they are taken. */
  async *pieces(handle: number, { sparse = false } = {}) {
    const id = await this.#begin('Read', { handle, offset: 0, sparse, close: true });
    for (;;) {
      const message = await this.#receive(id);
      if (message.type === 'core.fs.data') yield { data: message.payload.bytes('data') } as FsPiece;
      else if (message.type === 'msb.fs.hole' && sparse)
        yield { hole: message.payload.uint('bytes') } as FsPiece;
      else return this.#checked(message);
    }
  }

  /** Begins to write to an open file, which is closed at the end of it unless it is to be `kept`. */
  async beginWrite(handle: number, { offset = 0, keep = false } = {}): Promise<FsWriting> {
    this.#window = windowBytes;
    const id = await this.#begin('Write', { handle, offset, close: !keep });
    return { write: (bytes) => this.#write(id, bytes), end: () => this.#endWrite(id) };
  }

  /** Nothing more is asked over it. What has not come to its end is broken off. */
  [Symbol.dispose](): void {
    if (this.#isBusy) this.#line.close();
    else this.#line.giveBack();
  }

  async #write(id: number, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      // Waiting for a quarter of it, so that not every message waits for a word of the guest's.
      while (this.#window < windowBytes / 4) this.#taken(await this.#receive(id));
      const end = Math.min(bytes.length, at + chunkBytes, at + this.#window);
      this.#window -= end - at;
      await this.#send('core.fs.data', { data: bytes.subarray(at, end) }, id, 0);
      at = end;
    }
  }

  async #endWrite(id: number): Promise<void> {
    await this.#send('core.fs.data', { data: new Uint8Array(0) }, id, 0);
    for (;;) {
      const message = await this.#receive(id);
      if (message.type !== 'msb.taken') {
        this.#checked(message);
        return;
      }
      this.#taken(message);
    }
  }

  #taken(message: ReceivedMessage): void {
    if (message.type !== 'msb.taken') {
      this.#checked(message);
      throw new AgentProtocolError(`The agent ended a write to ${this.#subject.path} before its end.`);
    }
    const bytes = message.payload.uint('bytes');
    if (bytes > windowBytes - this.#window)
      throw new AgentProtocolError(
        `The agent says that more has been written to ${this.#subject.path} than was sent.`,
      );
    this.#window += bytes;
  }

  #begin(op: string, fields: PayloadFields): Promise<number> {
    this.#isBusy = true;
    return this.#bounded(() => this.#line.connection.open('core.fs.request', { op: { [op]: fields } }));
  }

  #send(type: string, payload: PayloadFields, id: number, flags: number): Promise<void> {
    return this.#bounded(() => this.#line.connection.send(type, payload, { id, flags }));
  }

  async #answer(id: number): Promise<Payload> {
    return this.#checked(await this.#receive(id));
  }

  async #receive(id: number): Promise<ReceivedMessage> {
    const message = await this.#bounded(() => this.#line.connection.receive());
    if (message.id === id) return message;
    throw new AgentProtocolError(`The agent sent a ${message.type} for a session that is not this one.`);
  }

  #checked({ type, payload }: ReceivedMessage): Payload {
    const { verb, path } = this.#subject;
    if (type === 'core.error')
      throw new AgentProtocolError(`The agent refused to ${verb} ${path}: ${payload.text('message')}.`);
    if (type !== 'core.fs.response')
      throw new AgentProtocolError(`The agent answered a request to ${verb} ${path} with ${type}.`);
    this.#isBusy = false;
    if (payload.bool('ok')) return payload;
    throw new SandboxFsOpsError(
      `The guest could not ${verb} ${path}: ${payload.text('error')}.`,
      path,
      payload.optionalText('errno_name') ?? null,
    );
  }

  /** One wait for the guest. */
  async #bounded<T>(wait: () => Promise<T>): Promise<T> {
    const { verb, path } = this.#subject;
    const bound = { timeoutMs: this.#timeoutMs, signal: this.#signal };
    try {
      return await this.#line.connection.within(bound, `The guest did not ${verb} ${path}`, wait);
    } catch (error) {
      throw error instanceof AgentGoneError ? await this.#line.explainLoss(error) : error;
    }
  }
}

/** A write that is under way. */
export interface FsWriting {
  /** Resolves when there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  /** All has been written. */
  end(): Promise<void>;
}
