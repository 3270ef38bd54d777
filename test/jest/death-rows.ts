import { type Death, death, growsForEver, killsMain, killsWorker, signals } from '../integrations/deaths.js';
import type { Row } from '../integrations/rows.js';
import { inBand, inWorkers } from './runners.js';
import { sources } from './sources.js';

/**
 * Of a worker; jest lives on. It gives the file up when the worker was ended by a signal or is out of memory, and tries it again in
 * three more workers when it has exited.
 */
const ofWorker = (one: Pick<Death, 'name' | 'act' | 'env' | 'kill' | 'scene'>): Death => ({
  ...one,
  args: inWorkers,
  beside: true,
  mainLives: true,
});

const deaths: readonly Death[] = [
  ...signals.flatMap((signal) => [
    { name: `${signal} of jest, in band`, args: inBand, kill: killsMain(signal), mainLives: false },
    {
      name: `${signal} of jest, in workers`,
      args: inWorkers,
      beside: true,
      kill: killsMain(signal),
      mainLives: false,
    },
  ]),
  ...signals.map((signal) => ofWorker({ name: `${signal} of a worker`, kill: killsWorker(signal) })),
  ofWorker({
    name: 'SIGKILL of a worker whose next machines wait',
    kill: killsWorker('SIGKILL'),
    scene: 'waiting',
  }),
  {
    name: 'SIGKILL of jest while the next machines wait, in band',
    args: inBand,
    kill: killsMain('SIGKILL'),
    scene: 'waiting',
    mainLives: false,
  },
  ofWorker({ name: 'a worker that aborts', act: 'process.abort();' }),
  ofWorker({ name: 'a worker that exits', act: 'process.reallyExit(3);' }),
  {
    name: 'SIGKILL of jest while nothing but the next machines of a worker is there',
    args: inWorkers,
    beside: true,
    kill: killsMain('SIGKILL'),
    scene: 'onlyWaiting',
    mainLives: false,
  },
  ofWorker({
    name: 'a worker out of memory',
    env: { NODE_OPTIONS: '--max-old-space-size=150' },
    act: growsForEver,
  }),
];

export const deathRows: readonly Row[] = deaths.map((one) => death(sources, one));
