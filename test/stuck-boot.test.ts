import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Sandbox } from '@msbtest/core';
import { relayPath } from '@msbtest/native';
import { afterEach, describe, expect, it } from 'vitest';
import { withEnv } from './support/stop-ways.js';
import { small, usePrivateHome } from './support/vm.js';

const home = usePrivateHome();

/** The first machine that it starts has a kernel that gives up its timer, as one does that has measured it wrongly. */
const relay = (log: string) => `#!/bin/sh
echo boot >> '${log}'
[ "$(wc -l < '${log}')" -gt 1 ] && exec '${relayPath}' "$@"
for word do
  shift
  case $word in *no_timer_check*) word="$word nolapic_timer" ;; esac
  set -- "$@" "$word"
done
exec '${relayPath}' "$@"
`;

/** From here on machines are started by such a relay. @returns how many have been. */
function sabotage(name: string): () => number {
  const [log, wrapper] = [join(home.path, `${name}.log`), join(home.path, name)];
  writeFileSync(wrapper, relay(log));
  chmodSync(wrapper, 0o755);
  process.env.MSB_RELAY = wrapper;
  return () => readFileSync(log, 'utf8').trimEnd().split('\n').length;
}

afterEach(async () => {
  delete process.env.MSB_RELAY;
  expect(await home.leaks()).toEqual([]);
});

describe.runIf(process.env.MSB_ACCEL === 'tcg' && process.arch === 'x64')(
  'a kernel that is stuck in its boot',
  () => {
    it('is started anew, within the time for the boot', async () => {
      const boots = sabotage('once');
      await using sandbox = await small('stuck').ephemeral(true).coldBoot().create();
      expect(sandbox.bootTimes?.attempts).toBe(2);
      expect((await sandbox.exec('true')).success).toBe(true);
      expect(boots()).toBe(2);
    });

    it('is started anew when it is that of a template', async () => {
      await withEnv({ MSB_CACHE: join(home.path, 'cache') }, async () => {
        const boots = sabotage('template');
        await using sandbox = await small('clone').ephemeral(true).create();
        expect(sandbox.bootTimes).toMatchObject({ origin: 'clone', attempts: 1 });
        expect((await sandbox.exec('true')).success).toBe(true);
        expect(boots()).toBe(3);
      });
    });

    it('is started anew in a sandbox that was there, too', async () => {
      const sandbox = await small('again').ephemeral(true).create();
      await sandbox.shell('printf kept > /root/marker');
      await sandbox.detach();
      await sandbox.stop();
      const boots = sabotage('anew');
      await using again = await Sandbox.start('again');
      expect(again.bootTimes?.attempts).toBe(2);
      expect((await again.exec('cat', ['/root/marker'])).stdout()).toBe('kept');
      expect(boots()).toBe(2);
    });
  },
);
