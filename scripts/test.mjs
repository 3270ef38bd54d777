// @ts-check
// npm test [-- FILTER ...]: sets up, then runs every check and every test. The last line counts them all. With filters,
// only the tests of vitest that they name.

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { hasApt } from './setup/debian.mjs';
import { Interrupted, runMain } from './setup/errors.mjs';
import { inRoot, npmBin } from './setup/paths.mjs';
import { checkInterrupted, passing } from './setup/signals.mjs';
import { setup } from './setup.mjs';
import { agentdVmEnv } from './testing/agentd-vm.mjs';
import { leftovers, makePlace, removePlace } from './testing/leftovers.mjs';
import { check, countedSuite, countLine, suiteBeside, sum, vitest } from './testing/parts.mjs';

/** @param {string[]} filters @param {ReturnType<typeof makePlace>} place */
async function runAll(filters, place) {
  const env = { MSB_TEST: 'require', ...place.env };
  const all = [];
  if (filters.length === 0) {
    all.push(await check('biome check', npmBin('biome'), ['check']));
    all.push(await check('tsc --build', npmBin('tsc'), ['--build']));
    for (const part of ['agentd', 'native']) {
      const args = ['--no-print-directory', `-j${availableParallelism()}`, '-C', inRoot(part), 'check'];
      all.push(await countedSuite(`make -C ${part} check`, 'make', args, env));
    }
    // The agent's machines run one at a time, and mostly wait; fuzzing runs by the clock.
    const machines = ['--no-print-directory', '-C', inRoot('agentd'), 'check-vm'];
    const fuzz = [inRoot('scripts', 'fuzz.mjs'), '--smoke'];
    const both = await Promise.allSettled([
      countedSuite('make -C agentd check-vm', 'make', machines, { ...env, ...(await agentdVmEnv()) }),
      suiteBeside('npm run fuzz -- --smoke', process.execPath, fuzz, env),
    ]);
    for (const suite of both) {
      if (suite.status === 'rejected') throw suite.reason;
      all.push(suite.value);
    }
  }
  all.push(await vitest(npmBin('vitest'), filters, join(place.place, 'vitest.json'), env));
  return sum(all);
}

/** @param {string[]} filters */
async function main(filters) {
  // Where there is no apt, the tests of registries are left out if what they need is not there.
  const also = hasApt() ? ['registry'] : [];
  if (filters.length === 0 && process.platform === 'linux') also.push('clang');
  await setup({ also });
  const place = makePlace();
  /** @type {string[]} */
  let left = [];
  let total;
  try {
    total = await runAll(filters, place);
  } finally {
    left = await leftovers(place);
    removePlace(place);
  }
  if (left.length > 0) {
    process.stdout.write(`left behind, counted as 1 failed:\n${left.map((name) => `  ${name}\n`).join('')}`);
    total.failed += 1;
  }
  return total;
}

await runMain(async () => {
  try {
    const total = await passing(async () => {
      const counts = await main(process.argv.slice(2));
      checkInterrupted();
      return counts;
    });
    process.stdout.write(`\n${countLine(total)}\n`);
    return total.failed > 0 ? 1 : 0;
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.stdout.write(`\n${countLine({ passed: 0, failed: 1, skipped: 0 })}\n`);
    return 1;
  }
});
