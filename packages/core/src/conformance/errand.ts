/** A process that does something with a provider's sandboxes in the kit's stead, and says when it has. See `Errand`. */
import '../index.js';
import type { Errand } from './elsewhere.js';
import { loadProvider, messageOf } from './load-provider.js';
import type { Provider } from './provider.js';
import { ownersWord, patientStopMs } from './scenario.js';
import { scenarios } from './scenarios/index.js';
import { sh } from './shell.js';

const errand = JSON.parse(process.argv[2] ?? '') as Errand;

process.stdin.on('end', () => process.exit(1)).resume();

const say = (word: string) => process.stdout.write(`${word}\n`);

try {
  const { work } = errand;
  const provider = await providerFor(errand);
  if (work.kind === 'stop') {
    const sandbox = await provider.get?.(work.name);
    const stopped = await sandbox?.stop(patientStopMs);
    if (stopped?.outcome === 'escalated') throw new Error('It was not stopped gracefully.');
    await provider.close?.();
    say('done');
    process.exit(0);
  }
  const sandbox = await provider.create(work.options);
  await sh(sandbox, 'printf %s "$1" > owned', ownersWord);
  if (work.then === 'detach') await sandbox.detach?.();
  say('ready'); // and stays until it is killed
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(1);
}

async function providerFor({ module, scenario, sabotaged }: Errand): Promise<Provider> {
  const loaded = await loadProvider(module);
  const saboteur = scenarios.find(({ id }) => id === scenario)?.saboteur;
  return sabotaged && saboteur ? saboteur.wrap(loaded) : loaded;
}
