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
/** No frame is shorter. */
const leastFrame = lengthSize + headerSize;

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

/** What frames are read to that may be many at once; whatever is found in it is copied out. */
const scratchBytes = 16 * 1024;

/**
 * Finds frames in a stream that is cut anywhere. It says where the stream is to be read to, so that a long frame comes to the place where
 * it stays, which is set aside once its length has been checked; with it comes the beginning of the next, whose length is known then.
 * Holds at most one unfinished frame.
 */
export class FrameReader {
  readonly #scratch = Buffer.allocUnsafeSlow(scratchBytes);
  /** Where that is read to which is not whole yet, from its beginning. */
  #place = this.#scratch;
  #filled = 0;

  /** Where the stream is to be read to next. */
  room(): Buffer {
    return this.#place.subarray(this.#filled);
  }

  /** The frames that are whole with the next `length` bytes, which are in the room that was given, in order; they stay as they are.
   * @throws AgentProtocolError for a length that no frame can have; the stream is lost then. */
  took(length: number): Frame[] {
    const frames: Frame[] = [];
    const got = this.#place.subarray(0, this.#filled + length);
    let at = 0;
    for (let end = endOfFrame(got, at); end <= got.length; end = endOfFrame(got, at)) {
      const counted = got.subarray(at + lengthSize, end);
      frames.push(frameOf(this.#place === this.#scratch ? Buffer.from(counted) : counted));
      at = end;
    }
    this.#keep(got, at);
    return frames;
  }

  /** Whether the stream may end here: no frame has begun. */
  get atBoundary(): boolean {
    return this.#filled === 0;
  }

  /** What is from there on begins a frame. */
  #keep(got: Buffer, at: number): void {
    const rest = got.subarray(at);
    const whole = rest.length < lengthSize ? 0 : endOfFrame(rest, 0);
    this.#filled = rest.length;
    if (at === 0 && this.#place.length >= whole) return;
    this.#place = whole > scratchBytes ? Buffer.allocUnsafeSlow(whole + leastFrame - 1) : this.#scratch;
    this.#place.set(rest);
  }
}

/** Where the frame ends that begins there; Infinity if not even its length is known. @throws AgentProtocolError */
function endOfFrame(bytes: Buffer, at: number): number {
  return bytes.length - at < lengthSize ? Infinity : at + lengthSize + checkedLength(bytes.readUInt32BE(at));
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
