import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { sandboxLeaks } from './leaks.js';

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
