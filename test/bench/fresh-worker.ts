/**
 * Makes machines one after another when it is told to, each of which runs `true` and is removed. Run as: fork(fresh-worker.js, [ORIGIN,
 * COUNT]); says `ready` and `done`.
 */
import { once } from 'node:events';
import type { MachineOrigin } from '@msbtest/core';
import { another, liveCloned, liveCold, livePooled, openPool } from './life.js';

/** As many as the integrations have. */
const lookAhead = 2;

/** Each makes so many. */
const ways: Readonly<Record<MachineOrigin, (total: number) => Promise<void>>> = {
  async cold(total) {
    for (let n = 0; n < total; n++) await liveCold();
  },
  async clone(total) {
    for (let n = 0; n < total; n++) await liveCloned();
  },
  // None is foreseen that is not taken, so that as many are made as are counted.
  async pool(total) {
    await using pool = openPool();
    const config = await another().build();
    const foresee = (left: number) => pool.foresee(Array(Math.min(lookAhead, left)).fill(config));
    foresee(total);
    await pool.settled();
    for (let left = total - 1; left >= 0; left--) await livePooled(pool, () => foresee(left));
  },
};

const [origin = '', total = ''] = process.argv.slice(2);
const way = ways[origin as MachineOrigin];
process.once('disconnect', () => process.exit(1)); // nobody waits for it any more
await (origin === 'cold' ? liveCold() : liveCloned()); // what a process does once
process.send?.('ready');
await once(process, 'message');
await way(Number(total));
process.send?.('done');
