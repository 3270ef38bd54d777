import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeForkAnswer, encodeForkOrder } from './fork-order.js';

/** As `native/fork/order.c` takes a message apart. */
function parse(bytes: Buffer) {
  const [version, count, relayFds, replaced] = [0, 4, 8, 12].map((at) => bytes.readUInt32LE(at));
  const numbers = Array.from({ length: replaced ?? 0 }, (_, index) => bytes.readInt32LE(16 + index * 4));
  const text = bytes.subarray(16 + numbers.length * 4).toString();
  return {
    version,
    count,
    relayFds,
    numbers,
    relay: text.split('\0').slice(0, -1),
    ends: text.endsWith('\0'),
  };
}

describe('an order to fork', () => {
  it('says what the relay is, and what becomes of which descriptor', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', '')),
          { minLength: 1 },
        ),
        fc.array(fc.nat(1000)),
        fc.array(fc.record({ number: fc.nat(1000), with: fc.nat(1000) })),
        (relay, relayFds, replacements) => {
          const { bytes, fds } = encodeForkOrder({ relay, relayFds, replacements });
          const numbers = replacements.map(({ number }) => number);
          expect(parse(Buffer.from(bytes))).toEqual({
            version: 1,
            count: relay.length,
            relayFds: relayFds.length,
            numbers,
            relay,
            ends: true,
          });
          expect(fds).toEqual([...relayFds, ...replacements.map((one) => one.with)]);
        },
      ),
    );
  });
});

describe('the answer to it', () => {
  const answer = (errno: number, relay: number, vmm: number, step: string) => {
    const bytes = Buffer.alloc(72);
    bytes.writeInt32LE(errno, 0);
    bytes.writeInt32LE(relay, 4);
    bytes.writeInt32LE(vmm, 8);
    bytes.write(step, 12);
    return bytes;
  };

  it('names the processes that were made, or the step that failed', () => {
    expect(decodeForkAnswer(answer(0, 71, 72, ''))).toEqual({ relay: 71, vmm: 72 });
    const failed = answer(16, 0, 0, 'waiting for the threads to wait');
    expect(decodeForkAnswer(failed)).toEqual({ errno: 16, step: 'waiting for the threads to wait' });
    expect(decodeForkAnswer(answer(1, 0, 0, 'x'.repeat(60)))).toEqual({ errno: 1, step: 'x'.repeat(60) });
  });

  it('is none of another length', () => {
    for (const length of [0, 71, 73]) expect(decodeForkAnswer(Buffer.alloc(length))).toBeNull();
  });
});
