import { Sandbox, SandboxBuilder } from '@msbtest/core';
import { expect, it } from 'vitest';
import { image, usePrivateHome } from './support/vm.js';

usePrivateHome();

const value = 'spaces, "quotes" and = signs';
const spec = (name: string) =>
  JSON.stringify({
    name,
    image,
    cpus: 1,
    memoryMib: 256,
    hostname: 'spec-host',
    env: { FROM_SPEC: value },
    workdir: '/tmp',
    user: 'guest',
    ephemeral: true,
  });

it('from_spec_json_boots_and_applies_spec_fields', async () => {
  await using sandbox = await SandboxBuilder.fromSpecJson(spec('from-spec')).create();
  expect(sandbox.name).toBe('from-spec');
  expect((await sandbox.shell('printf %s "$FROM_SPEC"')).stdout()).toBe(value);
  expect((await sandbox.shell('hostname; pwd; id -un; nproc')).stdout()).toBe('spec-host\n/tmp\nguest\n1\n');
  const commandLine = (await sandbox.exec('cat', ['/proc/cmdline'])).stdout();
  expect(commandLine).not.toContain('FROM_SPEC');
  expect(commandLine).not.toContain('quotes');
  // What a sandbox says of itself makes another like it.
  const json = (await Sandbox.get('from-spec')).configJson;
  expect(await SandboxBuilder.fromSpecJson(json).build()).toEqual(JSON.parse(json));
});

it('from_spec_json_options_override_spec', async () => {
  await using sandbox = await SandboxBuilder.fromSpecJson(spec('from-spec-changed'))
    .hostname('override-host')
    .user('root')
    .env('LATER', 'too')
    .create();
  expect((await sandbox.shell('hostname; id -un; printf "%s|%s" "$FROM_SPEC" "$LATER"')).stdout()).toBe(
    `override-host\nroot\n${value}|too`,
  );
});
