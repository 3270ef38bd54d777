import { Sandbox, SandboxAlreadyExistsError } from '@msbtest/core';
import { expect, it } from 'vitest';
import { killAndRemove, small, usePrivateHome, vmmOf } from './support/vm.js';

usePrivateHome();

it('replace_with_live_handle_does_not_hang', async () => {
  const first = await small('same').create();
  await first.shell('printf first > /root/whose');
  const begin = performance.now();
  const second = await small('same').replace().create();
  expect(performance.now() - begin).toBeLessThan(60_000);
  expect(second.id).not.toBe(first.id);
  expect((await second.shell('cat /root/whose')).success).toBe(false); // its disk is its own
  await expect(first.exec('true')).rejects.toMatchObject({ code: 'sandboxReplaced' });
  await first[Symbol.asyncDispose](); // does the other one no harm
  expect((await second.exec('true')).success).toBe(true);
  await killAndRemove('same');
});

it('create_without_replace_returns_typed_already_exists', async () => {
  const first = await small('taken').create();
  const refused = small('taken').create();
  await expect(refused).rejects.toBeInstanceOf(SandboxAlreadyExistsError);
  await expect(refused).rejects.toMatchObject({
    code: 'sandboxAlreadyExists',
    message: expect.stringContaining('.replace()'),
  });
  expect((await first.exec('true')).success).toBe(true); // the failed create did it no harm
  await first.stop();
  // The name of one that does not run is as taken.
  await expect(small('taken').create()).rejects.toBeInstanceOf(SandboxAlreadyExistsError);
  expect((await Sandbox.get('taken')).id).toBe(first.id);
  await Sandbox.remove('taken');
});

it('replace_with_timeout_zero_succeeds', async () => {
  const first = await small('hurried').create();
  const { pid } = vmmOf(first);
  await first.shell('trap "" TERM; (while :; do sleep 60; done) &'); // would take its time to stop
  await using second = await small('hurried').replaceWithTimeout(0).ephemeral(true).create();
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  expect(second.id).not.toBe(first.id);
  expect((await second.exec('true')).success).toBe(true);
});
