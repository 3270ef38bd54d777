import { Sandbox } from '@msbtest/core';
import { describe, expect, it } from 'vitest';
import { eventually, small, usePrivateHome } from './support/vm.js';

usePrivateHome();

describe('connectOrStart', () => {
  it('connects to what runs, starts what does not, and never takes another of the name', async () => {
    const first = await small('either').create();
    const handle = await Sandbox.get('either');
    const connected = await handle.connectOrStart();
    expect([connected.ownsLifecycle, connected.id]).toEqual([false, first.id]);
    await connected.shell('printf kept > /root/file');

    await first.requestStop();
    await eventually(
      async () => (await handle.refresh()).status !== 'running',
      60_000,
      'it is being stopped',
    );
    const started = await handle.connectOrStart(); // waits for the end of that
    expect((await started.exec('cat', ['/root/file'])).stdout()).toBe('kept');
    await started.kill();

    const detached = await handle.connectOrStart({ detached: true });
    expect(detached.ownsLifecycle).toBe(false);
    await detached.destroy();
    const other = await small('either').create();
    await expect(handle.connectOrStart()).rejects.toMatchObject({ code: 'sandboxReplaced' });
    await other.destroy();
    await expect(handle.connectOrStart()).rejects.toMatchObject({ code: 'sandboxNotFound' });
  });

  it('gives all who ask at once the same machine, and one of them owns it', async () => {
    await (await small('many').create()).stop();
    const all = await Promise.all([1, 2, 3].map(async () => (await Sandbox.get('many')).connectOrStart()));
    expect(all.filter(({ ownsLifecycle }) => ownsLifecycle)).toHaveLength(1);
    const [one, two, three] = all;
    await one?.shell('printf shared > /run/file');
    expect((await two?.exec('cat', ['/run/file']))?.stdout()).toBe('shared');
    await three?.destroy();
  });
});

describe('connectOrCreate', () => {
  it('makes what there is not, and leaves what there is as it is', async () => {
    const made = await small('one').env('WHICH', 'first').connectOrCreate();
    expect(made.ownsLifecycle).toBe(true);
    const found = await small('one').env('WHICH', 'second').connectOrCreate();
    expect([found.id, found.ownsLifecycle]).toEqual([made.id, false]);
    expect((await found.shell('printf $WHICH')).stdout()).toBe('first');
    await found.stop();
    const again = await small('one').connectOrCreate();
    expect([again.id, again.ownsLifecycle]).toEqual([made.id, true]);
    await again.destroy();
  });

  it('makes one for all who ask at once', async () => {
    const all = await Promise.all([1, 2, 3].map(() => small('race').connectOrCreate()));
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    expect(all.filter(({ ownsLifecycle }) => ownsLifecycle)).toHaveLength(1);
    await all[0]?.destroy();
  });
});
