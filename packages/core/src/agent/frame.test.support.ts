import type { Frame, FrameReader } from './frame.js';

/** The frames that are whole with these bytes, which come as fast as the reader has room for them. */
export function push(reader: FrameReader, bytes: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const piece = bytes.subarray(at, at + reader.room().length);
    reader.room().set(piece);
    frames.push(...reader.took(piece.length));
    at += piece.length;
  }
  return frames;
}
