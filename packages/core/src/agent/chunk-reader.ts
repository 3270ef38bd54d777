import { connect, Socket, type SocketConstructorOpts } from 'node:net';

/** What is read at once at first, and once that is not enough. */
const firstBytes = 64 * 1024;
const mostBytes = 256 * 1024;
/** What is less is copied out of the buffer, which is then used again. */
const worthKeeping = 16 * 1024;

/**
 * What comes over a socket, pulled: while nobody asks for more, nothing is read. Each chunk is the caller's to keep. It is not read as a
 * stream is, since that takes 64 KiB at a time, through a queue, and a gigabyte has sixteen thousand of those.
 */
export class ChunkReader {
  readonly socket: Socket;
  #buffer = Buffer.allocUnsafeSlow(firstBytes);
  #chunk: Buffer | undefined;
  #isOver = false;
  #error: Error | undefined;
  #wake: () => void = () => {};

  private constructor(make: (onread: OnRead) => Socket) {
    this.socket = make({
      buffer: () => this.#buffer,
      callback: (length) => this.#took(length),
    });
    this.socket
      .on('error', (error) => {
        this.#error = error;
      })
      .on('end', () => this.#end())
      .on('close', () => this.#end());
  }

  static connect(path: string): ChunkReader {
    return new ChunkReader((onread) => connect({ path, onread }));
  }

  /** @param fd of a connected socket, which is taken over. */
  static on(fd: number): ChunkReader {
    return new ChunkReader((onread) => {
      const options: SocketConstructorOpts & { onread: OnRead } = {
        fd,
        readable: true,
        writable: true,
        onread,
      };
      return new Socket(options);
    });
  }

  /** The next chunk, or null at the end; only one call at a time. @throws the socket's error, once all that came before it is taken. */
  async next(): Promise<Buffer | null> {
    for (;;) {
      const chunk = this.#chunk;
      if (chunk) {
        this.#chunk = undefined;
        return chunk;
      }
      if (this.#error) throw this.#error;
      if (this.#isOver) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.socket.resume();
      });
    }
  }

  /** false: no more for now. */
  #took(length: number): boolean {
    const taken = this.#buffer.subarray(0, length);
    if (length < worthKeeping) this.#chunk = Buffer.from(taken);
    else {
      this.#chunk = taken;
      this.#buffer = Buffer.allocUnsafeSlow(length === this.#buffer.length ? mostBytes : this.#buffer.length);
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
