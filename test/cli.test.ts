import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Image } from '@msbtest/core';
import { describe, expect, it } from 'vitest';
import { msbtest } from './support/msbtest.js';
import { image, usePrivateHome } from './support/vm.js';

usePrivateHome();

describe('msbtest', () => {
  it('explains itself', async () => {
    const help = await msbtest(['--help']);
    expect(help).toMatchObject({ status: 0, stderr: '' });
    for (const command of [
      'doctor',
      'run',
      'exec',
      'ps',
      'stop',
      'start',
      'rm',
      'logs',
      'images',
      'pull',
      'load',
      'rmi',
      'prune',
    ]) {
      expect(help.stdout).toMatch(new RegExp(`^  ${command}\\s+\\w`, 'm'));
      expect((await msbtest([command, '--help'])).stdout).toMatch(new RegExp(`^Usage: msbtest ${command}`));
    }
  });

  it('says what is wrong with a command line', async () => {
    expect(await msbtest(['fly'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('no command "fly"'),
    });
    expect(await msbtest(['ps', '--colour'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('msbtest ps --help'),
    });
    expect(await msbtest(['stop'])).toMatchObject({ status: 2 });
    expect(await msbtest(['stop', 'x', '--timeout', 'soon'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('whole number'),
    });
    expect(await msbtest(['stop', 'nobody'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('no sandbox named "nobody"'),
    });
    expect(await msbtest(['run', '--pull', 'never', 'no/such:image', '--', 'true'])).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('There is no image'),
    });
  });

  it('doctor tells what was probed, the failing step and the remedy', async () => {
    const fine = await msbtest(['doctor', '--json']);
    expect(fine.status).toBe(0);
    expect(JSON.parse(fine.stdout)).toMatchObject({
      ok: true,
      findings: expect.any(Array),
      places: expect.any(Object),
    });
    const broken = await msbtest(['doctor'], { env: { MSB_QEMU: '/nowhere/qemu' } });
    expect(broken).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/✗ VMM: .*not installed.*apt-get install/),
    });
  });

  it('runs a command in a machine of its own and passes its exit status on', async () => {
    expect(await msbtest(['run', image, '--', 'sh', '-c', 'echo out; echo err >&2; exit 42'])).toEqual({
      status: 42,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    expect(JSON.parse((await msbtest(['ps', '--all', '--json'])).stdout)).toEqual([]);
  });

  it('goes through run, exec, ps, logs, stop, start and rm', async () => {
    const ran = await msbtest(['run', '--detach', '--json', '--name', 'web', '--memory', '256', image]);
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(ran.stdout)).toMatchObject({ name: 'web', bootMs: expect.any(Number) });

    expect(
      await msbtest(['exec', '-i', '-e', 'A=b', '-w', '/tmp', 'web', '--', 'sh', '-c', 'echo $A; pwd; cat'], {
        input: 'from stdin',
      }),
    ).toMatchObject({
      status: 0,
      stdout: 'b\n/tmp\nfrom stdin',
    });
    expect((await msbtest(['exec', 'web', '--', 'sh', '-c', 'kill -TERM $$'])).status).toBe(128 + 15);
    expect(await msbtest(['exec', 'web', 'nowhere'])).toMatchObject({
      status: 127,
      stderr: expect.stringContaining('could not be started'),
    });
    expect((await msbtest(['exec', 'web', '/etc/passwd'])).status).toBe(126);

    expect((await msbtest(['ps'])).stdout).toMatch(
      /^NAME +STATUS +IMAGE +CREATED +CAME\nweb +running .* clone, \d+ ms\n$/,
    );
    expect(JSON.parse((await msbtest(['ps', '--json'])).stdout)).toMatchObject([
      { name: 'web', status: 'running', image, cpus: 1, memoryMib: 256 },
    ]);

    await msbtest([
      'exec',
      'web',
      '--',
      'sh',
      '-c',
      'echo kept > /root/file; echo "on the console" > /dev/console',
    ]);
    expect((await msbtest(['logs', '--source', 'system', 'web'])).stdout).toContain('on the console');
    expect(await msbtest(['logs', 'web'])).toEqual({ status: 0, stdout: 'b\n/tmp\nfrom stdin', stderr: '' });
    const entries = (await msbtest(['logs', '--json', '--source', 'all', 'web'])).stdout.trim().split('\n');
    expect(entries.map((line) => JSON.parse(line))).toContainEqual({
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      source: 'system',
      sessionId: null,
      text: '--- sandbox started ---\n',
      cursor: expect.any(String),
    });
    expect((await msbtest(['logs', '--timestamps', '--tail', '1', '--since', '1h', 'web'])).stdout).toMatch(
      /^\d{4}-\S+Z from stdin\n$/,
    );
    expect((await msbtest(['logs', '--until', '1h', 'web'])).stdout).toBe('');
    for (const wrong of [
      ['--since', 'yesterday'],
      ['--source', 'stdin'],
      ['--tail', 'all'],
    ]) {
      expect(await msbtest(['logs', ...wrong, 'web'])).toMatchObject({
        status: 2,
        stderr: expect.stringContaining(`${wrong[0]} takes`),
      });
    }

    expect((await msbtest(['rm', 'web'])).stderr).toContain('is running. Stop it first');
    const following = msbtest(['logs', '--follow', '--tail', '0', 'web']);
    await msbtest(['exec', 'web', '--', 'sh', '-c', 'echo err >&2; echo one more']);
    expect(JSON.parse((await msbtest(['stop', '--json', 'web'])).stdout)).toMatchObject({
      outcome: 'graceful',
      status: 'stopped',
    });
    expect((await following).stdout).toMatch(/^(one more\n)?$/); // it may have come to look only then
    expect(await msbtest(['logs', '--tail', '2', 'web'])).toEqual({
      status: 0,
      stdout: 'one more\n',
      stderr: 'err\n',
    });
    expect((await msbtest(['ps', '--json'])).stdout).toBe('[]\n');
    expect(JSON.parse((await msbtest(['ps', '-a', '--json'])).stdout)).toMatchObject([
      { name: 'web', status: 'stopped' },
    ]);

    expect(await msbtest(['start', 'web'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^web: running after \d+ ms\n$/),
    });
    expect(await msbtest(['exec', 'web', 'cat', '/root/file'])).toEqual({
      status: 0,
      stdout: 'kept\n',
      stderr: '',
    });
    expect(await msbtest(['rm', '--force', 'web'])).toMatchObject({ status: 0, stderr: '' });
    expect((await msbtest(['ps', '-a', '--json'])).stdout).toBe('[]\n');
  });

  it('gives images by name', async () => {
    await Image.get(image); // the store has it from when it is first asked for
    expect(JSON.parse((await msbtest(['images', '--json'])).stdout)).toContainEqual(
      expect.objectContaining({ reference: image }),
    );
    expect(await msbtest(['load', '/nowhere', '--tag', 'x'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('There is no image at /nowhere'),
    });
    const root = mkdtempSync(join(tmpdir(), 'msb-root-'));
    try {
      writeFileSync(join(root, 'file'), 'content');
      const { stdout } = await msbtest(['load', root, '--tag', 'of-a-directory', '--json']);
      expect(JSON.parse(stdout)).toMatchObject([{ reference: 'docker.io/library/of-a-directory:latest' }]);
      expect(await msbtest(['load', root])).toMatchObject({
        status: 1,
        stderr: expect.stringContaining('--tag'),
      });
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
