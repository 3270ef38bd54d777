import { expect, it } from 'vitest';
import { ScriptedAgent, started } from './scripted-agent.test.support.js';

it('ends without an exit once the guest has let go of its command, and its line is free', async () => {
  await using agent = new ScriptedAgent();
  await using handle = await started(agent);
  await handle.detach();
  await handle.detach(); // once is enough
  await agent.hears('msb.exec.detach', 1);
  agent.say('core.exec.stdout', { data: Buffer.from('the last that is heard') });
  agent.say('msb.exec.detached');
  expect(await handle.recv()).toMatchObject({ kind: 'stdout' });
  expect(await handle.recv()).toBeNull();
  expect(await handle.recv()).toBeNull();
  expect([agent.returned, agent.isLeft]).toEqual([1, false]);
});

it('ends with the exit where that came first', async () => {
  await using agent = new ScriptedAgent();
  await using handle = await started(agent);
  await handle.detach();
  agent.say('core.exec.exited', { code: 3 });
  expect(await handle.wait()).toEqual({ code: 3, success: false, signal: null });
  expect(agent.returned).toBe(1);
});

it('is not let go of by a guest that was not asked', async () => {
  await using agent = new ScriptedAgent();
  await using handle = await started(agent);
  agent.say('msb.exec.detached');
  agent.say('core.exec.exited', { code: 0 });
  expect(await handle.wait()).toMatchObject({ code: 0 });
});
