import { connect, Socket, type SocketConstructorOpts } from 'node:net';
import { type Frame, FrameReader } from './frame.js';

/**
 * Frames that come over a socket, pulled: while nobody asks for more, nothing is read. It is not read as a stream is, since that takes 64 KiB
 * at a time, through a queue, to a place of its own, from which a longer frame would be copied together.
 */
export class FrameLine {
  readonly socket: Socket;
  readonly #reader = new FrameReader();
  readonly #prefix: Buffer;
  #prefixFilled = 0;
  #frames: Frame[] = [];
  #isOver = false;
  #error: Error | undefined;
  #wake: () => void = () => {};

  private constructor(prefixLength: number, make: (onread: OnRead) => Socket) {
    this.#prefix = Buffer.alloc(prefixLength);
    this.socket = make({ buffer: () => this.#room(), callback: (length) => this.#took(length) });
    this.socket
      .on('error', (error) => {
        this.#error ??= error;
      })
      .on('end', () => this.#end())
      .on('close', () => this.#end());
  }

  /** @param prefixLength of what comes before the first frame, in bytes. */
  static connect(path: string, prefixLength: number): FrameLine {
    return new FrameLine(prefixLength, (onread) => connect({ path, onread }));
  }

  /** @param fd of a connected socket, which is taken over. */
  static on(fd: number): FrameLine {
    return new FrameLine(0, (onread) => {
      const options: SocketConstructorOpts & { onread: OnRead } = {
        fd,
        readable: true,
        writable: true,
        onread,
      };
      return new Socket(options);
    });
  }

  /** What comes before the first frame, or null if the end comes first. @throws the socket's error. */
  async prefix(): Promise<Buffer | null> {
    while (this.#prefixIsDue) if (!(await this.#more())) return null;
    return this.#prefix;
  }

  /**
   * The next frame, or null at the end; only one call at a time.
   *
   * @throws AgentProtocolError for a length that no frame can have; the socket's error; each once all that came before it is taken.
   */
  async next(): Promise<Frame | null> {
    while (this.#frames.length === 0) if (!(await this.#more())) return null;
    return this.#frames.shift() as Frame;
  }

  /** Whether nothing has come that was not taken. */
  get isClear(): boolean {
    return this.#frames.length === 0 && this.#reader.atBoundary;
  }

  get #prefixIsDue(): boolean {
    return this.#prefixFilled < this.#prefix.length;
  }

  /** false: there is none. */
  async #more(): Promise<boolean> {
    if (this.#error) throw this.#error;
    if (this.#isOver) return false;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.socket.resume();
    });
    return true;
  }

  #room(): Buffer {
    return this.#prefixIsDue ? this.#prefix.subarray(this.#prefixFilled) : this.#reader.room();
  }

  /** Whether to read on: there is nothing yet that somebody waits for. */
  #took(length: number): boolean {
    if (this.#prefixIsDue) {
      this.#prefixFilled += length;
      if (this.#prefixIsDue) return true;
    } else {
      try {
        this.#frames.push(...this.#reader.took(length));
        if (this.#frames.length === 0) return true;
      } catch (error) {
        this.#error = error as Error;
        this.socket.destroy();
      }
    }
    this.#wake();
    return false;
  }

  #end(): void {
    this.#isOver = true;
    this.#wake();
  }
}

type OnRead = { buffer: () => Uint8Array; callback: (length: number) => boolean };
