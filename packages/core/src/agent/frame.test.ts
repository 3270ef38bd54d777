import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AgentProtocolError } from '../errors.js';
import { encodeFrame, type Frame, FrameReader, MAX_FRAME_LENGTH } from './frame.js';
import { push } from './frame.test.support.js';

const frame = fc.record({
  id: fc.nat({ max: 0xffffffff }),
  flags: fc.nat({ max: 255 }),
  body: fc.uint8Array({ maxLength: 300 }),
});

/** Their bodies; long ones by a digest, since thousands of numbers are compared for long. */
const seen = (frames: readonly Frame[]) =>
  frames.map(({ id, flags, body }) => ({
    id,
    flags,
    length: body.length,
    body: Buffer.from(body).toString('hex', 0, 300),
    digest: digest(body),
  }));
const digest = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest('hex');

describe('FrameReader', () => {
  it('finds the same frames, short and long, however the stream is cut, and leaves them as they are', () => {
    const long = fc
      .tuple(
        fc.nat({ max: 0xffffffff }),
        fc.nat({ max: 255 }),
        fc.integer({ min: 15_000, max: 90_000 }),
        fc.nat({ max: 255 }),
      )
      .map(([id, flags, length, fill]) => ({ id, flags, body: Buffer.alloc(length, fill) }));
    fc.assert(
      fc.property(
        fc.array(fc.oneof(frame, long), { maxLength: 8 }),
        fc.array(fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 100_000 })), {
          minLength: 1,
        }),
        (frames, cuts) => {
          const wire = Buffer.concat(frames.map(encodeFrame));
          const reader = new FrameReader();
          const found: Frame[] = [];
          for (let at = 0, i = 0; at < wire.length; i++) {
            const size = cuts[i % cuts.length] as number;
            found.push(...push(reader, wire.subarray(at, at + size)));
            at += size;
          }
          expect(seen(found)).toEqual(seen(frames));
          expect(reader.atBoundary).toBe(true);
        },
      ),
    );
  });

  it('has a long frame come to where it stays, with the beginning of the next', () => {
    const reader = new FrameReader();
    const first = encodeFrame({ id: 1, flags: 0, body: Buffer.alloc(200_000, 1) });
    const second = encodeFrame({ id: 2, flags: 0, body: Buffer.alloc(100_000, 2) });
    const short = encodeFrame({ id: 3, flags: 0, body: Buffer.alloc(0) });
    const wire = Buffer.concat([first, second, short]);
    const rooms: number[] = [];
    const found: Frame[] = [];
    for (let at = 0; at < wire.length; ) {
      const room = reader.room();
      rooms.push(room.length);
      const taken = wire.copy(room, 0, at, at + room.length);
      found.push(...reader.took(taken));
      at += taken;
    }
    expect(rooms).toEqual([16 * 1024, first.length + 8 - 16 * 1024, second.length, 16 * 1024 - 8]);
    expect(seen(found).map(({ id, length }) => [id, length])).toEqual([
      [1, 200_000],
      [2, 100_000],
      [3, 0],
    ]);
  });

  it('never holds more than one frame of whatever bytes come', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 64 }), { maxLength: 50 }), (chunks) => {
        const reader = new FrameReader();
        try {
          for (const chunk of chunks)
            for (const f of push(reader, chunk)) expect(f.body.length).toBeLessThanOrEqual(MAX_FRAME_LENGTH);
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
          found.push(...push(reader, wire.subarray(at, at + size)));
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
    expect(() => push(new FrameReader(), head)).toThrow(AgentProtocolError);
  });

  it('takes a frame of exactly the largest size', () => {
    const body = new Uint8Array(MAX_FRAME_LENGTH - 5);
    expect(push(new FrameReader(), encodeFrame({ id: 1, flags: 0, body }))).toHaveLength(1);
    expect(() => encodeFrame({ id: 1, flags: 0, body: new Uint8Array(MAX_FRAME_LENGTH - 4) })).toThrow(
      AgentProtocolError,
    );
  });
});
