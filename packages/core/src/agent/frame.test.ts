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

  it('comes to the same of a damaged stream, however it is cut: the frames before the damage, and the error', () => {
    const damaged = fc
      .tuple(
        fc.array(frame, { maxLength: 6 }),
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }),
      )
      .map(([frames, edits]) => {
        const wire = Buffer.concat(frames.map(encodeFrame));
        for (const [at, value] of edits) if (wire.length > 0) wire[at % wire.length] = value;
        return wire;
      });
    const read = (wire: Buffer, sizes: readonly number[]) => {
      const reader = new FrameReader();
      const found: Frame[] = [];
      let failed = false;
      try {
        for (let at = 0, i = 0; at < wire.length; i++) {
          const size = sizes[i % sizes.length] as number;
          found.push(...reader.push(wire.subarray(at, at + size)));
          at += size;
        }
      } catch (error) {
        expect(error).toBeInstanceOf(AgentProtocolError);
        failed = true;
      }
      return { found: found.map(({ id, flags, body }) => ({ id, flags, body: [...body] })), failed };
    };
    fc.assert(
      fc.property(damaged, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (wire, sizes) => {
        const byByte = read(wire, [1]);
        const cut = read(wire, sizes);
        expect(cut.failed).toBe(byByte.failed);
        // A piece that has damage in it gives none of its frames: the connection is over in any case.
        expect(byByte.found.slice(0, cut.found.length)).toEqual(cut.found);
        if (!cut.failed) expect(cut.found).toEqual(byByte.found);
      }),
      { numRuns: 500 },
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
