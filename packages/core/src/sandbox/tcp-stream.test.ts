import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { ScriptedAgent } from './scripted-agent.test.support.js';
import { TcpStream } from './tcp-stream.js';

async function dial(agent: ScriptedAgent, timeoutMs?: number): Promise<TcpStream> {
  return TcpStream.open(await agent.connect(), 80, { timeoutMs });
}

/** A stream of an agent that has made the connection. */
async function connected(agent: ScriptedAgent): Promise<TcpStream> {
  const dialled = dial(agent);
  await agent.hears('core.tcp.connect', 1);
  agent.say('core.tcp.connected');
  return dialled;
}

describe('TcpStream', () => {
  it('gives up an agent that does not answer', async () => {
    await using agent = new ScriptedAgent();
    await expect(dial(agent, 100)).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('100 ms'),
    });
  });

  it.each([
    ['answers for another session', 'core.tcp.connected', {}, 2],
    ['answers something else', 'core.exec.started', { pid: 1 }, 1],
    ['refuses', 'core.error', { kind: 'unsupported_message_type', message: 'no' }, 1],
    ['fails without saying why', 'core.tcp.failed', {}, 1],
  ])('does not take it for a connection when an agent %s', async (_, type, payload, id) => {
    await using agent = new ScriptedAgent();
    const dialled = dial(agent);
    await agent.hears('core.tcp.connect', 1);
    agent.say(type, payload, id);
    await expect(dialled).rejects.toMatchObject({ code: 'agentProtocol' });
  });

  it.each([
    ['speaks for another session', 'core.tcp.data', { data: new Uint8Array(1) }, 2, /not localhost:80/],
    ['has taken more than it was sent', 'msb.taken', { bytes: 1 }, 1, /more than it was sent/],
    ['sends data that are none', 'core.tcp.data', { data: 'text' }, 1, /not a byte string/],
  ])('breaks when an agent %s', async (_, type, payload, id, message) => {
    await using agent = new ScriptedAgent();
    const stream = await connected(agent);
    const fate = once(stream, 'error');
    agent.say(type, payload, id);
    expect(await fate).toMatchObject([{ code: 'agentProtocol', message: expect.stringMatching(message) }]);
    expect(stream.destroyed).toBe(true);
  });

  it('breaks when data come after their end', async () => {
    await using agent = new ScriptedAgent();
    const stream = await connected(agent);
    const fate = once(stream, 'error');
    agent.say('core.tcp.eof');
    agent.say('core.tcp.data', { data: new Uint8Array(1) });
    await fate;
    expect(stream.destroyed).toBe(true);
  });

  it('sends a megabyte ahead of what is taken, and goes on when something is', async () => {
    await using agent = new ScriptedAgent();
    const stream = await connected(agent);
    stream.write(Buffer.alloc(2 * 1024 * 1024));
    await agent.hears('core.tcp.data', 16);
    agent.say('msb.taken', { bytes: 65_536 });
    await agent.hears('core.tcp.data', 17);
    agent.say('msb.taken', { bytes: 1024 * 1024 });
    await agent.hears('core.tcp.data', 32);
    stream.destroy();
  });

  it('explains its loss to who writes before it is known what it means', async () => {
    await using agent = new ScriptedAgent();
    const stream = await connected(agent);
    const fate = once(stream, 'error');
    agent.hangUp();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(stream.destroyed).toBe(false);
    stream.write('late');
    expect(await fate).toMatchObject([{ message: 'explained' }]);
  });

  it('hangs up when both have ended and the agent says so', async () => {
    await using agent = new ScriptedAgent();
    const stream = await connected(agent);
    agent.say('core.tcp.data', { data: Buffer.from('word') });
    agent.say('core.tcp.eof');
    stream.end('answer');
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe('word');
    await agent.hears('core.tcp.eof', 1);
    expect(agent.heard.map(({ type }) => type)).toEqual([
      'core.tcp.connect',
      'core.tcp.data',
      'core.tcp.eof',
    ]);
    expect([stream.destroyed, agent.isLeft]).toEqual([true, false]); // what was written last may not have been taken
    agent.say('core.tcp.closed');
    await expect.poll(() => agent.isLeft).toBe(true);
  });
});
