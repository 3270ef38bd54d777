import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidConfigError } from '../errors.js';
import { SandboxBuilder } from './sandbox-builder.js';
import { parseSpec } from './spec.js';

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,11}$/);
const vars = fc.dictionary(
  word,
  fc.string().filter((text) => !text.includes('\0')),
);

const described = fc.record({
  name: word,
  cpus: fc.integer({ min: 1, max: 64 }),
  memory: fc.integer({ min: 16, max: 4096 }),
  env: vars,
  labels: vars,
  workdir: fc.option(word, { nil: undefined }),
  user: fc.option(word, { nil: undefined }),
  cmd: fc.option(fc.array(fc.string()), { nil: undefined }),
  nofile: fc.nat(),
  security: fc.constantFrom(undefined, 'default' as const, 'restricted' as const),
  ephemeral: fc.boolean(),
  idle: fc.option(fc.integer({ min: 1, max: 1000 }), { nil: undefined }),
  patches: fc.array(
    fc.oneof(
      fc.record({
        kind: fc.constant('text' as const),
        path: word.map((name) => `/${name}`),
        content: fc.string(),
      }),
      fc.record({
        kind: fc.constant('mkdir' as const),
        path: fc.constant('/a'),
        mode: fc.integer({ min: 0, max: 0o7777 }),
      }),
      fc.record({ kind: fc.constant('append' as const), path: fc.constant('/b'), content: fc.string() }),
    ),
  ),
  bytes: fc.uint8Array(),
  duration: fc.option(fc.integer({ min: 1, max: 1000 }), { nil: undefined }),
});

describe('a specification', () => {
  it('says all that a builder was told', async () => {
    await fc.assert(
      fc.asyncProperty(described, async (what) => {
        const builder = new SandboxBuilder(what.name)
          .image('alpine')
          .cpus(what.cpus)
          .memory(what.memory)
          .envs(what.env)
          .labels(what.labels)
          .rlimit('nofile', what.nofile)
          .ephemeral(what.ephemeral)
          .patches(what.patches)
          .patch((p) => p.file('/bytes', what.bytes, { mode: 0o600 }).symlink('bytes', '/link').remove('/x'));
        if (what.workdir !== undefined) builder.workdir(what.workdir);
        if (what.user !== undefined) builder.user(what.user);
        if (what.cmd !== undefined) builder.cmd(what.cmd).entrypoint(['sh']);
        if (what.security !== undefined) builder.security(what.security);
        if (what.idle !== undefined) builder.idleTimeout(what.idle);
        if (what.duration !== undefined) builder.maxDuration(what.duration);
        const config = await builder.build();
        expect(await SandboxBuilder.fromSpecJson(JSON.stringify(config)).build()).toEqual(config);
      }),
    );
  });

  it('is refused by name when it is none, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          expect(parseSpec(text).name).toBeTypeOf('string');
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidConfigError);
        }
      }),
    );
    expect(() => parseSpec('{"name": "x", "memroy": 256}')).toThrow(/"memroy", which nobody knows/);
    expect(() => parseSpec('{"name": "x", "cpus": "2"}')).toThrow(
      "cpus of a sandbox's specification is a number",
    );
    expect(() =>
      parseSpec('{"name": "x", "patches": [{"kind": "mkdir", "path": "/a", "replace": true}]}'),
    ).toThrow(/"replace", which a mkdir has not/);
    expect(() => parseSpec('{}')).toThrow('name is missing');
  });

  it('is looked at by the builder too', async () => {
    const of = (spec: object) =>
      SandboxBuilder.fromSpecJson(JSON.stringify({ name: 'x', image: 'alpine', ...spec }));
    await expect(of({ cpus: 0 }).build()).rejects.toThrow(/cpus is 0/);
    await expect(of({ rlimits: [{ resource: 'files', soft: 1, hard: 1 }] }).build()).rejects.toThrow(
      /rlimit is of "files"/,
    );
    await expect(of({ rlimits: [{ resource: 'core', soft: 2, hard: 1 }] }).build()).rejects.toThrow(
      /beyond its hard limit/,
    );
    await expect(of({ user: '' }).build()).rejects.toThrow(/user is ""/);
    await expect(of({ security: 'strict' }).build()).rejects.toThrow(
      'security is "strict"; it is "default" or "restricted".',
    );
    const init = { cmd: 'auto', args: [], env: {} };
    await expect(of({ security: 'restricted', init }).build()).rejects.toThrow(/leaves a guest no init/);
    expect(await of({ security: 'default', init }).build()).toMatchObject({ security: 'default', init });
  });
});
