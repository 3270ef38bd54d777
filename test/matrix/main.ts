import { PrivateHome } from '@msbtest/fixtures/private-home';
import { jestRows } from '../jest/rows.js';
import { runners as jestRunners } from '../jest/runners.js';
import { nodeRows } from '../node/rows.js';
import { runners as nodeRunners } from '../node/runners.js';
import { vitestRows } from '../vitest/rows.js';
import { runners as vitestRunners } from '../vitest/runners.js';
import { cat } from './cat.js';
import { conformanceMatrix } from './conformance.js';
import { images } from './images.js';
import { integrationMatrix } from './integrations.js';
import { storm } from './storm.js';
import { wrongStops } from './wrong-stops.js';

/** @returns whether everything was as it must be. */
type Matrix = (options: { trials: number; json: boolean; only: string[] }) => Promise<boolean>;

const matrices: Readonly<Record<string, Matrix>> = {
  'wrong-stops': wrongStops,
  vitest: (options) => integrationMatrix(vitestRunners, vitestRows, options),
  jest: (options) => integrationMatrix(jestRunners, jestRows, options),
  node: (options) => integrationMatrix(nodeRunners, nodeRows, options),
  storm,
  cat,
  images,
  conformance: conformanceMatrix,
};

/** Trials of each cell, or tests in all. */
const defaultTrials: Readonly<Record<string, number>> = { storm: 200, cat: 100 };

const args = process.argv.slice(2);
const json = args.includes('--json');
const at = args.indexOf('--trials');
const [name = '', ...only] = args.filter(
  (argument, index) => !argument.startsWith('-') && (at < 0 || index !== at + 1),
);
const trials = at < 0 ? (defaultTrials[name] ?? 20) : Number(args[at + 1]);
const matrix = Object.hasOwn(matrices, name) ? matrices[name] : undefined;
if (!matrix || !Number.isInteger(trials) || trials < 1) {
  process.stderr.write(
    `Usage: npm run matrix -- NAME [--trials N] [--json], NAME one of: ${Object.keys(matrices).join(', ')}; of conformance, ids of scenarios may follow\n`,
  );
  process.exitCode = 2;
} else {
  using home = new PrivateHome();
  const asItMustBe = await matrix({ trials, json, only });
  const leaks = await home.leaks();
  if (leaks.length > 0) process.stderr.write(`Left behind: ${leaks.join(', ')}\n`);
  process.exitCode = asItMustBe && leaks.length === 0 ? 0 : 1;
}
