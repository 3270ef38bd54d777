import { Image, type Sandbox } from '@msbtest/core';
import { describe, expect, it } from 'vitest';
import { loadLayered } from './support/layered-image.js';
import { usePrivateCache } from './support/private-cache.js';
import { image, small, usePrivateHome } from './support/vm.js';

const home = usePrivateHome();
usePrivateCache(home);

const machine = (name: string) => small(name).image('configured');
const said = async (sandbox: Sandbox, script: string) => (await sandbox.shell(script)).stdout();

describe('an image’s configuration', () => {
  it('is what commands have, unless the sandbox or they say otherwise', async () => {
    await Image.from(image)
      .patch((p) =>
        p.text('/opt/tool/show', '#!/bin/sh\necho "$0: $*"; pwd; id -u; id -g; echo $A $B\n', {
          mode: 0o755,
        }),
      )
      .envs({ PATH: '/opt/tool:/bin', A: 'image', B: 'with = and spaces' })
      .workdir('/srv/here')
      .user('1234:5678')
      .entrypoint(['show', 'first'])
      .cmd(['second'])
      .build('configured');
    await using plain = await machine('plain').ephemeral(true).create();
    const own = '/srv/here\n1234\n5678\nimage with = and spaces\n';
    expect((await plain.execDefault()).stdout()).toBe(`/opt/tool/show: first second\n${own}`);
    expect(
      (await plain.execDefaultWith((o) => o.arg('third').env('A', 'own').cwd('/').user('root'))).stdout(),
    ).toBe('/opt/tool/show: first second third\n/\n0\n0\nown with = and spaces\n');
    expect(await said(plain, 'pwd; id -u; echo $A')).toBe('/srv/here\n1234\nimage\n');

    await using changed = await machine('changed')
      .env('A', 'sandbox')
      .workdir('/tmp')
      .user('guest')
      .cmd(['other'])
      .ephemeral(true)
      .create();
    expect((await changed.execDefault()).stdout()).toBe(
      '/opt/tool/show: first other\n/tmp\n1000\n1000\nsandbox with = and spaces\n',
    );
    // Arguments are for the program that they came with, as with `docker run --entrypoint`.
    await using other = await machine('other').entrypoint(['echo', 'alone']).ephemeral(true).create();
    expect((await other.execDefault()).stdout()).toBe('alone\n');
  });
});

/** A command that notes what it was sent; it says "ready" when it listens. */
const noting = (traps: string) => `#!/bin/sh\n${traps}\necho ready\nwhile :; do sleep 0.1; done\n`;

/** A kept sandbox whose default command runs. */
async function running(name: string, traps: string): Promise<Sandbox> {
  await Image.from(image)
    .patch((p) => p.text('/bin/serve', noting(traps), { mode: 0o755 }))
    .entrypoint(['/bin/serve'])
    .stopSignal('SIGUSR1')
    .build(name);
  const sandbox = await small(name).image(name).coldBoot().create();
  const command = await sandbox.execDefaultStream();
  for (let event = await command.recv(); event; event = await command.recv())
    if (event.kind === 'stdout') return sandbox;
  throw new Error('it ended');
}

describe('an image’s stop signal', () => {
  it('is what a stop sends to the default command, which has its time', async () => {
    const sandbox = await running(
      'graceful',
      `trap 'echo usr1 >> /root/log; sleep 3; echo done >> /root/log; exit 0' USR1; trap 'echo term >> /root/log' TERM`,
    );
    const other = await sandbox.execStream('sleep', ['600']);
    const stopped = await sandbox.stop();
    expect(stopped).toMatchObject({ outcome: 'graceful' });
    expect(stopped.phases.terminateMs).toBeGreaterThan(2_900);
    await other[Symbol.asyncDispose]().catch(() => {});
    await using again = await sandbox.restart();
    expect(await said(again, 'cat /root/log')).toBe('usr1\ndone\n');
    await again.destroy({ force: true });
  });

  it('is followed by SIGTERM where the command does not end by it', async () => {
    const sandbox = await running('deaf', `trap '' USR1; trap 'echo term >> /root/log; exit 0' TERM`);
    expect(await sandbox.stopWithTimeout(5_000)).toMatchObject({ outcome: 'graceful' });
    await using again = await sandbox.restart();
    expect(await said(again, 'cat /root/log')).toBe('term\n');
    await again.destroy({ force: true });
  });

  it('that is none is told by what would need it', async () => {
    await loadLayered('unstoppable', { '/marker': Buffer.from('x') }, { StopSignal: 'SIGNAL' });
    await using sandbox = await small('unstoppable').image('unstoppable').ephemeral(true).create();
    expect((await sandbox.exec('true')).success).toBe(true);
    await expect(sandbox.execDefault()).rejects.toThrow(/names "SIGNAL" as its stop signal, which is none/);
    await expect(Image.from(image).stopSignal('SIGNAL').build('x')).rejects.toThrow(/stopSignal is "SIGNAL"/);
  });
});
