import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Project, type Run } from '../integrations/project.js';
import { compare } from '../integrations/rows.js';
import type { Runner } from '../integrations/runner.js';
import { runners } from '../vitest/runners.js';

const testsPerFile = 5;
const workers = 4;
const kills = 10;

/** The longest that the storm lulls between two kills. */
const longestLullMs = 12_000;

const config = `
import { msb } from '@msbtest/vitest-plugin/plugin';
import { defineConfig } from 'vitest/config';
export default defineConfig({
  plugins: [msb({ memory: 256 })],
  test: { include: ['tests/*.test.ts', 'calm.test.ts'], maxWorkers: ${workers}, pool: 'forks', testTimeout: 60_000 },
});
`;

const testFile = (file: string) => `
import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, test } from '@msbtest/vitest-plugin';
mkdirSync('workers', { recursive: true });
writeFileSync('workers/' + process.pid, '${file}');
test.msb.for([${[...Array(testsPerFile).keys()]}])('${file} %i', async (n, { sandbox }) => {
  expect((await sandbox.shell('test ! -e /mark && echo ' + n + ' | tee /mark')).stdout()).toBe(n + '\\n');
});
`;

/**
 * Many tests in one run, whose workers are killed at random moments: nothing of them may be left, the tests of all others must come
 * to what they should, and the next run must find nothing in its way.
 *
 * @param options.trials tests in all; 200 unless told.
 */
export async function storm({ trials, json }: { trials: number; json: boolean }): Promise<boolean> {
  const files = Array.from({ length: Math.ceil(trials / testsPerFile) }, (_, index) => `storm-${index}`);
  const sources = Object.fromEntries(files.map((file) => [`tests/${file}.test.ts`, testFile(file)]));
  const [runner] = runners as [Runner, ...Runner[]];
  using project = new Project(runner, {
    'vitest.config.ts': config,
    ...sources,
    'calm.test.ts': testFile('calm'),
  });
  const run = project.start({ args: ['tests/'] });
  const victims = await killWorkers(run, project.path);
  const result = await run.ended;
  const leaks = [...(await project.settledLeaks()), ...project.runHomes()];
  const names = files.filter((file) => !victims.has(file)).flatMap((file) => namesOf(file));
  const wrong = names.filter((name) => result.tests[name]?.state !== 'passed');
  const next = await project.run({ args: ['calm.test.ts'] });
  const expected = Object.fromEntries(
    namesOf('calm').map((name) => [name, { state: 'passed', boots: 1 } as const]),
  );
  const nextProblems = compare(project, next, { tests: expected, exitCode: 0 });
  leaks.push(...(await project.settledLeaks()), ...project.runHomes());
  const report = {
    tests: files.length * testsPerFile,
    workers,
    killed: victims.size,
    boots: project.boots().length,
    leaks: leaks.length,
    checkedOthers: names.length,
    wrongOthers: wrong.length,
    nextRunClean: nextProblems.length === 0,
  };
  for (const line of [...leaks, ...wrong.map((name) => `wrong: ${name}`), ...nextProblems])
    process.stderr.write(`${line}\n`);
  process.stdout.write(
    `${
      json
        ? JSON.stringify(report)
        : Object.entries(report)
            .map(([key, value]) => `${key}: ${value}`)
            .join('\n')
    }\n`,
  );
  return leaks.length === 0 && wrong.length === 0 && report.nextRunClean && victims.size > 0;
}

const namesOf = (file: string) => [...Array(testsPerFile).keys()].map((n) => `${file} ${n}`);

/** @returns the files whose workers were killed. */
async function killWorkers(run: Run, path: string): Promise<Set<string>> {
  const victims = new Set<string>();
  let over = false;
  run.ended.then(() => {
    over = true;
  });
  while (!over && victims.size < kills) {
    await delay(Math.random() * longestLullMs);
    const living = alive(join(path, 'workers'));
    const victim = living[Math.floor(Math.random() * living.length)];
    if (!victim || over) continue;
    process.kill(victim.pid, 'SIGKILL');
    victims.add(victim.file);
    process.stderr.write(`killed the worker of ${victim.file}\n`);
  }
  return victims;
}

function alive(directory: string): { pid: number; file: string }[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((name) => {
    const pid = Number(name);
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('vitest')) return [];
      return [{ pid, file: readFileSync(join(directory, name), 'utf8') }];
    } catch {
      return []; // it has ended
    }
  });
}
