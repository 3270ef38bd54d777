import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect as netConnect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Sandbox, TcpStream } from '@msbtest/core';
import { describe, expect, it } from 'vitest';
import { ephemeral, eventually, small, usePrivateHome, vmmOf } from './support/vm.js';

usePrivateHome();

const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const noise = (length: number) => Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7919) ^ (i >> 9)));

/** Runs a script for each connection to that port, and waits until somebody listens there. */
async function serve(sandbox: Sandbox, port: number, script: string): Promise<void> {
  const started = await sandbox.shell(`nc -ll -p ${port} -e /bin/sh -c '${script}' >/dev/null 2>&1 &`);
  expect(started.success).toBe(true);
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const listens = async () =>
    (await sandbox.shell(`grep -q ':${hex} .* 0A ' /proc/net/tcp /proc/net/tcp6`)).success;
  await eventually(listens, 10_000, `somebody listens on ${port}`);
}

async function everything(stream: TcpStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a connection into the guest', () => {
  it('carries bytes both ways, whole and in order, several at once', async () => {
    await using sandbox = await ephemeral('echoes');
    await serve(sandbox, 7001, 'cat');
    const bytes = noise(2 * 1024 * 1024);
    const echoes = await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const stream = await sandbox.connect(7001);
        stream.end(bytes);
        return sha(await everything(stream));
      }),
    );
    expect(echoes).toEqual(Array(4).fill(sha(bytes)));
    expect((await sandbox.exec('true')).success).toBe(true);
  });

  it('can be ended in one direction, and the other goes on', async () => {
    await using sandbox = await ephemeral('counts');
    await serve(sandbox, 7002, 'wc -c');
    const stream = await sandbox.connect(7002, { host: '127.0.0.1' });
    stream.write('12345');
    stream.end('678');
    expect((await text(stream)).trim()).toBe('8');
  });

  it('keeps what is written last, though both sides have ended', async () => {
    await using sandbox = await ephemeral('keeps');
    await serve(sandbox, 7004, 'echo hello; exec wc -c >/root/count');
    const stream = await sandbox.connect(7004);
    expect(`${(await once(stream, 'data'))[0]}`).toBe('hello\n');
    stream.end(noise(700_000));
    await once(stream, 'close');
    const count = async () => Number((await sandbox.shell('cat /root/count')).stdout());
    await eventually(async () => (await count()) === 700_000, 10_000, 'all of it has arrived');
  });

  it('makes who writes wait for who does not read', async () => {
    await using sandbox = await ephemeral('waits');
    await serve(sandbox, 7003, 'exec sleep 1000');
    const stream = await sandbox.connect(7003);
    const fate = once(stream, 'error');
    let taken = 0;
    const step = Buffer.alloc(256 * 1024);
    for (let stuck = false; !stuck; ) {
      const written = new Promise<boolean>((resolve) => stream.write(step, () => resolve(true)));
      stuck = !(await Promise.race([written, new Promise<boolean>((r) => setTimeout(r, 3_000, false))]));
      taken += stuck ? 0 : step.length;
      expect(taken).toBeLessThan(16 * 1024 * 1024);
    }
    expect(taken).toBeGreaterThan(512 * 1024);
    expect((await sandbox.exec('true')).success).toBe(true); // nobody else waits
    await sandbox.exec('killall', ['sleep']);
    expect(await fate).toMatchObject([{ code: 'connectFailed', errnoName: expect.stringMatching(/^E/) }]);
  });

  it('is refused where nobody listens, and where there cannot be anybody', async () => {
    await using sandbox = await ephemeral('refuses');
    await expect(sandbox.connect(7999)).rejects.toMatchObject({
      code: 'connectFailed',
      errnoName: 'ECONNREFUSED',
      message:
        'No connection to localhost:7999 in the guest: connect: Connection refused. Nobody listens there (yet).',
    });
    await expect(sandbox.connect(80, { host: 'example.com' })).rejects.toMatchObject({ errnoName: 'EINVAL' });
    await expect(sandbox.connect(80, { host: '192.0.2.1' })).rejects.toMatchObject({
      errnoName: 'ENETUNREACH',
    });
    for (const port of [0, 65_536, 1.5, Number.NaN])
      await expect(sandbox.connect(port)).rejects.toMatchObject({ code: 'invalidConfig' });
    const signal = AbortSignal.abort(new Error('changed my mind'));
    await expect(sandbox.connect(7999, { signal })).rejects.toThrow('changed my mind');
  });

  it('leaves nothing in the guest when it is destroyed', async () => {
    await using sandbox = await ephemeral('leaves');
    await serve(sandbox, 7001, 'cat');
    const stream = await sandbox.connect(7001);
    stream.write('x');
    await once(stream, 'data');
    stream.destroy();
    await eventually(
      async () => !(await sandbox.shell('pidof cat')).success,
      10_000,
      'its server has seen the end',
    );
  });
});

describe('a port that is forwarded', () => {
  it('is one of this host, for fetch and for sockets', async () => {
    await using sandbox = await ephemeral('forwards');
    await sandbox.shell('mkdir /www; echo from the guest > /www/file; httpd -p 127.0.0.1:8080 -h /www');
    await using forward = await sandbox.forward(8080);
    expect(forward.url).toBe(`http://127.0.0.1:${forward.port}`);
    const answers = [1, 2, 3].map(async () => (await fetch(`${forward.url}/file`)).text());
    expect(await Promise.all(answers)).toEqual(Array(3).fill('from the guest\n'));
    expect((await fetch(`${forward.url}/none`)).status).toBe(404);
    await expect(sandbox.forward(8080, { port: forward.port })).rejects.toMatchObject({ code: 'io' });

    await serve(sandbox, 7002, 'wc -c');
    await using other = await sandbox.forward(7002);
    const socket = netConnect({ port: other.port, host: other.host, allowHalfOpen: true });
    socket.end(noise(100_000));
    expect((await text(socket)).trim()).toBe('100000');
  });

  it('breaks connections where nobody listens, and those that there are when it is closed', async () => {
    await using sandbox = await ephemeral('breaks');
    const nobody = await sandbox.forward(7999);
    const refused = netConnect(nobody.port);
    expect(await once(refused, 'error')).toMatchObject([{ code: 'ECONNRESET' }]);

    await serve(sandbox, 7001, 'cat');
    const echo = await sandbox.forward(7001);
    const socket = netConnect(echo.port);
    socket.write('x');
    await once(socket, 'data');
    socket.on('error', () => {});
    const closed = once(socket, 'close');
    await echo.close();
    await closed;
    await eventually(
      async () => !(await sandbox.shell('pidof cat')).success,
      10_000,
      'its server has seen the end',
    );
  });

  it('goes with the object that made it', async () => {
    const sandbox = await ephemeral('goes');
    const { port } = await sandbox.forward(1234);
    await sandbox[Symbol.asyncDispose]();
    expect(await once(netConnect(port), 'error')).toMatchObject([{ code: 'ECONNREFUSED' }]);
  });
});

it('tells of the machine’s end to whoever is connected', async () => {
  await using sandbox = await small('dies').ephemeral(true).create();
  await serve(sandbox, 7001, 'cat');
  const stream = await sandbox.connect(7001);
  const fate = once(stream, 'error');
  process.kill(vmmOf(sandbox).pid, 'SIGKILL');
  expect(await fate).toMatchObject([{ code: 'sandboxCrashed' }]);
  await expect(sandbox.connect(7001)).rejects.toMatchObject({ code: 'sandboxCrashed' });
});
