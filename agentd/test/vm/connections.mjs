// SPDX-License-Identifier: Apache-2.0
// Connections that the host makes into the guest.
import { createHash } from 'node:crypto';
import { boot } from './machine.mjs';

const sha = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Asks for a connection; what comes back is gathered as it comes. */
function dial(line, port, host = 'localhost', id = line.nextId++) {
  const from = line.frames.length;
  line.send(id, 'core.tcp.connect', { host, port });
  const of = (t) => line.frames.slice(from).filter((f) => f.id === id && f.t === t);
  const next = (t, ms) => line.wait((f) => f.id === id && f.t === t, ms, t, from);
  return {
    id,
    of,
    next,
    first: () => line.wait((f) => f.id === id, 10000, 'an answer', from),
    data: (bytes) => line.send(id, 'core.tcp.data', { data: Buffer.from(bytes) }),
    eof: () => line.send(id, 'core.tcp.eof', {}),
    close: () => line.send(id, 'core.tcp.close', {}),
    received: () => Buffer.concat(of('core.tcp.data').map((f) => f.p.data)),
    end: () => line.wait((f) => f.id === id && f.flags & 1, 20000, 'the end', from),
  };
}

/** A server in the guest that serves each connection with a shell script, once it listens. */
async function listen(line, port, script) {
  const server = line.start('nc', ['-ll', '-p', `${port}`, '-e', '/bin/sh', '-c', script]);
  await listens(line, server, port);
  return server;
}

async function listens(line, server, port) {
  await server.started();
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const r = await line.sh(
    `for i in $(seq 200); do grep -q ":${hex} .* 0A " /proc/net/tcp /proc/net/tcp6 && exit 0; sleep 0.05; done; exit 1`,
  );
  if (r.code !== 0) throw new Error(`nobody listens: ${server.stderr()}`);
}

export async function connects(t) {
  const { line } = await boot(t);
  const before = (await line.sh('ls /proc/1/fd | wc -l')).stdout;
  let c = dial(line, 7000);
  let answer = await c.end();
  t.is(
    [answer.t, answer.p.errno_name, answer.p.error],
    ['core.tcp.failed', 'ECONNREFUSED', 'connect: Connection refused'],
    'where nobody listens',
  );
  answer = await dial(line, 7000, 'example.com').end();
  t.is([answer.t, answer.p.errno_name], ['core.tcp.failed', 'EINVAL'], 'names are not looked up');
  for (const payload of [
    { host: 'localhost', port: 0 },
    { host: 'localhost', port: 65536 },
    { port: 80 },
    { host: 7, port: 80 },
  ]) {
    const id = line.nextId++;
    line.send(id, 'core.tcp.connect', payload);
    t.is(
      (await line.wait((f) => f.id === id)).p.kind,
      'invalid_payload',
      `not a connection: ${JSON.stringify(payload)}`,
    );
  }

  const servers = [await listen(line, 7001, 'read a; echo "got $a"; read b; echo "then $b"')];
  c = dial(line, 7001);
  t.is((await c.first()).t, 'core.tcp.connected', 'connected');
  const crossed = line.start('true', [], { id: c.id });
  t.is((await crossed.end()).p.kind, 'invalid_session', 'its id is no command’s meanwhile');
  c.data('one\n');
  await line.wait(() => `${c.received()}` === 'got one\n', 10000, 'its word');
  c.data('two\n');
  await c.next('core.tcp.eof');
  t.is(`${c.received()}`, 'got one\nthen two\n', 'there and back, and the end of it');
  c.eof();
  t.ok(await c.next('core.tcp.closed'), 'closed when both have ended');

  c = dial(line, 7001, '127.0.0.1');
  await c.first();
  c.close();
  t.is((await c.end()).t, 'core.tcp.closed', 'closed by the host, at once');
  c.data('late'); // no error: the two have crossed on the wire
  c.eof();
  t.is((await line.sh('true')).code, 0, 'and nothing comes of what comes late');

  servers.push(await listen(line, 7002, 'cat'));
  const bytes = Buffer.from(Uint8Array.from({ length: 3 << 20 }, (_, i) => (i * 7919) ^ (i >> 9)));
  const many = Array.from({ length: 4 }, () => dial(line, 7002));
  for (const one of many) {
    await one.first();
    for (let at = 0; at < bytes.length; at += 65536) one.data(bytes.subarray(at, at + 65536));
    one.eof();
  }
  const ends = await Promise.all(many.map((one) => one.end()));
  t.ok(
    ends.every((end) => end.t === 'core.tcp.closed') &&
      many.every((one) => sha(one.received()) === sha(bytes)),
    'four times 3 MiB there and back, whole and in order',
  );
  const taken = many.map((one) => one.of('msb.taken').reduce((sum, f) => sum + f.p.bytes, 0));
  t.ok(
    taken.every((n) => n <= bytes.length && n > bytes.length - 131072),
    'what is taken is told',
    taken,
  );

  servers.push(await listen(line, 7003, 'exec sleep 1000'));
  c = dial(line, 7003);
  await c.first();
  for (let i = 0; i < 200 && c.of('core.tcp.failed').length === 0; i++) {
    c.data(Buffer.alloc(65536));
    if (i % 20 === 19) await line.sh('true');
  }
  answer = await c.end();
  t.is([answer.t, answer.p.errno_name], ['core.tcp.failed', 'ENOBUFS'], 'a queue that is full ends it');

  const six = line.start('httpd', ['-f', '-p', '[::1]:7004', '-h', '/']);
  servers.push(six);
  await listens(line, six, 7004);
  c = dial(line, 7004);
  t.is((await c.first()).t, 'core.tcp.connected', 'localhost is ::1, too');
  c.eof();
  await c.end();

  servers.push(await listen(line, 7005, 'exec cat /dev/zero'));
  c = dial(line, 7005);
  await c.first();
  line.send(0, 'msb.flow', { id_start: c.id, id_end_exclusive: c.id + 1, paused: true });
  await line.sh('true');
  const held = c.received().length;
  await line.sh('sleep 0.2');
  t.is(c.received().length, held, 'nothing is read for a client that wants a pause');
  line.send(0, 'msb.flow', { id_start: c.id, id_end_exclusive: c.id + 1, paused: false });
  await line.wait(() => c.received().length > held + 1000000, 10000, 'more');
  line.send(0, 'core.relay.client.disconnected', { id_start: c.id, id_end_exclusive: c.id + 1 });
  const gone = `for i in $(seq 100); do pidof cat >/dev/null || exit 0; sleep 0.05; done; exit 1`;
  t.is((await line.sh(gone)).code, 0, 'a client that goes takes its connections with it');
  t.is(c.of('core.tcp.closed').length + c.of('core.tcp.failed').length, 0, 'and is told nothing');

  for (const server of servers) {
    server.signal(9);
    await server.end();
  }
  t.is((await line.sh('ls /proc/1/fd | wc -l')).stdout, before, 'no descriptor is left');
}
