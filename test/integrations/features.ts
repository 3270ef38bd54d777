import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { baseImage } from '@msbtest/guest';
import { DockerRegistry, hasRegistry } from '../support/registry.js';
import { checkout } from '../support/saboteurs.js';
import { Project } from './project.js';
import { compare, finding, type Row } from './rows.js';
import type { Sources } from './sources.js';

const cliTimeoutMs = 30_000;
const msbtest = (env: NodeJS.ProcessEnv, ...args: string[]) =>
  promisify(execFile)(process.execPath, [join(checkout, 'packages/core/bin/msbtest.js'), ...args], {
    env: { ...process.env, ...env },
    timeout: cliTimeoutMs,
  });

const keep = (sources: Sources): Row => ({
  name: 'keep on failure: evidence, a way in, and gone after its end',
  async run(runner) {
    const [first, second] = [sources.testFile('a'), sources.testFile('b')];
    using project = new Project(runner, {
      ...sources.configuration(),
      [first]: `
${sources.api('test')}
test.msb('fails', { keep: 'on-failure' }, async ({ sandbox }) => {
  await sandbox.shell('echo a word to the reader | tee /dev/console; touch /mark');
  throw new Error('on purpose');
});
test.msb('passes', { keep: 'on-failure' }, () => {});
`,
      [second]: `
${sources.api('test')}
test.msb('passes', () => {});
`,
    });
    const result = await project.run({ args: [first] });
    const problems = compare(project, result, {
      exitCode: 1,
      boots: 2,
      says: [/was kept\. Into it:/, new RegExp(`${sources.evidence.replace('.', '\\.')}/.*console\\.log`)],
      saysNot: [/left something behind/],
    });
    const way = /MSB_HOME=(\S+) MSB_RUNTIME_DIR=(\S+) npx msbtest exec -it (\S+) -- sh/.exec(
      result.stderr + result.stdout,
    );
    const [, MSB_HOME, MSB_RUNTIME_DIR, name = ''] = way ?? [];
    const env = { MSB_HOME, MSB_RUNTIME_DIR };
    const inside = await msbtest(env, 'exec', name, '--', 'ls', '/mark').catch((error) => error);
    if (inside.stdout !== '/mark\n') problems.push(`the way in does not lead in: ${inside.stderr ?? inside}`);
    const evidence = join(project.path, sources.evidence);
    const [own = ''] = existsSync(evidence) ? readdirSync(evidence) : [];
    const files = own && readdirSync(join(evidence, own)).sort().join(' ');
    if (files !== 'commands.txt console.log machine.json') problems.push(`the evidence is ${files}`);
    const during = await project.run({ args: [second] }); // a later run leaves it alone
    problems.push(...compare(project, during, { exitCode: 0 }));
    const still = await msbtest(env, 'exec', name, '--', 'ls', '/mark').catch((error) => error);
    if (still.stdout !== '/mark\n') problems.push('a later run has ended the machine that was kept');
    await msbtest(env, 'stop', name);
    const after = await project.run({ args: [second] });
    return await finding(project, after, { exitCode: 0 }).then((found) => ({
      ...found,
      problems: [...problems, ...found.problems],
    }));
  },
});

const sharedEvidence = (sources: Sources): Row => ({
  name: 'the evidence of a test that shares a machine, and makes one of its own',
  async run(runner) {
    using project = new Project(runner, {
      ...sources.configuration(),
      [sources.testFile('a')]: `
${sources.api('test')}
const shared = test.msb.shared({ scope: 'file', memory: 128 });
shared('fails', { timeout: 60_000 }, async ({ sandbox, sandboxes }) => {
  await sandbox.shell('echo a word to the reader > /dev/console');
  await sandboxes.create({ coldBoot: true });
  throw new Error('on purpose');
});
`,
    });
    const found = await finding(project, await project.run(), {
      exitCode: 1,
      boots: 2,
      says: [/on purpose/],
    });
    const evidence = join(project.path, sources.evidence);
    const [own = ''] = existsSync(evidence) ? readdirSync(evidence) : [];
    const files = own && readdirSync(join(evidence, own), { recursive: true }).sort().join(' ');
    const wanted =
      'console.log machine.json shared shared/commands.txt shared/console.log shared/machine.json';
    const problems = files === wanted ? [] : [`the evidence is ${files}`];
    return { ...found, problems: [...found.problems, ...problems] };
  },
});

const leaks = (sources: Sources): Row => ({
  name: 'what a test leaves behind fails it, or its run, by name',
  async run(runner) {
    using project = new Project(runner, {
      ...sources.configuration(),
      [sources.testFile('a')]: `
${sources.imports('spawn', 'node:child_process')}
${sources.imports('Sandbox', '@msbtest/core')}
${sources.api('afterAll, test')}
let child;
afterAll(() => child.kill('SIGKILL'));
test.msb('leaves a process', ({ sandbox }) => {
  child = spawn('sh', ['-c', 'sleep 60', sandbox.diskPath], { stdio: 'ignore' });
});
test('leaves a sandbox', async () => {
  const stray = await Sandbox.builder('stray').image('msb-base').memory(128).create();
  await stray.detach();
}, 60_000);
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
});

const queue = (sources: Sources): Row => ({
  name: 'two runs share the host: one waits, says so, and its test has its whole time',
  async run(runner) {
    const whole = (name: string) =>
      new Project(runner, {
        ...sources.configuration(),
        [sources.testFile('a')]: `
${sources.api('test')}
test.msb('${name}', { cpus: ${availableParallelism()}, timeout: 6000 }, async ({ sandbox }) => {
  await sandbox.exec('sleep', ['4']);
});
`,
      });
    using first = whole('first');
    using second = whole('second');
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
});

const pulls = (sources: Sources): Row => ({
  name: 'an image that is not here is pulled, once for all workers, and no test pays for it with its time',
  async run(runner) {
    await using registry = await DockerRegistry.start();
    await registry.push(baseImage.layout, 'team/base:1');
    const test = (name: string) => `
${sources.api('test')}
test.msb('${name}', async ({ sandbox }) => {
  await sandbox.exec('true');
});
`;
    using project = new Project(runner, {
      ...sources.configuration({ machine: `memory: 256, image: '${registry.host}/team/base:1'` }),
      [sources.testFile('a')]: test('first'),
      [sources.testFile('b')]: test('second'),
    });
    const result = await project.run({ env: { MSB_CACHE: join(project.path, 'cache') } });
    const found = await finding(project, result, {
      tests: { first: { state: 'passed', boots: [0, 2] }, second: { state: 'passed', boots: [0, 2] } },
      exitCode: 0,
      says: [
        /Pulling 127\.0\.0\.1:\d+\/team\/base:1, [\d.]+ MB to download of 2 layers: once for this machine/,
      ],
    });
    const asked = registry.asked(/GET .*\/manifests\/1 /).length;
    return {
      ...found,
      problems: [...found.problems, ...(asked === 1 ? [] : [`it was asked ${asked} times`])],
    };
  },
});

/** What a test's machine promises beyond its outcome. */
export const featureRows = (sources: Sources): readonly Row[] =>
  [keep, sharedEvidence, leaks, queue, ...(hasRegistry ? [pulls] : [])].map((row) => row(sources));
