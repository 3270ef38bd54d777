/**
 * Makes machines one after another when it is told to, each of which runs `true` and is removed. Run as: fork(fresh-worker.js, [ORIGIN,
 * COUNT]); says `ready` and `done`.
 */
import { once } from 'node:events';
import { releaseTemplates } from '@msbtest/core';
import { makeLive, openPool, type Way } from '../support/ways.js';
import { another, liveCloned, liveCold, liveForked, livePooled } from './life.js';

/** As many as the integrations have. */
const lookAhead = 2;

/** Each makes so many. */
const ways: Readonly<Record<Way, (total: number) => Promise<void>>> = {
  async cold(total) {
    for (let n = 0; n < total; n++) await liveCold();
  },
  async clone(total) {
    for (let n = 0; n < total; n++) {
      await releaseTemplates();
      await liveCloned();
    }
  },
  async fork(total) {
    await makeLive(another());
    for (let n = 0; n < total; n++) await liveForked();
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
const way = ways[origin as Way];
process.once('disconnect', () => process.exit(1)); // nobody waits for it any more
if (origin === 'fork') await makeLive(another());
await { cold: liveCold, clone: liveCloned, fork: liveForked, pool: liveCloned }[origin as Way](); // what a process does once
process.send?.('ready');
await once(process, 'message');
await way(Number(total));
process.send?.('done');
