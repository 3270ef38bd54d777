import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { homeLeaks, sandboxLeaks } from './leaks.js';

it.each(['path', 'sockets', 'bornAt'] as const)(
  'finds a process that says it runs at its %s',
  async (where) => {
    const sandbox = { path: '/nowhere/ab12', sockets: '/nowhere/sockets', bornAt: '/nowhere/.new-ab12' };
    expect(sandboxLeaks(sandbox)).toEqual([]);
    const child = spawn('sh', ['-c', 'echo begun; read line', `${sandbox[where]}/upper.ext4`]);
    try {
      await once(child.stdout, 'data');
      expect(sandboxLeaks(sandbox)).toEqual([`process ${child.pid}: sh`]);
    } finally {
      child.stdin.end();
      await once(child, 'exit');
    }
  },
);

it('spares what was kept, a fork of another process with the rest of its machine', async () => {
  const kept = { path: '/nowhere/ab12', sockets: '/nowhere/sockets', bornAt: '/nowhere/.new-ab12' };
  // In the relay's place a shell, whose child's command line names the home and nothing of the sandbox.
  const relay = spawn('sh', ['-c', `sh -c 'echo begun; read line' sh guest=/nowhere/; :`, kept.path]);
  try {
    await once(relay.stdout, 'data');
    const places = { home: '/nowhere', runtime: '/nowhere/run' };
    expect(homeLeaks(places)).toHaveLength(2);
    expect(homeLeaks(places, [kept])).toEqual([]);
  } finally {
    relay.stdin.end();
    await once(relay, 'exit');
  }
});
