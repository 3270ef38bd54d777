import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GatheredBytes } from './gathered-bytes.js';

describe('GatheredBytes', () => {
  it('is the pieces one after the other, whatever their sizes', () => {
    const piece = fc.oneof(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 9_000 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const gathered = new GatheredBytes();
        for (const bytes of pieces) gathered.push(bytes);
        const whole = Buffer.concat(pieces);
        expect(gathered.length).toBe(whole.length);
        expect(gathered.join().equals(whole)).toBe(true);
      }),
    );
  });

  it('takes a copy: what was handed in may change', () => {
    const gathered = new GatheredBytes();
    const piece = Uint8Array.of(1, 2, 3);
    gathered.push(piece);
    piece.fill(9);
    expect([...gathered.join()]).toEqual([1, 2, 3]);
  });

  it('takes memory for the bytes that there are, not for the pieces', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const held = () => {
      collect();
      return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
    };
    const gathered = new GatheredBytes();
    const before = held();
    for (let i = 0; i < 300_000; i++) gathered.push(i % 2 === 0 ? Uint8Array.of(7) : new Uint8Array(0));
    // Kept one by one they would take more than 30 MB.
    expect(held() - before).toBeLessThan(4 * 1024 * 1024);
    expect(gathered.length).toBe(150_000);
  }, 30_000);
});
