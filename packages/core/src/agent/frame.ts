import { AgentProtocolError } from '../errors.js';

/** `[len: u32 BE] [id: u32 BE] [flags: u8] [body]`; `len` counts what follows it. */
export interface Frame {
  readonly id: number;
  readonly flags: number;
  readonly body: Uint8Array;
}

/** Opens a session. */
export const SESSION_START = 2;
/** Belongs to the shutdown of the machine. */
export const SHUTDOWN = 4;

/** The most that `len` may say: 4 MiB. */
export const MAX_FRAME_LENGTH = 4 * 1024 * 1024;

const lengthSize = 4;
const headerSize = 5; // id and flags, counted by len

/** One frame as the bytes for the wire. */
export function encodeFrame({ body, ...head }: Frame): Uint8Array {
  return Buffer.concat([frameHead({ ...head, length: body.length }), body]);
}

/** What goes before a body of that length. */
export function frameHead({ id, flags, length }: Omit<Frame, 'body'> & { readonly length: number }): Buffer {
  const counted = headerSize + length;
  if (counted > MAX_FRAME_LENGTH) {
    throw new AgentProtocolError(
      `A frame of ${counted} bytes is over the protocol's ${MAX_FRAME_LENGTH}; send it in parts.`,
    );
  }
  const head = Buffer.allocUnsafe(lengthSize + headerSize);
  head.writeUInt32BE(counted, 0);
  head.writeUInt32BE(id, 4);
  head.writeUInt8(flags, 8);
  return head;
}

/**
 * Finds frames in a stream of chunks that are cut anywhere. Holds at most one unfinished frame, whose length is checked
 * before anything is set aside for it.
 */
export class FrameReader {
  #head = Buffer.alloc(lengthSize);
  #headFilled = 0;
  #frame: Buffer | undefined;
  #frameFilled = 0;

  /** The frames that `chunk` completes, in order; one that is whole in it is a view of it.
   * @throws AgentProtocolError for a length that no frame can have; the stream is lost then. */
  push(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    const view = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let at = 0;
    while (at < chunk.length) {
      if (this.atBoundary && at + lengthSize <= view.length) {
        const end = at + lengthSize + checkedLength(view.readUInt32BE(at));
        if (end <= view.length) {
          frames.push(frameOf(view.subarray(at + lengthSize, end)));
          at = end;
          continue;
        }
      }
      if (!this.#frame) {
        const taken = Math.min(lengthSize - this.#headFilled, chunk.length - at);
        this.#head.set(chunk.subarray(at, at + taken), this.#headFilled);
        this.#headFilled += taken;
        at += taken;
        if (this.#headFilled < lengthSize) break;
        this.#frame = Buffer.allocUnsafe(checkedLength(this.#head.readUInt32BE(0)));
        this.#frameFilled = 0;
      }
      const taken = Math.min(this.#frame.length - this.#frameFilled, chunk.length - at);
      this.#frame.set(chunk.subarray(at, at + taken), this.#frameFilled);
      this.#frameFilled += taken;
      at += taken;
      if (this.#frameFilled < this.#frame.length) break;
      frames.push(frameOf(this.#frame));
      this.#frame = undefined;
      this.#headFilled = 0;
    }
    return frames;
  }

  /** Whether the stream may end here: no frame has begun. */
  get atBoundary(): boolean {
    return this.#frame === undefined && this.#headFilled === 0;
  }
}

/** @param counted what its length counts. */
function frameOf(counted: Buffer): Frame {
  return { id: counted.readUInt32BE(0), flags: counted.readUInt8(4), body: counted.subarray(headerSize) };
}

function checkedLength(length: number): number {
  if (length < headerSize || length > MAX_FRAME_LENGTH) {
    throw new AgentProtocolError(
      `The agent announced a frame of ${length} bytes; the protocol allows ${headerSize} to ${MAX_FRAME_LENGTH}.`,
    );
  }
  return length;
}
