import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { AgentConnection } from '../agent/connection.js';
import { encodeFrame, FrameReader } from '../agent/frame.js';
import { push } from '../agent/frame.test.support.js';
import { decodeMessage, encodeMessage, type Message, type PayloadFields } from '../agent/message.js';
import { ExecHandle } from './exec-handle.js';
import { ExecJournal } from './exec-journal.js';
import { ExecOptionsBuilder } from './exec-types.js';
import { Line } from './line.js';

const ready = { boot_time_ns: 1, init_time_ns: 1, ready_time_ns: 1, agent_version: 'test' };

/** What a relay passes on of an agent that says what it is told to: true or not. */
export class ScriptedAgent implements AsyncDisposable {
  readonly heard: Message[] = [];
  /** How many lines to it were given back. */
  returned = 0;
  isLeft = false;
  readonly #directory = mkdtempSync(join(tmpdir(), 'msb-agent-'));
  readonly #server = createServer((socket) => this.#greet(socket));
  #socket: Socket | undefined;

  async connect(): Promise<Line> {
    const path = join(this.#directory, 'sock');
    this.#server.listen(path);
    await once(this.#server, 'listening');
    const connection = await AgentConnection.connect(path, { timeoutMs: 1000 });
    const explain = async () => {
      await new Promise((resolve) => setTimeout(resolve, 200)); // as it does to find out what a loss means
      return new Error('explained');
    };
    return new Line(connection, explain, () => {
      this.returned++;
    });
  }

  say(type: string, payload: PayloadFields = {}, id = 1): void {
    this.#socket?.write(encodeFrame({ id, flags: 0, body: encodeMessage(type, payload) }));
  }

  /** Resolves once it has heard that so often. */
  async hears(type: string, count: number): Promise<void> {
    await expect.poll(() => this.heard.filter((message) => message.type === type).length).toBe(count);
  }

  #greet(socket: Socket): void {
    this.#socket = socket;
    const range = Buffer.alloc(8);
    range.writeUInt32BE(1, 0);
    range.writeUInt32BE(100, 4);
    socket.write(range);
    this.say('core.ready', ready, 0);
    const reader = new FrameReader();
    socket.once('close', () => {
      this.isLeft = true;
    });
    socket
      .on('error', () => {})
      .on('data', (bytes) => {
        for (const { body } of push(reader, bytes)) this.heard.push(decodeMessage(body));
      });
  }

  hangUp(): void {
    this.#socket?.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp();
    this.#server.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** A command of that agent's, which has started, with a pipe to its stdin. */
export async function started(agent: ScriptedAgent): Promise<ExecHandle> {
  const { options } = new ExecOptionsBuilder().stdinPipe();
  const starting = ExecHandle.start(
    await agent.connect(),
    'cat',
    options,
    new ExecJournal().begin('cat', []),
  );
  await agent.hears('core.exec.request', 1);
  agent.say('core.exec.started', { pid: 7 });
  const handle = await starting;
  expect(await handle.recv()).toMatchObject({ kind: 'started', pid: 7 });
  return handle;
}
