import { type Death, death, growsForEver, killsMain, killsWorker, signals } from '../integrations/deaths.js';
import type { Row } from '../integrations/rows.js';
import { sources } from './sources.js';

const pools = ['forks', 'threads', 'vmThreads'] as const;

/** Of a worker process; vitest lives on. */
const ofWorker = (death: Pick<Death, 'name' | 'act' | 'kill' | 'scene'>, more = ''): Death => ({
  ...death,
  configuration: { settings: `pool: 'forks', ${more}` },
  mainLives: true,
});

const deaths: readonly Death[] = [
  ...signals.flatMap((signal) =>
    pools.map((pool) => ({
      name: `${signal} of vitest, pool ${pool}`,
      configuration: { settings: `pool: '${pool}'` },
      kill: killsMain(signal),
      mainLives: false,
    })),
  ),
  ...signals.map((signal) => ofWorker({ name: `${signal} of a worker`, kill: killsWorker(signal) })),
  ofWorker({
    name: 'SIGKILL of a worker whose next machines wait',
    kill: killsWorker('SIGKILL'),
    scene: 'waiting',
  }),
  ofWorker({
    name: 'a worker that exits while its next machines wait',
    act: 'process.reallyExit(3);',
    scene: 'waiting',
  }),
  {
    name: 'SIGKILL of vitest while the next machines of a thread wait',
    configuration: { settings: `pool: 'threads'` },
    kill: killsMain('SIGKILL'),
    scene: 'waiting',
    mainLives: false,
  },
  ofWorker({ name: 'a worker that aborts', act: 'process.abort();' }),
  ofWorker({ name: 'a worker that exits', act: 'process.reallyExit(3);' }),
  {
    name: 'SIGKILL of vitest while nothing but the next machines of a process is there',
    configuration: { settings: `pool: 'forks'` },
    kill: killsMain('SIGKILL'),
    scene: 'onlyWaiting',
    mainLives: false,
  },
  ofWorker(
    { name: 'a worker process out of memory', act: growsForEver },
    `execArgv: ['--max-old-space-size=100']`,
  ),
  {
    name: 'a worker thread out of memory',
    configuration: { settings: `pool: 'threads'` },
    env: { NODE_OPTIONS: '--max-old-space-size=150' },
    act: growsForEver,
    mainLives: false, // vitest 4 does not survive it
  },
];

export const deathRows: readonly Row[] = deaths.map((one) => death(sources, one));
