import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hidingHypervisor } from './integrations/hypervisor.js';
import { publintMessages, typeProblems } from './support/package-judges.js';
import { checkout } from './support/saboteurs.js';
import { usePrivateHome } from './support/vm.js';

const home = usePrivateHome();
const project = join(home.path, 'project');
const unpacked = join(home.path, 'unpacked');
const stale = join(checkout, 'packages/core/dist/no-longer-there.js');

/** What a user names; npm brings the rest. */
const wanted = [
  '@msbtest/core',
  '@msbtest/guest',
  '@msbtest/native',
  '@msbtest/agentd',
  '@msbtest/vitest-plugin',
  '@msbtest/jest-env',
];

const { lacking, publishable } = (await import(`${checkout}/scripts/packing/workspaces.mjs`)) as {
  lacking(workspace: { directory: string; files: string[] }): string[];
  publishable(): { name: string }[];
};
const published = publishable().map(({ name }) => name);

const readme = readFileSync(join(checkout, 'README.md'), 'utf8');
const [, jestConfig = ''] = /```js\n\/\/ jest\.config\.js\n([\s\S]*?)```/.exec(readme) ?? [];

/** What the README tells somebody to write and to run. */
const newcomers = [
  {
    runner: 'vitest',
    directory: project,
    dependency: 'vitest@^4.1',
    head: 'boots\\.test\\.js',
    files: {},
    command: ['vitest', 'run'],
  },
  {
    runner: 'jest',
    directory: join(home.path, 'jest-project'),
    dependency: 'jest@^30',
    head: 'boots\\.test\\.js, in jest',
    files: { 'jest.config.js': jestConfig },
    command: ['jest'],
  },
];

interface Pack {
  readonly name: string;
  readonly file: string;
  readonly bytes: number;
}
let packs: readonly Pack[];

const commandTimeoutMs = 180_000;

/** Runs a program to its end; rejects with its output when that is not 0. */
function run(program: string, args: readonly string[], cwd: string, env = process.env) {
  return promisify(execFile)(program, args, { cwd, env, timeout: commandTimeoutMs });
}

let user: NodeJS.ProcessEnv;
const asUser = (program: string, ...args: string[]) => run(program, args, project, user);

/**
 * The environment of somebody who has nothing of ours. What npm has fetched for the checkout it need not fetch again, and who needs a
 * registry of his own has named it in his configuration.
 */
async function userEnvironment(): Promise<NodeJS.ProcessEnv> {
  const { stdout } = await run('npm', ['config', 'get', 'cache', 'userconfig'], checkout);
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|MSB_(?!ACCEL|QEMU)|XDG_)/i.test(name));
  const ofNpm = [...stdout.matchAll(/^(cache|userconfig)=(.*)$/gm)].map(([, key, value]) => [
    `npm_config_${key}`,
    value,
  ]);
  const { MSB_HOME, MSB_RUNTIME_DIR } = process.env;
  return {
    ...Object.fromEntries([...own, ...ofNpm]),
    MSB_HOME,
    MSB_RUNTIME_DIR,
    MSB_CACHE: join(home.path, 'cache'),
    HOME: join(home.path, 'user'),
  };
}

/** Makes a project that has what the README's newcomer has, and the packed packages. */
async function install(directory: string, manifest: object, dependency: string): Promise<void> {
  mkdirSync(directory);
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ private: true, ...manifest }));
  const files = packs.filter(({ name }) => wanted.includes(name)).map(({ file }) => file);
  const options = ['--prefer-offline', '--no-audit', '--no-fund'];
  await run('npm', ['install', ...options, dependency, ...files], directory, user);
}

beforeAll(async () => {
  user = await userEnvironment();
  writeFileSync(stale, '');
  const { stdout } = await run('npm', ['run', '--silent', 'pack', '--', '--json'], checkout);
  packs = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  for (const { name, file } of packs) {
    mkdirSync(join(unpacked, name), { recursive: true });
    await run('tar', ['-xzf', file, '-C', join(unpacked, name), '--strip-components=1'], checkout);
  }
  mkdirSync(join(home.path, 'user'));
  await install(project, { type: 'module' }, 'vitest@^4.1');
}, 3 * commandTimeoutMs);

const filesOf = (name: string) =>
  readdirSync(join(unpacked, name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

describe('what npm run pack makes', () => {
  it('is every workspace that is not private', () => {
    const names = packs.map(({ name }) => name);
    expect(names).toEqual(published);
    expect(names).toEqual(expect.arrayContaining(wanted));
    expect(names).not.toContain('@msbtest/fixtures');
    for (const { file, bytes } of packs) {
      expect(dirname(file)).toBe(join(checkout, 'build/packs'));
      expect(bytes).toBeGreaterThan(1024);
    }
  });

  it('has a license and a word on what it is', () => {
    const license = readFileSync(join(checkout, 'LICENSE'), 'utf8');
    for (const { name } of packs) {
      expect(readFileSync(join(unpacked, name, 'LICENSE'), 'utf8'), name).toBe(license);
      expect(readFileSync(join(unpacked, name, 'README.md'), 'utf8'), name).toContain(`# ${name}\n`);
    }
  });

  it('has no tests, and nothing that tsc once made of a source that is gone', () => {
    const all = packs.flatMap(({ name }) => filesOf(name)).map((path) => relative(unpacked, path));
    expect(all.filter((path) => /[._-]test\.|\/tests?\/|\.tsbuildinfo$|\/\.set-up$/.test(path))).toEqual([]);
    expect(all.filter((path) => basename(path).startsWith('no-longer-there'))).toEqual([]);
    expect(existsSync(stale)).toBe(false);
  });

  it('names no place of the machine that it was made on', () => {
    const places = [checkout, process.env.MSB_CACHE ?? join(homedir(), '.cache')];
    for (const path of packs.flatMap(({ name }) => filesOf(name))) {
      const content = readFileSync(path);
      expect(
        places.filter((place) => content.includes(place)),
        path,
      ).toEqual([]);
    }
  });

  it('has source maps that need nothing else', () => {
    const maps = packs.flatMap(({ name }) => filesOf(name)).filter((path) => path.endsWith('.map'));
    expect(maps.length).toBeGreaterThan(0);
    for (const path of maps) {
      const { sourceRoot, sources, sourcesContent } = JSON.parse(readFileSync(path, 'utf8'));
      const root = packs.map(({ name }) => `${join(unpacked, name)}/`).find((it) => path.startsWith(it));
      for (const source of sources) {
        expect(resolve(dirname(path), sourceRoot ?? '', source).startsWith(root ?? '?'), path).toBe(true);
      }
      expect(sourcesContent, path).toHaveLength(sources.length);
    }
  });

  it('has the kernel and busybox with their licenses and the way to their sources', () => {
    for (const part of ['kernel', 'busybox']) {
      const directory = join(unpacked, '@msbtest/guest/build', part);
      expect(readdirSync(directory)).toEqual(expect.arrayContaining(['copyright', 'GPL-2', 'README.md']));
      expect(readFileSync(join(directory, 'README.md'), 'utf8')).toMatch(
        /Debian's package (linux-image-|busybox-static)/,
      );
      expect(readFileSync(join(directory, 'README.md'), 'utf8')).toMatch(/^- (linux|busybox) \d/m);
    }
  });

  it('would not be made of parts that are not there', () => {
    const directory = join(unpacked, '@msbtest/native');
    const files = ['index.js', 'build/msb-relay', '!build/**/*.o'];
    expect(lacking({ directory, files })).toEqual([]);
    expect(lacking({ directory, files: [...files, 'build/other'] })).toEqual([
      join(directory, 'build/other'),
    ]);
  });
});

describe.each(published)('the packed %s', (name) => {
  const file = () => packs.find((pack) => pack.name === name)?.file ?? '';

  it('is in order for publint', async () => {
    expect(await publintMessages(file())).toEqual([]);
  });

  it('has types that are found, and that fit what is loaded', async () => {
    expect(await typeProblems(file())).toEqual([]);
  });
});

const script = `import { Sandbox } from '@msbtest/core';
const sandbox = await Sandbox.builder('installed').image('msb-base').memory(256).create();
console.log((await sandbox.shell('uname -sr; id -un')).stdout());
console.log((await sandbox.stop()).outcome);
await Sandbox.remove('installed');
`;

describe('installed where there is no checkout', () => {
  it('boots a machine, with no set-up before', async () => {
    expect(relative(checkout, project)).toMatch(/^\.\./);
    expect(existsSync(join(home.path, 'cache'))).toBe(false);
    writeFileSync(join(project, 'boot.js'), script);
    const { stdout, stderr } = await asUser(process.execPath, 'boot.js');
    const manifest = join(project, 'node_modules/@msbtest/guest/build/kernel/kernel.json');
    const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
    expect({ stdout, stderr }).toEqual({
      stdout: `Linux ${version}\nroot\n\ngraceful\n`,
      stderr: '',
    });
    expect(await home.leaks()).toEqual([]);
    expect(readdirSync(join(home.path, 'user'))).toEqual([]);
  });

  it('is one library, whether required or imported', async () => {
    const both = `const { Sandbox } = require('@msbtest/core');
      import('@msbtest/core').then((imported) => console.log(Sandbox === imported.Sandbox));`;
    expect(await asUser(process.execPath, '--input-type=commonjs', '--eval', both)).toEqual({
      stdout: 'true\n',
      stderr: '',
    });
  });

  it('finds with msbtest doctor that all is there, and whose it is', async () => {
    const { stdout } = await asUser('npx', '--no-install', 'msbtest', 'doctor', '--json');
    const { ok, findings } = JSON.parse(stdout);
    expect(ok).toBe(true);
    for (const check of ['guest kernel', 'guest agent', 'relay']) {
      expect(findings).toContainEqual({
        check,
        ok: true,
        optional: false,
        finding: expect.stringContaining(join(project, 'node_modules/@msbtest/')),
      });
    }
    expect(findings).toContainEqual(expect.objectContaining({ check: 'base image', ok: true }));
  });

  describe.each(newcomers)(
    "the README's test in $runner",
    ({ directory, head, files, command, dependency }) => {
      const [, test = ''] = new RegExp(`\`\`\`js\\n// ${head}\\n([\\s\\S]*?)\`\`\``).exec(readme) ?? [];

      beforeAll(async () => {
        if (directory !== project) await install(directory, {}, dependency);
        for (const [name, text] of Object.entries({ ...files, 'boots.test.js': test })) {
          writeFileSync(join(directory, name), text);
        }
      }, commandTimeoutMs);

      /** What the README says, as on a machine without a hypervisor. */
      async function newcomer(env: NodeJS.ProcessEnv) {
        const [program = '', ...args] = [...hidingHypervisor(), 'npx', '--no-install', ...command];
        const own = Object.entries(user).filter(
          ([name]) => !/^(VITEST|JEST_|MSB_ACCEL$|MSB_TEST$|NODE_ENV$)/.test(name),
        );
        const result = await run(program, args, directory, {
          ...Object.fromEntries(own),
          NO_COLOR: '1',
          TMPDIR: directory, // jest keeps a cache there
          ...env,
        }).then(
          (output) => ({ ...output, code: 0 }),
          (error) => error as { stdout: string; stderr: string; code: number },
        );
        return { code: result.code, said: result.stdout + result.stderr };
      }

      it('is three lines, and passes where emulation is chosen', async () => {
        const [first = '', ...others] = test.trim().split('\n');
        expect(first.startsWith('import ') ? others : [first, ...others]).toHaveLength(3);
        const { code, said } = await newcomer({ MSB_ACCEL: 'tcg' });
        expect(said).toMatch(/1 passed/);
        expect(code).toBe(0);
      });

      it('is skipped with the reason where there is no hypervisor', async () => {
        const { code, said } = await newcomer({});
        expect(said).toMatch(/1 skipped/);
        expect(said).toMatch(/no (KVM|HVF): .* failed with E[\s\S]*MSB_ACCEL=tcg/);
        expect(code).toBe(0);
      });

      it('fails there with the remedy where it is required', async () => {
        const { code, said } = await newcomer({ MSB_TEST: 'require' });
        expect(said).toMatch(/MSB_TEST=require, but this machine cannot run microVM tests: .*MSB_ACCEL=tcg/);
        expect(said).not.toMatch(/1 passed|1 skipped/);
        expect(code).toBe(1);
      });

      afterAll(async () => expect(await home.leaks()).toEqual([]));
    },
  );

  it('says so where the addon is for another machine', async () => {
    const addon = join(project, 'node_modules/@msbtest/native/build/msb_native.node');
    const right = readFileSync(addon);
    const wrong = Buffer.from(right);
    wrong.writeUInt16LE(process.arch === 'arm64' ? 62 : 183, 18); // ELF's e_machine
    rmSync(addon); // a new file: the old one may be a hard link to npm's cache
    writeFileSync(addon, wrong);
    try {
      const other = process.arch === 'arm64' ? 'linux-x64' : 'linux-arm64';
      const failure = asUser('npx', '--no-install', 'msbtest', 'doctor');
      await expect(failure).rejects.toMatchObject({
        stderr: expect.stringMatching(
          new RegExp(`${addon}\\n.*built for ${other}; this is linux-${process.arch}.*\\n.*Install`),
        ),
      });
    } finally {
      writeFileSync(addon, right);
    }
  });
});
