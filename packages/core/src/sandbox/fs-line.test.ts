import { describe, expect, it } from 'vitest';
import type { PayloadFields } from '../agent/message.js';
import { SandboxFsOps } from './fs.js';
import { ScriptedAgent } from './scripted-agent.test.support.js';

const filesOf = (agent: ScriptedAgent) => new SandboxFsOps(() => agent.connect());
const entry = { path: '/srv/file', kind: 'file', size: 1, mode: 0o644, uid: 0, gid: 0 };

/** What the agent has to say once it has been asked so many things. */
async function answer(agent: ScriptedAgent, asked: number, type: string, payload: PayloadFields, id = asked) {
  await agent.hears('core.fs.request', asked);
  agent.say(type, payload, id);
}

describe('work on files', () => {
  it.each([
    ['answers for another session', 'core.fs.response', { ok: true }, 7],
    ['answers something else', 'core.exec.started', { pid: 1 }, 1],
    ['does not say whether it was done', 'core.fs.response', {}, 1],
    ['says too little', 'core.fs.response', { ok: true }, 1],
    [
      'knows another kind of file',
      'core.fs.response',
      { ok: true, data: { Stat: { ...entry, kind: 'door' } } },
      1,
    ],
    [
      'gives a size that is none',
      'core.fs.response',
      { ok: true, data: { Stat: { ...entry, size: -1 } } },
      1,
    ],
    ['refuses the request', 'core.error', { kind: 'invalid_payload', message: 'no' }, 1],
  ])('fails, and hangs up, when an agent %s', async (_, type, payload, id) => {
    await using agent = new ScriptedAgent();
    const asked = filesOf(agent).stat('/srv/file');
    await answer(agent, 1, type, payload as PayloadFields, id);
    await expect(asked).rejects.toMatchObject({ code: 'agentProtocol' });
  });

  it('gives the line back after an answer, a refusal too', async () => {
    await using agent = new ScriptedAgent();
    const asked = filesOf(agent).stat('/none');
    await answer(agent, 1, 'core.fs.response', {
      ok: false,
      error: 'stat: no',
      errno: 2,
      errno_name: 'ENOENT',
    });
    await expect(asked).rejects.toMatchObject({ code: 'sandboxFsOps', errnoName: 'ENOENT', path: '/none' });
    expect(agent.returned).toBe(1);
  });

  it('gives up an agent that does not answer, and hangs up', async () => {
    await using agent = new ScriptedAgent();
    await expect(filesOf(agent).read('/slow', { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('did not read /slow within 100 ms'),
    });
    await expect.poll(() => agent.isLeft).toBe(true);
    expect(agent.returned).toBe(0);
  });

  it('says what it means that the machine has gone', async () => {
    await using agent = new ScriptedAgent();
    const asked = filesOf(agent).list('/srv');
    await agent.hears('core.fs.request', 1);
    agent.hangUp();
    await expect(asked).rejects.toThrow('explained');
  });

  it('sends a megabyte ahead of what is written, and goes on when something is', async () => {
    await using agent = new ScriptedAgent();
    const written = filesOf(agent).write('/big', Buffer.alloc(3 * 1024 * 1024));
    await answer(agent, 1, 'core.fs.response', { ok: true, data: { Handle: 5 } });
    await agent.hears('core.fs.data', 4); // until less than a quarter of it is left
    await new Promise((resolve) => setTimeout(resolve, 50));
    await agent.hears('core.fs.data', 4);
    agent.say('msb.taken', { bytes: 786_432 }, 2);
    await agent.hears('core.fs.data', 7);
    agent.say('msb.taken', { bytes: 786_432 }, 2);
    agent.say('core.fs.response', { ok: false, error: 'write: full', errno: 28, errno_name: 'ENOSPC' }, 2);
    await expect(written).rejects.toMatchObject({ errnoName: 'ENOSPC' });
  });

  it('does not believe that more was written than was sent', async () => {
    await using agent = new ScriptedAgent();
    const written = filesOf(agent).write('/file', 'text');
    await answer(agent, 1, 'core.fs.response', { ok: true, data: { Handle: 5 } });
    await answer(agent, 2, 'msb.taken', { bytes: 5 });
    await expect(written).rejects.toThrow(/more has been written/);
  });

  it('does not take a list that is longer than was asked for', async () => {
    await using agent = new ScriptedAgent();
    const listed = filesOf(agent).list('/srv');
    await answer(agent, 1, 'core.fs.response', { ok: true, data: { Handle: 5 } });
    const page = { ok: true, data: { List: Array.from({ length: 1025 }, () => entry) } };
    await answer(agent, 2, 'core.fs.response', page);
    await expect(listed).rejects.toMatchObject({ code: 'agentProtocol' });
  });
});
