import { describe, expect, it } from 'vitest';
import type { PayloadFields } from '../agent/message.js';
import type { ExecHandle } from './exec-handle.js';
import { ScriptedAgent, started } from './scripted-agent.test.support.js';

const megabyte = 1024 * 1024;

async function writing(handle: ExecHandle, bytes: number): Promise<{ readonly done: boolean }> {
  const sink = await handle.takeStdin();
  const state = { done: false };
  sink?.write(Buffer.alloc(bytes)).then(
    () => {
      state.done = true;
    },
    () => {},
  );
  return state;
}

describe('the input of a command', () => {
  it('is a megabyte ahead of what it reads at the most', async () => {
    await using agent = new ScriptedAgent();
    const handle = await started(agent);
    const write = await writing(handle, 2.5 * megabyte);
    await agent.hears('core.exec.stdin', 3); // until less than half of it is left
    await new Promise((resolve) => setTimeout(resolve, 50));
    await agent.hears('core.exec.stdin', 3);
    agent.say('msb.taken', { bytes: 768 * 1024 });
    agent.say('msb.taken', { bytes: 768 * 1024 });
    await agent.hears('core.exec.stdin', 9);
    agent.say('msb.taken', { bytes: 768 * 1024 });
    await agent.hears('core.exec.stdin', 10);
    await expect.poll(() => write.done).toBe(true);
  });

  it.each([
    ['has ended', 'core.exec.exited', { code: 0 }],
    ['reads no more', 'core.exec.stdin.error', { errno: 32, errno_name: 'EPIPE', message: 'closed' }],
  ])('is dropped, and nobody waits, when it %s', async (_, type, payload) => {
    await using agent = new ScriptedAgent();
    const handle = await started(agent);
    const write = await writing(handle, 2 * megabyte);
    await agent.hears('core.exec.stdin', 3);
    agent.say(type, payload as PayloadFields);
    await expect.poll(() => write.done).toBe(true);
    await agent.hears('core.exec.stdin', 3);
    expect((await handle.recv())?.kind).toBe(type === 'core.exec.exited' ? 'exited' : 'stdinError');
  });

  it('has its writer take in a megabyte of output, which is there for the reader, in order', async () => {
    await using agent = new ScriptedAgent();
    const handle = await started(agent);
    const write = await writing(handle, 2 * megabyte);
    for (let i = 0; i < 40; i++) agent.say('core.exec.stdout', { data: Buffer.alloc(65_536, i) });
    for (let i = 0; i < 4; i++) agent.say('msb.taken', { bytes: 768 * 1024 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(write.done, 'it has not read on').toBe(false);
    const pieces: (number | undefined)[] = [];
    for (let i = 0; i < 40; i++) {
      const event = await handle.recv();
      if (event?.kind === 'stdout' && event.data.length === 65_536) pieces.push(event.data[0]);
    }
    expect(pieces).toEqual(Array.from({ length: 40 }, (_, i) => i));
    agent.say('core.exec.exited', { code: 0 });
    expect(await handle.recv()).toMatchObject({ kind: 'exited', code: 0 });
    await expect.poll(() => write.done).toBe(true);
    expect(agent.returned, 'the line is given back').toBe(1);
  });

  it('is no reason to believe an agent that speaks for another session', async () => {
    await using agent = new ScriptedAgent();
    const handle = await started(agent);
    agent.say('core.exec.stdout', { data: Buffer.alloc(1) }, 2);
    await expect(handle.recv()).rejects.toMatchObject({ code: 'agentProtocol' });
    await expect.poll(() => agent.isLeft).toBe(true);
  });
});
