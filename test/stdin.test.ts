import { createHash } from 'node:crypto';
import type { ExecEvent, ExecHandle } from '@msbtest/core';
import { expect, it } from 'vitest';
import { ephemeral, usePrivateHome } from './support/vm.js';

usePrivateHome();

const mebibyte = 1024 * 1024;

/** Bytes in which a part that is lost, doubled or out of place shows. */
const payload = Uint8Array.from({ length: mebibyte }, (_, at) => (at * 7919 + (at >> 8)) & 255);
const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const keepAndMeasure = 'cat > /tmp/in && wc -c < /tmp/in && sha256sum < /tmp/in';
const measured = (bytes: Uint8Array) => `${bytes.length}\n${digestOf(bytes)}  -\n`;

async function eventsOf(handle: ExecHandle): Promise<ExecEvent[]> {
  const events: ExecEvent[] = [];
  for await (const event of handle) events.push(event);
  return events;
}

const textOf = (events: readonly ExecEvent[]) =>
  Buffer.concat(events.flatMap((event) => (event.kind === 'stdout' ? [event.data] : []))).toString();

it('stdin_bytes_writes_payload_larger_than_pipe_capacity', async () => {
  await using sandbox = await ephemeral('stdin-bytes');
  const output = await sandbox.execWith('sh', (o) => o.args(['-c', keepAndMeasure]).stdinBytes(payload));
  expect(output.stderr()).toBe('');
  expect(output.stdout()).toBe(measured(payload));
  expect(output.success).toBe(true);
});

it('stdin_bytes_waits_for_slow_reader', async () => {
  await using sandbox = await ephemeral('stdin-slow');
  // The pipe is full long before anybody reads.
  const output = await sandbox.execWith('sh', (o) =>
    o.args(['-c', `sleep 1; ${keepAndMeasure}`]).stdinBytes(payload),
  );
  expect(output.stdout()).toBe(measured(payload));
  // One that reads a little at a time, and waits between.
  const sipped = await sandbox.execWith('sh', (o) =>
    o
      .args(['-c', 'for i in 1 2 3 4; do dd bs=1024 count=256 iflag=fullblock 2>/dev/null; sleep 0.2; done'])
      .stdinBytes(payload),
  );
  expect(digestOf(sipped.stdoutBytes())).toBe(digestOf(payload));
});

it('stdin_pipe_streams_chunks_in_order', async () => {
  await using sandbox = await ephemeral('stdin-pipe');
  const handle = await sandbox.execStreamWith('sh', (o) => o.args(['-c', keepAndMeasure]).stdinPipe());
  const stdin = await handle.takeStdin();
  const chunks = ['a', 'b', 'c', 'd'].map((letter) => Buffer.alloc(mebibyte / 4, letter));
  for (const chunk of chunks) await stdin?.write(chunk);
  await stdin?.close();
  const events = await eventsOf(handle);
  expect(textOf(events)).toBe(measured(Buffer.concat(chunks)));
  expect(events.at(-1)).toEqual({ kind: 'exited', code: 0, signal: null });
});

it('stdin_bytes_reports_broken_pipe_when_child_exits_early', async () => {
  await using sandbox = await ephemeral('stdin-broken');
  const handle = await sandbox.execStreamWith('sh', (o) =>
    o.args(['-c', 'dd bs=1 count=16 2>/dev/null | wc -c']).stdinBytes(payload),
  );
  const events = await eventsOf(handle);
  expect(textOf(events)).toBe('16\n');
  expect(events.filter(({ kind }) => kind === 'stdinError')).toEqual([
    { kind: 'stdinError', errnoName: 'EPIPE', message: expect.any(String) },
  ]);
  expect(events.at(-1)).toEqual({ kind: 'exited', code: 0, signal: null }); // not reading everything is no failure
});
