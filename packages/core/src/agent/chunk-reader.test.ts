import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChunkReader } from './chunk-reader.js';

const directory = mkdtempSync(join(tmpdir(), 'msb-chunks-'));
const path = join(directory, 'socket');
const server = createServer();
beforeAll(() => new Promise<void>((resolve) => server.listen(path, resolve)));
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true });
});

async function pair(): Promise<[ChunkReader, Socket]> {
  const accepted = once(server, 'connection');
  const reader = ChunkReader.connect(path);
  const [peer] = (await accepted) as [Socket];
  return [reader, peer];
}

describe('ChunkReader', () => {
  it('gives every byte once, in order, in chunks that stay as they are', async () => {
    const [reader, peer] = await pair();
    const sizes = [1, 20_000, 5, 300_000, 64 * 1024, 1, 1_000_000, 17];
    const sent = Buffer.concat(sizes.map((size, i) => Buffer.alloc(size, i + 1)));
    let at = 0;
    for (const size of sizes) {
      peer.write(sent.subarray(at, at + size));
      at += size;
    }
    peer.end();
    const chunks: Buffer[] = [];
    for (let chunk = await reader.next(); chunk; chunk = await reader.next()) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
    expect(await reader.next()).toBeNull();
  });

  it('reads one chunk ahead, and no more while nobody asks', async () => {
    const [reader, peer] = await pair();
    const all = Buffer.alloc(8 * 1024 * 1024, 7);
    peer.write(all);
    expect((await reader.next())?.length).toBeGreaterThan(0);
    // As much as the kernel holds has gone; the rest stays with the writer however long it waits.
    for (let before = -1; before !== peer.writableLength; ) {
      before = peer.writableLength;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(peer.writableLength).toBeGreaterThan(all.length - 2 * 1024 * 1024);
    reader.socket.destroy();
    peer.destroy();
  });

  it('throws what happened to the socket', async () => {
    const [reader, peer] = await pair();
    const next = reader.next();
    reader.socket.destroy(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
    peer.destroy();
  });
});
