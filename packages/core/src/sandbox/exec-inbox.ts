import type { AgentConnection, ReceivedMessage } from '../agent/connection.js';
import { AgentProtocolError } from '../errors.js';

/** What may be on its way to a command, or wait in the guest's agent, without having been read by it; the agent holds eight times that. */
const windowBytes = 1024 * 1024;
/** Output that a writer takes in, while it waits to be told that its input was read, ahead of whoever reads it. */
const readAheadBytes = 1024 * 1024;

/**
 * What an agent says about one command, for the two who listen: the reader of its output, and the writer of its input, who has to know
 * what was taken. Neither has the other wait for longer than the bounds above say.
 */
export class ExecInbox {
  readonly #connection: AgentConnection;
  readonly #id: number;
  readonly #command: string;
  readonly #ahead: ReceivedMessage[] = [];
  #aheadBytes = 0;
  #reading: Promise<void> | undefined;
  #onRead: () => void = () => {};
  #window = windowBytes;
  /** Nothing more is read of its input, so nothing more is told of it. */
  #isInputOver = false;

  constructor(connection: AgentConnection, id: number, command: string) {
    this.#connection = connection;
    this.#id = id;
    this.#command = command;
  }

  /** The next message, of what is for the reader. @throws AgentGoneError, AgentProtocolError */
  async next(): Promise<ReceivedMessage> {
    for (;;) {
      const message = this.#ahead.shift();
      if (message) {
        this.#aheadBytes -= sizeOf(message);
        this.#onRead();
        return message;
      }
      await this.#read();
    }
  }

  /** Resolves to how many bytes may be sent: none once nobody reads them any more. @throws AgentGoneError, AgentProtocolError */
  async room(): Promise<number> {
    // Half of it, so that not every message waits for a word of the guest's.
    while (this.#window < windowBytes / 2 && !this.#isInputOver) {
      if (this.#aheadBytes < readAheadBytes) await this.#read();
      else
        await new Promise<void>((resolve) => {
          this.#onRead = resolve;
        });
    }
    return this.#isInputOver ? 0 : this.#window;
  }

  sent(bytes: number): void {
    this.#window -= bytes;
  }

  /** Whoever waits for room waits no more. */
  endInput(): void {
    this.#isInputOver = true;
    this.#onRead();
  }

  #read(): Promise<void> {
    this.#reading ??= this.#readOne().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOne(): Promise<void> {
    const message = await this.#connection.receive();
    const { id, type, payload } = message;
    if (id !== this.#id)
      throw new AgentProtocolError(`The agent sent a ${type} for a session that is not "${this.#command}".`);
    if (type === 'msb.taken') {
      // No more than was sent, except that a terminal takes the character for an end of file as well.
      this.#window = Math.min(windowBytes, this.#window + payload.uint('bytes'));
      return;
    }
    if (endsInput.includes(type)) this.endInput();
    this.#ahead.push(message);
    this.#aheadBytes += sizeOf(message);
  }
}

/** After these nothing that is written is read any more. */
const endsInput: readonly string[] = ['core.exec.stdin.error', 'core.exec.exited', 'msb.exec.detached'];

/** A message that carries nothing has its price, too. */
function sizeOf({ type, payload }: ReceivedMessage): number {
  const isOutput = type === 'core.exec.stdout' || type === 'core.exec.stderr';
  return isOutput ? 64 + payload.bytes('data').length : 64;
}
