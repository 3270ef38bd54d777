import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkout } from '../support/saboteurs.js';
import { config } from './outcomes.js';
import { Project } from './project.js';
import { compare, finding, type Row } from './rows.js';

const cliTimeoutMs = 30_000;
const msbtest = (env: NodeJS.ProcessEnv, ...args: string[]) =>
  promisify(execFile)(process.execPath, [join(checkout, 'packages/core/bin/msbtest.js'), ...args], {
    env: { ...process.env, ...env },
    timeout: cliTimeoutMs,
  });

const passing = `
import { test } from '@msbtest/vitest-plugin';
test.msb('passes', () => {});
`;

const keep: Row = {
  name: 'keep on failure: evidence, a way in, and gone after its end',
  async run(runner) {
    using project = new Project(runner, {
      'vitest.config.ts': config(),
      'a.test.ts': `
import { test } from '@msbtest/vitest-plugin';
test.msb('fails', { keep: 'on-failure' }, async ({ sandbox }) => {
  await sandbox.shell('echo a word to the reader; touch /mark');
  throw new Error('on purpose');
});
test.msb('passes', { keep: 'on-failure' }, () => {});
`,
      'b.test.ts': passing,
    });
    const result = await project.run({ env: { INCLUDE: 'a.test.ts' } });
    const problems = compare(project, result, {
      exitCode: 1,
      boots: 2,
      says: [/was kept\. Into it:/, /\.vitest\/msb\/.*console\.log/],
      saysNot: [/left something behind/],
    });
    const way = /MSB_HOME=(\S+) MSB_RUNTIME_DIR=(\S+) npx msbtest exec -it (\S+) -- sh/.exec(
      result.stderr + result.stdout,
    );
    const [, MSB_HOME, MSB_RUNTIME_DIR, name = ''] = way ?? [];
    const env = { MSB_HOME, MSB_RUNTIME_DIR };
    const inside = await msbtest(env, 'exec', name, '--', 'ls', '/mark').catch((error) => error);
    if (inside.stdout !== '/mark\n') problems.push(`the way in does not lead in: ${inside.stderr ?? inside}`);
    const evidence = join(project.path, '.vitest/msb');
    const [own = ''] = existsSync(evidence) ? readdirSync(evidence) : [];
    const files = readdirSync(join(evidence, own)).sort().join(' ');
    if (files !== 'commands.txt console.log machine.json') problems.push(`the evidence is ${files}`);
    const during = await project.run({ env: { INCLUDE: 'b.test.ts' } }); // a later run leaves it alone
    problems.push(...compare(project, during, { exitCode: 0 }));
    const still = await msbtest(env, 'exec', name, '--', 'ls', '/mark').catch((error) => error);
    if (still.stdout !== '/mark\n') problems.push('a later run has ended the machine that was kept');
    await msbtest(env, 'stop', name);
    const after = await project.run({ env: { INCLUDE: 'b.test.ts' } });
    return await finding(project, after, { exitCode: 0 }).then((found) => ({
      ...found,
      problems: [...problems, ...found.problems],
    }));
  },
};

const leaks: Row = {
  name: 'what a test leaves behind fails it, or its run, by name',
  async run(runner) {
    using project = new Project(runner, {
      'vitest.config.ts': config(),
      'a.test.ts': `
import { spawn } from 'node:child_process';
import { Sandbox } from '@msbtest/core';
import { afterAll, test } from '@msbtest/vitest-plugin';
let child;
afterAll(() => child.kill('SIGKILL'));
test.msb('leaves a process', ({ sandbox }) => {
  child = spawn('sh', ['-c', 'sleep 60', sandbox.diskPath], { stdio: 'ignore' });
});
test('leaves a sandbox', { timeout: 60_000 }, async () => {
  const stray = await Sandbox.builder('stray').image('msb-base').memory(128).create();
  await stray.detach();
});
`,
    });
    return await finding(project, await project.run(), {
      tests: {
        'leaves a process': {
          state: 'failed',
          boots: 1,
          message: /left something behind \(leak check\): process \d+: sh/,
        },
        'leaves a sandbox': { state: 'passed', boots: 0 },
      },
      exitCode: 1,
      says: [/The run left something behind:/, /sandbox stray of a test that made it by itself/],
    });
  },
};

const queue: Row = {
  name: 'two runs share the host: one waits, says so, and its test has its whole time',
  async run(runner) {
    const whole = (name: string) => `
import { test } from '@msbtest/vitest-plugin';
test.msb('${name}', { cpus: ${availableParallelism()}, timeout: 6000 }, async ({ sandbox }) => {
  await sandbox.exec('sleep', ['4']);
});
`;
    using first = new Project(runner, { 'vitest.config.ts': config(), 'a.test.ts': whole('first') });
    using second = new Project(runner, { 'vitest.config.ts': config(), 'a.test.ts': whole('second') });
    const results = await Promise.all([first.run(), second.run()]);
    const found = [
      await finding(first, results[0], { tests: { first: { state: 'passed', boots: 1 } }, exitCode: 0 }),
      await finding(second, results[1], { tests: { second: { state: 'passed', boots: 1 } }, exitCode: 0 }),
    ];
    const said = results.some(({ stdout, stderr }) =>
      /waits for a place on this host: \d+ running/.test(stdout + stderr),
    );
    return {
      boots: found.reduce((sum, { boots }) => sum + boots, 0),
      leaks: found.flatMap((one) => one.leaks),
      problems: [
        ...found.flatMap(({ problems }) => problems),
        ...(said ? [] : ['neither says that it waits']),
      ],
    };
  },
};

export const featureRows: readonly Row[] = [keep, leaks, queue];
