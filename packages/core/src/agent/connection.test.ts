import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isMicrosandboxError } from '../errors.js';
import { AgentConnection, AgentGoneError } from './connection.js';
import { encodeFrame } from './frame.js';
import { encodeMessage } from './message.js';

const directory = mkdtempSync(join(tmpdir(), 'msb-agent-'));
const path = join(directory, 'agent.sock');
/** What the next client is told, in these pieces, before the line ends. */
let pieces: readonly Uint8Array[] = [];
const server = createServer((socket) => {
  socket.on('error', () => {}); // a client that has heard enough hangs up
  for (const piece of pieces) socket.write(piece);
  socket.end();
});
beforeAll(() => new Promise<void>((resolve) => server.listen(path, resolve)));
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true });
});

const times = { boot_time_ns: 1, init_time_ns: 2, ready_time_ns: 3, agent_version: '0' };
const greeting = Buffer.concat([
  Uint8Array.of(0, 0, 0, 1, 2, 0, 0, 0),
  encodeFrame({ id: 0, flags: 0, body: encodeMessage('core.ready', times) }),
  encodeFrame({ id: 1, flags: 1, body: encodeMessage('core.pong') }),
]);

/** Connects, and receives until the end: everything that is there to be read is read. */
async function hear(): Promise<string> {
  try {
    using connection = await AgentConnection.connect(path, { timeoutMs: 10_000 });
    for (;;) await connection.receive();
  } catch (error) {
    if (error instanceof AgentGoneError) return 'gone';
    expect(isMicrosandboxError(error), `${error}`).toBe(true);
    return (error as { code: string }).code;
  }
}

describe('a connection', () => {
  it('is greeted in whatever pieces it comes, and told what follows', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 }),
        async (sizes) => {
          pieces = [];
          for (let at = 0, i = 0; at < greeting.length; at += sizes[i++ % sizes.length] as number)
            pieces = [...pieces, greeting.subarray(at, at + (sizes[i % sizes.length] as number))];
          using connection = await AgentConnection.connect(path, { timeoutMs: 10_000 });
          expect(connection.ready).toMatchObject({ agentVersion: '0', renewMs: null });
          expect(await connection.receive()).toMatchObject({ id: 1, type: 'core.pong' });
          await expect(connection.receive()).rejects.toBeInstanceOf(AgentGoneError);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('ends in a typed error, whatever it is told', async () => {
    const told = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc
        .array(fc.tuple(fc.nat({ max: greeting.length - 1 }), fc.nat({ max: 255 })), { maxLength: 5 })
        .map((edits) => {
          const bytes = Uint8Array.from(greeting);
          for (const [at, value] of edits) bytes[at] = value;
          return bytes;
        }),
    );
    await fc.assert(
      fc.asyncProperty(told, fc.nat({ max: 200 }), async (bytes, cut) => {
        pieces = [bytes.subarray(0, cut), bytes.subarray(cut)];
        expect(['gone', 'agentProtocol']).toContain(await hear());
      }),
      { numRuns: 150 },
    );
  });
});
