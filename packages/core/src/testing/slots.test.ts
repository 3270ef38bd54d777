import { closeSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type QueuePosition, type Share, Slots } from './slots.js';

const root = mkdtempSync(join(tmpdir(), 'msb-slots-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let slots: Slots;
let directory: string;
let made = 0;
beforeEach(() => {
  directory = join(root, String(made++));
  slots = new Slots(directory, { memoryMib: 1000, cpus: 4 });
});

const claims = () => readdirSync(directory).filter((name) => name !== 'queue.lock');
const small: Share = { memoryMib: 400, cpus: 1 };

/** A claim whose grant can be asked for. */
function claim(share: Share, { wait = true, signal }: { wait?: boolean; signal?: AbortSignal } = {}) {
  const positions: QueuePosition[] = [];
  const state = { granted: false, positions };
  const slot = slots.claim(share, { wait, signal, onWait: (position) => positions.push(position) });
  slot.then(
    () => {
      state.granted = true;
    },
    () => {},
  );
  return {
    slot,
    state,
    queued: () => expect.poll(() => positions.length, { timeout: 5000 }).toBeGreaterThan(0),
  };
}

describe('Slots', () => {
  it('grants what fits, at once', async () => {
    using a = await slots.claim(small, { wait: true });
    using b = await slots.claim(small, { wait: true });
    expect([a.waitedMs, b.waitedMs].every((ms) => ms < 1000)).toBe(true);
    expect(claims()).toHaveLength(2);
  });

  it('leaves nothing when all are given back', async () => {
    (await slots.claim(small, { wait: true }))[Symbol.dispose]();
    expect(claims()).toEqual([]);
  });

  it.each([
    ['memory', { memoryMib: 700, cpus: 1 }],
    ['processors', { memoryMib: 10, cpus: 3 }],
  ])('lets wait who does not fit by %s, until there is room', async (_, share) => {
    const first = await slots.claim(share, { wait: true });
    const second = claim(share);
    await second.queued();
    expect(second.state).toEqual({ granted: false, positions: [{ running: 1, ahead: 0 }] });
    first[Symbol.dispose]();
    (await second.slot)[Symbol.dispose]();
  });

  it('does not let a small claim overtake a large one that came first', async () => {
    const first = await slots.claim({ memoryMib: 600, cpus: 1 }, { wait: true });
    const large = claim({ memoryMib: 800, cpus: 1 });
    await large.queued();
    const little = claim({ memoryMib: 100, cpus: 1 });
    await little.queued();
    expect(little.state.positions).toEqual([{ running: 1, ahead: 1 }]);
    first[Symbol.dispose]();
    using _large = await large.slot;
    using _little = await little.slot;
  });

  it('grants more than there is to who is alone, and to nobody else', async () => {
    using _huge = await slots.claim({ memoryMib: 1e6, cpus: 64 }, { wait: true });
    const next = claim(small);
    await next.queued();
    expect(next.state.granted).toBe(false);
    _huge[Symbol.dispose]();
    (await next.slot)[Symbol.dispose]();
  });

  it('does not let wait who must not', async () => {
    using _first = await slots.claim({ memoryMib: 1000, cpus: 4 }, { wait: true });
    using _second = await slots.claim({ memoryMib: 1000, cpus: 4 }, { wait: false });
    const third = claim(small);
    await third.queued();
    expect(third.state.positions[0]).toEqual({ running: 1, ahead: 1 });
    _first[Symbol.dispose]();
    _second[Symbol.dispose]();
    (await third.slot)[Symbol.dispose]();
  });

  it('gives a claim up when it is told to', async () => {
    using _first = await slots.claim({ memoryMib: 1000, cpus: 4 }, { wait: true });
    const controller = new AbortController();
    const second = claim(small, { signal: controller.signal });
    await second.queued();
    controller.abort(new Error('no more'));
    await expect(second.slot).rejects.toThrow('no more');
    expect(claims()).toHaveLength(1);
  });

  it('clears away the claim of one who has died', async () => {
    const dead = await slots.claim({ memoryMib: 1000, cpus: 4 }, { wait: true });
    const [name = ''] = claims();
    const next = claim(small);
    await next.queued();
    dead[Symbol.dispose]();
    closeSync(openSync(join(directory, name), 'w')); // the file without its lock, as a killed process leaves it
    (await next.slot)[Symbol.dispose]();
    expect(claims()).toEqual([]);
  });

  it('reserves memory that is left, at once, whatever the processors', async () => {
    using _claim = await slots.claim({ memoryMib: 400, cpus: 4 }, { wait: true });
    using first = await slots.reserve({ memoryMib: 400 });
    expect(first).not.toBeNull();
    expect(await slots.reserve({ memoryMib: 201 })).toBeNull();
    using rest = await slots.reserve({ memoryMib: 200 });
    expect(rest).not.toBeNull();
    expect(claims()).toHaveLength(3);
  });

  it('gives a reservation back', async () => {
    (await slots.reserve({ memoryMib: 1000 }))?.[Symbol.dispose]();
    expect(claims()).toEqual([]);
    using again = await slots.reserve({ memoryMib: 1000 });
    expect(again).not.toBeNull();
  });

  it.each([
    ['memory', { memoryMib: 700, cpus: 1 }],
    ['processors', { memoryMib: 10, cpus: 3 }],
  ])('reserves nothing while somebody waits for %s', async (_, share) => {
    using first = await slots.claim(share, { wait: true });
    const second = claim(share);
    await second.queued();
    expect(await slots.reserve({ memoryMib: 1 })).toBeNull();
    first[Symbol.dispose]();
    using _second = await second.slot;
    using reservation = await slots.reserve({ memoryMib: 1 });
    expect(reservation).not.toBeNull();
  });

  it('grants claims as if there were no reservations', async () => {
    using _reservation = await slots.reserve({ memoryMib: 1000 });
    using claim = await slots.claim({ memoryMib: 1000, cpus: 4 }, { wait: true });
    expect(claim.waitedMs).toBeLessThan(1000);
  });

  it('clears away the reservation of one who has died', async () => {
    const dead = await slots.reserve({ memoryMib: 1000 });
    const [name = ''] = claims();
    dead?.[Symbol.dispose]();
    closeSync(openSync(join(directory, name), 'w')); // the file without its lock, as a killed process leaves it
    using reservation = await slots.reserve({ memoryMib: 1000 });
    expect(reservation).not.toBeNull();
    expect(claims()).not.toContain(name);
  });

  it('does not take other files for claims', async () => {
    (await slots.claim(small, { wait: true }))[Symbol.dispose]();
    closeSync(openSync(join(directory, '1-999999m-99c'), 'w'));
    using _slot = await slots.claim(small, { wait: true });
  });

  it('never grants more than there is, and grants all in the end', async () => {
    const share = fc.record({
      memoryMib: fc.integer({ min: 1, max: 1200 }),
      cpus: fc.integer({ min: 1, max: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(share, { minLength: 1, maxLength: 8 }), async (shares) => {
        let [memoryMib, cpus, running, most] = [0, 0, 0, 0];
        await Promise.all(
          shares.map(async (wanted) => {
            using _slot = await slots.claim(wanted, { wait: true });
            const got = { memoryMib: Math.min(1000, wanted.memoryMib), cpus: Math.min(4, wanted.cpus) };
            memoryMib += got.memoryMib;
            cpus += got.cpus;
            most = Math.max(most, ++running);
            expect(memoryMib).toBeLessThanOrEqual(1000);
            expect(cpus).toBeLessThanOrEqual(4);
            await new Promise((resolve) => setImmediate(resolve));
            memoryMib -= got.memoryMib;
            cpus -= got.cpus;
            running--;
          }),
        );
        expect(most).toBeGreaterThan(0);
        expect(claims()).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });
});
