import { once } from 'node:events';
import { connect } from 'node:net';
import { Sandbox } from '@msbtest/core';
import { describe, expect, it } from 'vitest';
import { ephemeral, killAndRemove, small, socketsOf, usePrivateHome, vmmOf } from './support/vm.js';

usePrivateHome();

describe('exec', () => {
  it('gives stdout, stderr, exit codes and signals as they were', async () => {
    await using sandbox = await ephemeral('exec');

    const both = await sandbox.shell('echo out; echo err >&2; exit 3');
    expect({ out: both.stdout(), err: both.stderr(), ...both.status }).toEqual({
      out: 'out\n',
      err: 'err\n',
      code: 3,
      success: false,
      signal: null,
    });

    expect((await sandbox.shell('kill -9 $$')).status).toEqual({ code: -1, success: false, signal: 9 });
    expect((await sandbox.shell('exit 137')).status).toEqual({ code: 137, success: false, signal: null });

    const configured = await sandbox.execWith('sh', (o) =>
      o.args(['-c', 'echo "$A|$PWD|$(id -u)"']).env('A', 'x=y z').cwd('/tmp').user('guest'),
    );
    expect(configured.stdout()).toBe('x=y z|/tmp|1000\n');

    const bytes = Uint8Array.from({ length: 1024 * 1024 }, (_, i) => (i * 7919) & 255);
    const echoed = await sandbox.execWith('cat', (o) => o.stdinBytes(bytes));
    expect(Buffer.from(echoed.stdoutBytes()).equals(Buffer.from(bytes))).toBe(true);

    expect((await sandbox.exec('cat')).stdout()).toBe(''); // stdin is /dev/null: it ends at once
    expect((await sandbox.execWith('head', (o) => o.args(['-c', '1']).stdinBytes(bytes))).success).toBe(true); // EPIPE is a right
  });

  it('tells what could not be started, and why', async () => {
    await using sandbox = await ephemeral('exec-fails');
    await expect(sandbox.exec('no-such-program')).rejects.toMatchObject({
      code: 'execFailed',
      kind: 'not_found',
      errnoName: 'ENOENT',
    });
    await expect(sandbox.exec('/etc/passwd')).rejects.toMatchObject({
      code: 'execFailed',
      kind: 'permission_denied',
      errnoName: 'EACCES',
    });
    await expect(sandbox.execWith('true', (o) => o.cwd('/nowhere'))).rejects.toMatchObject({
      kind: 'bad_cwd',
      errnoName: 'ENOENT',
    });
    await expect(sandbox.execWith('true', (o) => o.user('nobody-here'))).rejects.toMatchObject({
      kind: 'user_setup_failed',
    });
    expect((await sandbox.exec('true')).success).toBe(true);
  });

  it('keeps a time-out on the host, and the output until then', async () => {
    await using sandbox = await ephemeral('exec-timeout');
    const running = sandbox.execWith('sh', (o) =>
      o.args(['-c', 'echo begun; trap "" TERM; sleep 600']).timeout(700),
    );
    await expect(running).rejects.toMatchObject({
      code: 'execTimeout',
      timeoutMs: 700,
      output: { stdout: 'begun\n' },
    });
    const sleepers = await sandbox.shell('sleep 600 & pidof sleep | wc -w; kill $!'); // this one alone
    expect(sleepers.stdout().trim()).toBe('1');
  });

  it('is ended by an AbortSignal', async () => {
    await using sandbox = await ephemeral('exec-abort');
    const abort = new AbortController();
    const handle = await sandbox.execStreamWith('sleep', (o) => o.arg('600').abortSignal(abort.signal));
    expect(await handle.recv()).toMatchObject({ kind: 'started' });
    abort.abort(new Error('enough'));
    await expect(handle.recv()).rejects.toThrow('enough');
  });

  it('streams events, takes signals and stdin, and gives output before the exit', async () => {
    await using sandbox = await ephemeral('exec-stream');
    const cat = await sandbox.execStreamWith('cat', (o) => o.stdinPipe());
    const stdin = await cat.takeStdin();
    expect(await cat.takeStdin()).toBeNull();
    await stdin?.write('one\n');
    expect(await cat.recv()).toMatchObject({ kind: 'started' });
    expect(await cat.recv()).toEqual({ kind: 'stdout', data: new Uint8Array(Buffer.from('one\n')) });
    await stdin?.close();
    expect(await cat.recv()).toEqual({ kind: 'exited', code: 0, signal: null });
    expect(await cat.recv()).toBeNull();

    const sleeper = await sandbox.execStream('sleep', ['600']);
    await sleeper.signal(15);
    expect(await sleeper.wait()).toEqual({ code: -1, success: false, signal: 15 });

    for (let round = 0; round < 10; round++) {
      const output = await sandbox.shell('head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; exit 7');
      expect([output.stdoutBytes().length, output.stderrBytes().length, output.code]).toEqual([
        300000, 300000, 7,
      ]);
    }
  });

  it('kills what a handle leaves behind, and reaps orphans', async () => {
    await using sandbox = await ephemeral('exec-orphans');
    {
      await using handle = await sandbox.execStream('sleep', ['4242']);
      await handle.recv();
    }
    await sandbox.shell('(sleep 0.05 &) ; true');
    await sandbox.exec('sleep', ['0.3']);
    expect(
      (await sandbox.shell('ps -o stat,args | grep -E "^Z|sleep 4242" | grep -v grep; true')).stdout(),
    ).toBe('');
  });
});

describe('a sandbox', () => {
  it('has the kernel, memory, disk, clock, names and environment that it was given', async () => {
    await using sandbox = await small('Fancy name/ü')
      .env('GREETING', 'hello')
      .workdir('/tmp')
      .ephemeral(true)
      .create();
    const facts = await sandbox.shell(
      'uname -s; hostname; echo $GREETING; pwd; date +%s; nproc; df -m / | tail -1 | awk "{print \\$2}"; cat /proc/1/comm; awk "/MemTotal/{print \\$2}" /proc/meminfo',
    );
    const [system, hostname, greeting, pwd, seconds, cpus, diskMib, init, memoryKib] = facts
      .stdout()
      .split('\n');
    expect([system, greeting, pwd, cpus]).toEqual(['Linux', 'hello', '/tmp', '1']);
    expect(hostname).toMatch(/^Fancy-name-[0-9a-f]{8}$/);
    expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(3);
    expect(Number(diskMib)).toBeGreaterThan(3500);
    expect(init).toMatch(/agentd|init/);
    expect(Number(memoryKib)).toBeGreaterThan(180_000);
    expect(Number(memoryKib)).toBeLessThan(256 * 1024);
    expect(sandbox.bootTimes).toMatchObject({ totalMs: expect.any(Number) });
    expect(await sandbox.ping()).toMatchObject({ latencyMs: expect.any(Number) });
    expect((await sandbox.touch()).activitySeq).toBeGreaterThan(0);
  });

  it('goes through running, stopped, running again and removed', async () => {
    const sandbox = await small('life').create();
    expect(sandbox.ownsLifecycle).toBe(true);
    const handle = await Sandbox.get('life');
    expect(handle.status).toBe('running');
    await expect(handle.start()).rejects.toMatchObject({ code: 'sandboxStillRunning' });
    await expect(handle.remove()).rejects.toMatchObject({ code: 'sandboxStillRunning' });
    const connected = await handle.connect();
    expect(connected.ownsLifecycle).toBe(false);
    expect((await connected.exec('true')).success).toBe(true);
    await connected[Symbol.asyncDispose](); // not its to end
    const late = { signal: AbortSignal.timeout(50) };
    await expect(handle.waitUntilStopped(late)).rejects.toMatchObject({ name: 'TimeoutError' });

    const stopped = await sandbox.stopAndWait();
    expect(stopped).toMatchObject({
      name: 'life',
      outcome: 'graceful',
      status: 'stopped',
      exitCode: 0,
      signal: null,
    });
    expect(stopped.ms).toBeGreaterThan(0);
    expect(stopped.phases.syncMs).toBeGreaterThanOrEqual(0);
    expect((await handle.refresh()).status).toBe('stopped');
    expect(await handle.stop()).toMatchObject({ outcome: 'already-stopped', ms: 0 });
    await expect(handle.connect()).rejects.toMatchObject({ code: 'sandboxNotRunning' });
    await expect(sandbox.exec('true')).rejects.toMatchObject({ code: 'sandboxNotRunning' });

    await using again = await handle.start();
    expect(again.id).toBe(sandbox.id);
    await again.kill();
    expect((await handle.refresh()).status).toBe('stopped');
    await handle.remove();
    await expect(Sandbox.get('life')).rejects.toMatchObject({ code: 'sandboxNotFound' });
    await expect(handle.refresh()).rejects.toMatchObject({ code: 'sandboxNotFound' });
  });

  it('can be used through an object that has done nothing with it before it was stopped and started', async () => {
    const sandbox = await small('restarted').create();
    const handle = await Sandbox.get('restarted');
    await handle.stop();
    await using again = await handle.start();
    expect((await sandbox.exec('true')).success).toBe(true);
    await again.kill();
    await expect(again.ping()).rejects.toMatchObject({ code: 'sandboxNotRunning' }); // nor had this one
    await handle.remove();
  });

  it('can be replaced, and old handles do not mistake the new one for theirs', async () => {
    const first = await small('twice').create();
    const handle = await Sandbox.get('twice');
    await expect(small('twice').create()).rejects.toMatchObject({ code: 'sandboxAlreadyExists' });
    expect((await first.exec('true')).success).toBe(true); // the failed create did it no harm
    await using second = await small('twice').replaceWithTimeout(0).ephemeral(true).create();
    expect(second.id).not.toBe(first.id);
    await expect(handle.stop()).rejects.toMatchObject({ code: 'sandboxReplaced' });
    await expect(first.exec('true')).rejects.toMatchObject({ code: 'sandboxReplaced' });
    expect((await second.exec('true')).success).toBe(true);
  });

  it('has one winner when many create it at once', async () => {
    const results = await Promise.allSettled([1, 2, 3].map(() => small('contested').create()));
    const losers = results.filter((result) => result.status === 'rejected');
    expect(losers).toHaveLength(2);
    for (const { reason } of losers) expect(reason).toMatchObject({ code: 'sandboxAlreadyExists' });
    await killAndRemove('contested');
  });

  it('is listed, page by page', async () => {
    await using one = await ephemeral('one');
    await using two = await ephemeral('two');
    const page = await Sandbox.listWith((list) => list.limit(1));
    expect(page.sandboxes.map(({ name }) => name)).toEqual([one.name]);
    const next = await Sandbox.listWith((list) => list.limit(1).cursor(page.nextCursor ?? ''));
    expect(next.sandboxes.map(({ name }) => name)).toEqual([two.name]);
    expect(next.nextCursor).toBeUndefined();
  });

  it('does not share its disk with another', async () => {
    await using one = await ephemeral('disk-1');
    await using two = await ephemeral('disk-2');
    await one.shell('echo mine > /root/file; sync');
    expect((await two.exec('cat', ['/root/file'])).success).toBe(false);
  });

  it('whose machine dies says so to whoever is using it', async () => {
    const sandbox = await small('dies').create();
    const running = sandbox.exec('sleep', ['600']);
    process.kill(vmmOf(sandbox).pid, 'SIGKILL');
    await expect(running).rejects.toMatchObject({
      code: 'sandboxCrashed',
      message: expect.stringContaining('ended by signal 9'),
    });
    expect((await Sandbox.get('dies')).status).toBe('crashed');
    await (await Sandbox.get('dies')).remove();
  });

  it('whose guest panics is a crash, though its VMM exits with 0', async () => {
    const sandbox = await small('panics').create();
    const running = sandbox.shell('echo c > /proc/sysrq-trigger; sleep 60');
    await expect(running).rejects.toMatchObject({
      code: 'sandboxCrashed',
      console: expect.stringMatching(/sysrq|panic/i),
    });
    expect((await Sandbox.get('panics')).status).toBe('crashed');
    await (await Sandbox.get('panics')).remove();
  });

  it('is stopped gracefully although its relay has all the clients that it takes, once one of them goes', async () => {
    const sandbox = await small('crowded').create();
    await sandbox.shell('printf kept > /root/file');
    const another = await (await Sandbox.get('crowded')).connect();
    // The one that the first command has left for the next is the 128th.
    const clients = Array.from({ length: 127 }, () => connect(socketsOf(sandbox).agent));
    for (const client of clients) client.on('error', () => {});
    await Promise.all(clients.map((client) => once(client, 'data')));
    await expect(another.exec('true')).rejects.toMatchObject({
      code: 'agentProtocol',
      message: expect.stringContaining('too many clients'),
    });
    const stopping = sandbox.stopWithTimeout(20_000);
    setTimeout(() => clients[0]?.destroy(), 300);
    expect(await stopping).toMatchObject({ outcome: 'graceful' });
    for (const client of clients) client.destroy();
    await (await Sandbox.get('crowded')).remove();
  });
});
