import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AgentProtocolError } from '../errors.js';
import { encodeFrame } from './frame.js';
import { FrameLine } from './frame-line.js';

const directory = mkdtempSync(join(tmpdir(), 'msb-frames-'));
const path = join(directory, 'socket');
const server = createServer();
beforeAll(() => new Promise<void>((resolve) => server.listen(path, resolve)));
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true });
});

const prefix = Buffer.from('greeting');

async function pair(): Promise<[FrameLine, Socket]> {
  const accepted = once(server, 'connection');
  const line = FrameLine.connect(path, prefix.length);
  const [peer] = (await accepted) as [Socket];
  return [line, peer];
}

const frame = (id: number, size: number) => encodeFrame({ id, flags: 0, body: Buffer.alloc(size, id) });

describe('FrameLine', () => {
  it('gives what comes first, and every frame once, in order, which stays as it is', async () => {
    const [line, peer] = await pair();
    const sizes = [1, 20_000, 5, 300_000, 64 * 1024, 1, 1_000_000, 17, 0];
    peer.write(prefix);
    sizes.forEach((size, i) => {
      peer.write(frame(i + 1, size));
    });
    peer.end();
    expect(await line.prefix()).toEqual(prefix);
    const frames = [];
    for (let next = await line.next(); next; next = await line.next()) frames.push(next);
    expect(frames.map(({ id, body }) => [id, body.length])).toEqual(sizes.map((size, i) => [i + 1, size]));
    for (const { id, body } of frames) expect(Buffer.alloc(body.length, id).equals(body)).toBe(true);
    expect(await line.next()).toBeNull();
    expect(line.isClear).toBe(true);
  });

  it('knows of an end that comes too early', async () => {
    const [short, peer] = await pair();
    peer.end(prefix.subarray(1));
    expect(await short.prefix()).toBeNull();
    const [line, other] = await pair();
    other.end(Buffer.concat([prefix, frame(1, 9), frame(2, 9).subarray(1)]));
    await line.prefix();
    expect(await line.next()).toMatchObject({ id: 1 });
    expect(await line.next()).toBeNull();
    expect(line.isClear).toBe(false);
  });

  it('reads one frame ahead, and no more while nobody asks', async () => {
    const [line, peer] = await pair();
    const all = Buffer.concat([prefix, ...Array.from({ length: 32 }, (_, i) => frame(i, 256 * 1024))]);
    peer.write(all);
    await line.prefix();
    expect((await line.next())?.id).toBe(0);
    // As much as the kernel holds has gone; the rest stays with the writer however long it waits.
    for (let before = -1; before !== peer.writableLength; ) {
      before = peer.writableLength;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(peer.writableLength).toBeGreaterThan(all.length - 2 * 1024 * 1024);
    line.socket.destroy();
    peer.destroy();
  });

  it('hangs up on a length that no frame can have, and says so after what came before it', async () => {
    const [line, peer] = await pair();
    const hungUp = once(peer, 'close');
    peer.write(Buffer.concat([prefix, frame(1, 40_000)]));
    await line.prefix();
    expect(await line.next()).toMatchObject({ id: 1 });
    peer.write(Buffer.alloc(4, 0xff));
    await expect(line.next()).rejects.toThrow(AgentProtocolError);
    await hungUp;
    await expect(line.next()).rejects.toThrow(AgentProtocolError);
  });

  it('throws what happened to the socket', async () => {
    const [line, peer] = await pair();
    const next = line.next();
    line.socket.destroy(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
    peer.destroy();
  });
});
