import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { small, usePrivateHome } from './support/vm.js';
import { createBy } from './support/ways.js';

usePrivateHome();

// An emulated timer that comes late while the host is busy made the guest's kernel give up on its clock, and hang.
const busy = Array.from({ length: 2 * availableParallelism() }, () => 'while :; do :; done');
const processes: ReturnType<typeof spawn>[] = [];
beforeAll(() => {
  processes.push(...busy.map((loop) => spawn('sh', ['-c', loop], { stdio: 'ignore' })));
});
afterAll(() => {
  for (const process of processes) process.kill('SIGKILL');
});

// A clone's clock goes on from where its template's stood.
const runs = [...(['cold', 'cold', 'cold', 'clone', 'pool'] as const).entries()];
it.each(runs)('on a busy host a machine has a clock that is right (%i, %s)', async (run, way) => {
  await using sandbox = await createBy(way, small(`busy-${run}`).ephemeral(true));
  expect(sandbox.bootTimes?.origin).toBe(way);
  // A second after its start the kernel goes over from tsc-early to tsc; a boot can be faster than that.
  const clock = await sandbox.shell(
    'clock=/sys/devices/system/clocksource/clocksource0/current_clocksource\n' +
      'for i in $(seq 100); do grep -qx tsc-early $clock || break; sleep 0.1; done; cat $clock; date +%s',
  );
  const [source, seconds] = clock.stdout().split('\n');
  expect(source).toMatch(sandbox.accelerator === 'tcg' ? /^tsc$/ : /./);
  expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(3);
});
