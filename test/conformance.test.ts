import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runConformance, scenarios } from '@msbtest/core/conformance';
import { afterAll, describe, expect, it } from 'vitest';
import { installed, nodeOf } from './integrations/runner.js';
import { checkout } from './support/saboteurs.js';
import { usePrivateHome } from './support/vm.js';

const home = usePrivateHome();

/** Inside the checkout, so that `@msbtest/core` and the command are found as in a user's project. */
const directory = join(checkout, 'test/dist/conformance-docs');
mkdirSync(directory, { recursive: true });
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const docs = readFileSync(join(checkout, 'docs/conformance.md'), 'utf8');
const blocks = [...docs.matchAll(/^```(js|sh|text)\n([\s\S]*?)^```/gm)].map(
  ([, language = '', text = '']) => ({
    language,
    text,
  }),
);
for (const { text } of blocks.filter(({ language }) => language === 'js')) {
  const [, name = 'unnamed.js'] = /^\/\/ (\S+)\n/.exec(text) ?? [];
  writeFileSync(join(directory, name), text);
}

const commandMs = 120_000;

/** Runs what somebody would type, and resolves however it ends. */
async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|JEST_|NODE_ENV$|NODE_TEST)/.test(name),
  );
  const options = {
    cwd: directory,
    timeout: commandMs,
    env: { ...Object.fromEntries(own), NO_COLOR: '1', TOY_HOME: home.path, ...env },
  };
  const output = await promisify(execFile)(program, args, options).then(
    (done) => ({ ...done, code: 0 }),
    (error) => error as { stdout: string; stderr: string; code: number },
  );
  return { code: output.code, said: output.stdout + output.stderr };
}

/** What a scenario took differs from run to run. */
const withoutTimes = (said: string) => said.replaceAll(/ \(\d+\.\d s\)$/gm, '');

const shellBlock = (word: string) => {
  const index = blocks.findIndex(({ language, text }) => language === 'sh' && text.includes(word));
  const output = blocks[index + 1];
  return {
    commands: blocks[index]?.text ?? '',
    output: output?.language === 'text' ? output.text.trimEnd() : '',
  };
};

describe('docs/conformance.md, to the letter', () => {
  it.each([
    ['the toy, which is honest about what it lacks, passes', 'toy.mjs\n', 0],
    ['the liar is caught', 'liar.mjs\n', 1],
    ['the boaster is caught by a saboteur', 'boaster.mjs', 1],
  ])('%s', async (_, word, status) => {
    const { commands, output } = shellBlock(word === 'toy.mjs\n' ? '--provider toy.mjs' : word);
    const { code, said } = await run('sh', ['-c', commands]);
    const lines = withoutTimes(said).split('\n');
    expect(output).not.toBe('');
    for (const line of output.split('\n')) expect(lines, said).toContain(line);
    expect(code).toBe(status);
  });

  it('as tests of vitest', async () => {
    writeFileSync(join(directory, 'vitest.config.mjs'), 'export default {};'); // and not the checkout's
    const { code, said } = await run(process.execPath, [
      join(installed('vitest'), 'vitest.mjs'),
      'run',
      '--config',
      'vitest.config.mjs',
      'conformance.test.mjs',
    ]);
    expect(said).toMatch(/11 passed \| \d+ skipped/);
    expect(code).toBe(0);
  });

  it('as tests of jest', async () => {
    writeFileSync(
      join(directory, 'jest.config.json'),
      JSON.stringify({
        testMatch: ['**/conformance.test.js'],
        cacheDirectory: join(directory, 'jest-cache'), // even when it is not to keep one, for its map of the files
      }),
    );
    writeFileSync(join(directory, 'package.json'), '{}');
    const { code, said } = await run(process.execPath, [
      join(installed('jest'), 'bin/jest.js'),
      '--config',
      'jest.config.json',
      '--watchman=false',
    ]);
    expect(said).toMatch(/1 skipped, 2 passed/);
    expect(code).toBe(0);
  });

  it('as tests of node:test', async () => {
    const { code, said } = await run(process.execPath, [
      '--test',
      '--test-reporter=tap',
      'conformance-node.test.mjs',
    ]);
    expect(said).toMatch(/^# pass 2$/m);
    expect(said).toMatch(/# SKIP unsupported: its sandboxes are processes of the host/);
    expect(code).toBe(0);
  });
});

describe('msbtest conformance', () => {
  const msbtest = (...args: string[]) => run('npx', ['--no-install', 'msbtest', 'conformance', ...args]);

  it('says what is wrong with a provider, and runs nothing', async () => {
    writeFileSync(join(directory, 'none.mjs'), 'export default 7;');
    writeFileSync(
      join(directory, 'misspelt.mjs'),
      "export default { name: 'x', capabilities: { stopp: true }, probe() {}, create() {} };",
    );
    for (const [file, why] of [
      ['absent.mjs', /There is no provider in .*absent\.mjs/],
      ['none.mjs', /none\.mjs is not a provider: its default export is no object/],
      ['misspelt.mjs', /there is no capability "stopp"; there are stop, /],
    ] as const) {
      const { code, said } = await msbtest('--provider', file);
      expect(said).toMatch(why);
      expect(code).toBe(2);
    }
    const { code, said } = await msbtest('--provider', 'toy.mjs', '--only', 'exec');
    expect(said).toMatch(/There is no scenario "exec"; there are stop-flushes-small, /);
    expect(code).toBe(2);
  });

  it('takes TypeScript where Node does, and says so where it does not', async () => {
    const ts = "import toy from './toy.mjs';\nimport type { Provider } from '@msbtest/core/conformance';\n";
    writeFileSync(
      join(directory, 'typed.ts'),
      `${ts}export default { ...(toy as Provider), name: 'typed' } satisfies Provider;\n`,
    );
    writeFileSync(join(directory, 'package.json'), '{ "type": "commonjs" }');
    writeFileSync(join(directory, 'typed.mts'), readFileSync(join(directory, 'typed.ts')));
    const args = [
      join(checkout, 'packages/core/bin/msbtest.js'),
      'conformance',
      '--only',
      'exec-exit-codes',
      '--json',
      '--provider',
      'typed.mts',
    ];
    const new_ = await run(nodeOf(24), args);
    expect(JSON.parse(new_.said)).toMatchObject({ provider: 'typed', passed: 1, failed: 0 });
    if (Number(process.versions.node.split('.')[0]) >= 22) return;
    const old = await run(process.execPath, args);
    expect(old.said).toMatch(
      /typed\.mts is TypeScript, which Node 20\S+ does not load\. Use Node 22\.18 or newer/,
    );
    expect(old.code).toBe(2);
  });

  it('has microsandbox load, and reports what it says of a machine without KVM', async () => {
    const provider = join(checkout, 'fixtures/dist/conformance/microsandbox.js');
    const { code, said } = await msbtest('--json', '--provider', provider);
    const report = JSON.parse(said);
    expect(report).toMatchObject({
      provider: 'microsandbox',
      passed: 0,
      failed: 0,
      unsupported: scenarios.length,
    });
    expect(report.unavailable).toMatch(/Cannot find native binding|msb doctor: error: .*\/dev\/kvm/);
    expect(code).toBe(0);
  });
});

it('our clones pass some of it, and each saboteur is caught', async () => {
  const only = ['stop-after-detach', 'exec-correlation', 'fresh-entropy', 'isolation-files'];
  const report = await runConformance(
    new URL('../test/dist/conformance/clone.js', `file://${checkout}/test/`),
    { only },
  );
  expect(report.results.filter(({ status }) => status !== 'passed')).toEqual([]);
  expect(report.results.map(({ control }) => control?.caught)).toEqual(only.map(() => true));
});
