import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AgentProtocolError } from '../errors.js';
import { encodeFrame, type Frame, FrameReader, MAX_FRAME_LENGTH } from './frame.js';

const frame = fc.record({
  id: fc.nat({ max: 0xffffffff }),
  flags: fc.nat({ max: 255 }),
  body: fc.uint8Array({ maxLength: 300 }),
});

describe('FrameReader', () => {
  it('finds the same frames however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        (frames, cuts) => {
          const wire = Buffer.concat(frames.map(encodeFrame));
          const reader = new FrameReader();
          const found: Frame[] = [];
          for (let at = 0, i = 0; at < wire.length; i++) {
            const size = cuts[i % cuts.length] as number;
            found.push(...reader.push(wire.subarray(at, at + size)));
            at += size;
          }
          expect(found.map((f) => ({ ...f, body: [...f.body] }))).toEqual(
            frames.map((f) => ({ ...f, body: [...f.body] })),
          );
          expect(reader.atBoundary).toBe(true);
        },
      ),
    );
  });

  it('never holds more than one frame of whatever bytes come', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 64 }), { maxLength: 50 }), (chunks) => {
        const reader = new FrameReader();
        try {
          for (const chunk of chunks)
            for (const f of reader.push(chunk)) expect(f.body.length).toBeLessThanOrEqual(MAX_FRAME_LENGTH);
        } catch (error) {
          expect(error).toBeInstanceOf(AgentProtocolError);
        }
      }),
    );
  });

  it.each([0, 4, MAX_FRAME_LENGTH + 1, 0xffffffff])('refuses the length %i', (length) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(length);
    expect(() => new FrameReader().push(head)).toThrow(AgentProtocolError);
  });

  it('takes a frame of exactly the largest size', () => {
    const body = new Uint8Array(MAX_FRAME_LENGTH - 5);
    expect(new FrameReader().push(encodeFrame({ id: 1, flags: 0, body }))).toHaveLength(1);
    expect(() => encodeFrame({ id: 1, flags: 0, body: new Uint8Array(MAX_FRAME_LENGTH - 4) })).toThrow(
      AgentProtocolError,
    );
  });
});
