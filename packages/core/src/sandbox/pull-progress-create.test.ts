import { describe, expect, it } from 'vitest';
import type { PullProgress } from '../image/pull-progress.js';
import { PullProgressCreate, type PullProgressEvent } from './pull-progress-create.js';
import type { Sandbox } from './sandbox.js';

const progress = (layerIndex: number, downloadedBytes: number): PullProgress => ({
  kind: 'layerDownloadProgress',
  layerIndex,
  digest: 'sha256:0',
  downloadedBytes,
  totalBytes: null,
});
const complete: PullProgress = { kind: 'complete', reference: 'x', layerCount: 1 };

/** A creation that tells what it is told to. */
function begin() {
  let resolve: (sandbox: Sandbox) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<Sandbox>((...settle) => ([resolve, reject] = settle));
  let tell: (event: PullProgress) => void = () => {};
  const creation = new PullProgressCreate((listener) => {
    tell = listener;
    return promise;
  });
  return { creation, tell, resolve, reject };
}

describe('a creation with progress', () => {
  it('tells in order, whoever waits, and ends with the pull', async () => {
    const { creation, tell } = begin();
    const first = creation.progress.recv();
    tell({ kind: 'resolving', reference: 'x' });
    expect(await first).toEqual({ kind: 'resolving', reference: 'x' });
    tell(progress(0, 1));
    tell(complete);
    const rest: PullProgressEvent[] = [];
    for await (const event of creation) rest.push(event);
    expect(rest.map(({ kind }) => kind)).toEqual(['layerDownloadProgress', 'complete']);
    expect(Object.keys(rest[0] ?? {})).not.toContain('totalBytes'); // what nobody knows is not there
    expect(await creation.progress.recv()).toBeNull();
  });

  it('keeps the last of what a layer has to tell, and no more, for who does not read', async () => {
    const { creation, tell } = begin();
    for (let bytes = 0; bytes < 10_000; bytes++) for (const layer of [0, 1]) tell(progress(layer, bytes));
    tell(complete);
    const events: PullProgressEvent[] = [];
    for await (const event of creation) events.push(event);
    expect(events.map(({ downloadedBytes }) => downloadedBytes)).toEqual([9999, 9999, undefined]);
  });

  it('ends where there is nothing to be told: the image is here, or it fails', async () => {
    const { creation, resolve } = begin();
    const waiting = creation.progress.recv();
    resolve('sandbox' as unknown as Sandbox);
    expect(await waiting).toBeNull();
    expect(await creation.awaitSandbox()).toBe('sandbox');
    const failing = begin();
    failing.reject(new Error('no'));
    expect(await failing.creation.progress.recv()).toBeNull();
    await expect(failing.creation.awaitSandbox()).rejects.toThrow('no');
  });
});
