import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { relayPath } from '@msbtest/native';
import { expect, it } from 'vitest';
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

it.runIf(process.env.MSB_ACCEL === 'tcg' && process.arch === 'x64')(
  'a kernel that is stuck in its boot is started anew, within the time for the boot',
  async () => {
    const [log, wrapper] = [join(home.path, 'boots.log'), join(home.path, 'relay')];
    writeFileSync(wrapper, relay(log));
    chmodSync(wrapper, 0o755);
    process.env.MSB_RELAY = wrapper;
    try {
      await using sandbox = await small('stuck').ephemeral(true).create();
      expect(sandbox.bootTimes?.attempts).toBe(2);
      expect((await sandbox.exec('true')).success).toBe(true);
    } finally {
      delete process.env.MSB_RELAY;
    }
    expect(readFileSync(log, 'utf8')).toBe('boot\nboot\n');
    expect(home.leaks()).toEqual([]);
  },
);
