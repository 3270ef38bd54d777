import { Sandbox } from '@msbtest/core';
import { describe, expect, it } from 'vitest';
import { ephemeral, small, usePrivateHome } from './support/vm.js';

usePrivateHome();

describe('waiting for something in a machine', () => {
  it('resolves when it is so: a port, a file, a command, a line of the log', async () => {
    await using sandbox = await ephemeral('comes');
    const { waitFor } = sandbox;
    await using later = await sandbox.shellStream(
      `sleep 0.3; echo 12345 >/srv/file; printf 'almost '; sleep 0.2; echo ready; exec nc -ll -p 7001 -e cat`,
    );
    const reading = later.collect();
    reading.catch(() => {});
    const [metadata, output, entry] = await Promise.all([
      waitFor.file('/srv/file', { until: ({ size }) => size === 6 }),
      waitFor.command('grep', ['.', '/srv/file']), // which is there for a moment before it has its line
      waitFor.log(/^almost ready$/),
      waitFor.port(7001),
    ]);
    expect(metadata).toMatchObject({ kind: 'file', size: 6 });
    expect(output.stdout()).toBe('12345\n');
    expect(entry.text()).toBe('ready\n');
    expect((await waitFor.log('almost')).source, 'it was said before').toBe('stdout');
    await sandbox.shell('echo said to the console >/dev/console');
    await waitFor.log('said to the console', { sources: ['system'] });
    await waitFor.command('false', [], { until: ({ code }) => code === 1 });
  });

  it('says after its time what was seen last', async () => {
    await using sandbox = await ephemeral('never');
    const { waitFor } = sandbox;
    await sandbox.shell('echo something else; echo x >/srv/file');
    const soon = { timeoutMs: 2000 }; // an emulated guest beside another answers within one
    await expect(waitFor.port(7002, soon)).rejects.toThrow(/2000 ms.*port 7002.*Connection refused/);
    await expect(waitFor.file('/nowhere', soon)).rejects.toThrow(/\/nowhere to be there.*It is not/);
    await expect(waitFor.file('/srv/file', { ...soon, until: ({ size }) => size > 2 })).rejects.toThrow(
      /a file of 2 bytes/,
    );
    await expect(waitFor.command('sh', ['-c', 'echo why >&2; exit 3'], soon)).rejects.toThrow(
      /to succeed.*exit code 3, and wrote: why/,
    );
    const hangsNext = 'test -e /srv/hang && exec sleep 10; touch /srv/hang; echo first >&2; exit 3';
    await expect(waitFor.command('sh', ['-c', hangsNext], soon)).rejects.toThrow(
      /exit code 3, and wrote: first\..* ms/, // and what the time ran out on
    );
    await expect(waitFor.command('sleep', ['10'], soon)).rejects.toMatchObject({ code: 'timeout' });
    await expect(waitFor.command('/no/such', [], soon)).rejects.toThrow(/no\/such/);
    await expect(waitFor.log('ready', soon)).rejects.toThrow(/to say "ready".*The last lines: why/);
    await expect(waitFor.exit(soon)).rejects.toThrow(/"never" to end.*It runs/);
    const signal = AbortSignal.timeout(100);
    const given = await Promise.allSettled([
      waitFor.port(7002, { signal }),
      waitFor.file('/nowhere', { signal }),
      waitFor.log('ready', { signal }),
      waitFor.exit({ signal }),
    ]);
    // The signal's own reason, and all four at one moment: who awaited them one by one would leave the others without a handler.
    for (const end of given) expect(end).toMatchObject({ status: 'rejected', reason: signal.reason });
  });

  it('fails at once when the machine ends', async () => {
    const sandbox = await small('ends').create();
    const begin = performance.now();
    const waits = [
      sandbox.waitFor.port(7003),
      sandbox.waitFor.file('/nowhere'),
      sandbox.waitFor.command('false'),
      sandbox.waitFor.log('never'),
    ].map((wait) => wait.catch((error) => error.code));
    const exit = sandbox.waitFor.exit();
    await sandbox.shell('sync; echo c >/proc/sysrq-trigger').catch(() => {});
    expect(await Promise.all(waits)).toEqual(Array(4).fill('sandboxCrashed'));
    expect(await exit).toMatchObject({ status: 'crashed' });
    expect(performance.now() - begin, 'long before their time').toBeLessThan(25_000);
    await (await Sandbox.get('ends')).remove();
  });
});
