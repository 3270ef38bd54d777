import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkout } from './support/saboteurs.js';
import { usePrivateHome } from './support/vm.js';

const home = usePrivateHome();
const project = join(home.path, 'project');
const modules = join(checkout, 'node_modules');

/** What tests do with the library, however they came by it. */
const checks = `
test('has the API', () => {
  expect(typeof core.Sandbox.builder('x').create).toBe('function');
  expect(testing.TestAttempt).toBeDefined();
  expect(typeof core.Sandbox.prototype[Symbol.asyncDispose]).toBe('function');
});
test('has errors that are told by class, brand and code', async () => {
  expect(core.isMicrosandboxError(new core.SandboxNotFoundError('made here'))).toBe(true);
  const error = await core.Sandbox.get('nope').catch((error) => error);
  expect(error).toBeInstanceOf(core.SandboxNotFoundError);
  expect(error).toBeInstanceOf(core.MicrosandboxError);
  expect(error.code).toBe('sandboxNotFound');
  expect(error.stack).toMatch(/^SandboxNotFoundError: /);
});
`;

const oneInstance = `
test('is the one instance of the process', () => {
  expect(core.Sandbox).toBe(ofProcess.Sandbox);
  expect(required.Sandbox).toBe(ofProcess.Sandbox);
});
`;

const commonjs = `
const core = require('@msbtest/core');
const testing = require('@msbtest/core/testing');
const required = core;
`;
const esm = `
import { createRequire } from 'node:module';
import * as core from '@msbtest/core';
import * as testing from '@msbtest/core/testing';
const required = createRequire(import.meta.url)('@msbtest/core');
`;

const files = {
  'package.json': JSON.stringify({ private: true, jest: { transform: {} } }),
  'commonjs.test.cjs': commonjs + checks,
  'esm.test.mjs': esm + checks,
  'one/commonjs.test.cjs': commonjs + checks + oneInstance,
  'one/esm.test.mjs': esm + checks + oneInstance,
  // Outside the realm of the tests, as integrations are.
  'environment.mjs': `
import environment from ${JSON.stringify(join(modules, 'jest-environment-node/build/index.js'))};
import * as core from '@msbtest/core';
export default class extends environment.TestEnvironment {
  async setup() {
    await super.setup();
    this.global.ofProcess = core;
  }
  exportConditions() {
    return [...super.exportConditions(), 'msbtest'];
  }
}
`,
  'both.cjs': `
const required = require('@msbtest/core');
const testing = require('@msbtest/core/testing');
Promise.all([import('@msbtest/core'), import('@msbtest/core/testing')]).then((imported) => {
  console.log(required.Sandbox === imported[0].Sandbox, testing.TestAttempt === imported[1].TestAttempt);
});
`,
  'resolve.mjs': `
import { createRequire } from 'node:module';
for (const name of ['@msbtest/core', '@msbtest/core/testing']) {
  console.log(import.meta.resolve(name), createRequire(import.meta.url).resolve(name));
}
`,
};

beforeAll(() => {
  for (const directory of ['one', 'node_modules/@msbtest'])
    mkdirSync(join(project, directory), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
  symlinkSync(join(checkout, 'packages/core'), join(project, 'node_modules/@msbtest/core'));
});

const versions = [
  { version: 'this Node', node: process.execPath },
  { version: 'Node 24', node: join(modules, 'node-24/bin/node') },
];

describe.each(versions)('@msbtest/core on $version', ({ node }) => {
  /** Runs a script in the project; rejects with its output when it fails. */
  function run(...args: string[]) {
    const foreign = /^(VITEST|NODE_|JEST_|CI$|FORCE_COLOR$|GITHUB_)/;
    const own = Object.entries(process.env).filter(([name]) => !foreign.test(name));
    return promisify(execFile)(node, args, {
      cwd: project,
      env: { ...Object.fromEntries(own), NO_COLOR: '1', TMPDIR: home.path }, // jest keeps a cache there
    });
  }
  const jest = (...args: string[]) =>
    run(
      '--experimental-vm-modules',
      '--no-warnings',
      join(modules, 'jest/bin/jest.js'),
      '--runInBand',
      ...args,
    );

  it('is one instance, whether required or imported, and says nothing of it', async () => {
    expect(await run('both.cjs')).toEqual({ stdout: 'true true\n', stderr: '' });
  });

  it('is imported without a detour, and required with one', async () => {
    const core = join(checkout, 'packages/core');
    expect((await run('resolve.mjs')).stdout.trim().split('\n')).toEqual([
      `file://${core}/dist/index.js ${core}/commonjs/index.cjs`,
      `file://${core}/dist/testing/index.js ${core}/commonjs/testing.cjs`,
    ]);
  });

  it.each(['commonjs.test.cjs', 'esm.test.mjs'])("works in jest's own realm, %s", async (file) => {
    const { stderr } = await jest('--testMatch', `<rootDir>/${file}`);
    expect(stderr).toMatch(/^Tests: +2 passed, 2 total$/m);
  });

  it.each(['commonjs.test.cjs', 'esm.test.mjs'])(
    'is one instance with jest and its tests, %s',
    async (file) => {
      const { stderr } = await jest(
        '--testEnvironment',
        './environment.mjs',
        '--testMatch',
        `<rootDir>/one/${file}`,
      );
      expect(stderr).toMatch(/^Tests: +3 passed, 3 total$/m);
    },
  );
});
