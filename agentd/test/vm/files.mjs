// SPDX-License-Identifier: Apache-2.0
// The guest's files, asked for frame by frame.
import { boot } from './machine.mjs';

function ask(line, op, fields, id = line.nextId++) {
  const from = line.frames.length;
  line.send(id, 'core.fs.request', { op: { [op]: fields } });
  const of = (t) => line.frames.slice(from).filter((f) => f.id === id && f.t === t);
  return {
    id,
    of,
    data: (bytes) => line.send(id, 'core.fs.data', { data: Buffer.from(bytes) }),
    end: () => line.wait((f) => f.id === id && f.flags & 1, 20000, 'an answer', from).then((f) => f.p),
  };
}

const open = async (line, path, options) =>
  (await ask(line, 'OpenFile', { path, options }).end()).data.Handle;

/** Process servers that there are. */
const servers = async (line) =>
  Number((await line.sh('cat /proc/[0-9]*/comm | grep -c agentd-fs')).stdout.trim());

export async function serves_files(t) {
  const { line } = await boot(t);
  t.is(await servers(line), 0, 'nobody serves files before they are asked for');
  const handle = await open(line, '/root/file', { write: true, create: true });
  const write = ask(line, 'Write', { handle, offset: 0, len: 5 });
  write.data('hel');
  const other = await ask(line, 'Stat', { path: '/root/file', follow_symlink: true }).end();
  t.is(
    [other.ok, other.data.Stat.kind, other.data.Stat.size],
    [true, 'file', 3],
    'another request in between',
  );
  const crossed = line.start('true', [], { id: write.id });
  t.is((await crossed.end()).p.kind, 'invalid_session', 'its id is no command’s meanwhile');
  write.data('lo');
  write.data('');
  const written = await line.wait((f) => f.id === write.id && f.t === 'core.fs.response');
  t.is(written.p, { ok: true }, 'written');
  write.data('late'); // no error: the two have crossed on the wire
  t.is((await line.sh('cat /root/file')).stdout, 'hello', 'and it is there');
  let answer = await ask(line, 'Stat', { path: '/nowhere', follow_symlink: true }).end();
  t.is(
    [answer.ok, answer.errno, answer.errno_name, answer.error],
    [false, 2, 'ENOENT', 'stat: No such file or directory'],
    'a refusal has its errno',
  );

  t.is(await servers(line), 1, 'one serves them all');
  await line.sh('for p in /proc/[0-9]*; do grep -q agentd-fs $p/comm && kill -9 $(basename $p); done');
  answer = await ask(line, 'FStat', { handle }).end();
  t.ok(
    answer.ok === false && ['EBADF', 'EIO'].includes(answer.errno_name),
    'its handles are gone with it',
    answer,
  );
  t.is((await ask(line, 'List', { path: '/root' }).end()).ok, true, 'another takes its place');

  await line.sh('mkfifo /root/pipe');
  const stuck = ask(line, 'OpenFile', { path: '/root/pipe', options: { read: true } });
  const behind = ask(line, 'RealPath', { path: '/' });
  t.is((await line.sh('echo on')).stdout, 'on\n', 'one that hangs holds up no command');
  for (let i = 0; i < 300 && behind.of('core.fs.response').length === 0; i++) {
    ask(line, 'RealPath', { path: '/' });
    if (i % 50 === 49) await line.sh('true');
  }
  t.is(behind.of('core.fs.response').length, 0, 'but what its client asks after it');
  const refused = line.frames.filter((f) => f.p.errno_name === 'EAGAIN');
  t.ok(refused.length >= 40, 'of which there is a bound', refused.length);
  line.send(0, 'core.relay.client.disconnected', { id_start: 1, id_end_exclusive: 33554432 });
  await line.sh(
    'for i in $(seq 100); do cat /proc/[0-9]*/comm | grep -q agentd-fs || exit 0; sleep 0.05; done; exit 1',
    {
      id: 40000000,
    },
  );
  t.is(
    [stuck.of('core.fs.response').length, behind.of('core.fs.response').length],
    [0, 0],
    'a client that goes ends it',
  );

  const slow = ask(line, 'OpenFile', { path: '/root/pipe', options: { read: true } });
  const full = ask(line, 'RealPath', { path: '/' });
  for (let i = 0; i < 40; i++) full.data(Buffer.alloc(262144));
  t.is(
    [(await slow.end()).errno_name, (await full.end()).errno_name],
    ['ENOBUFS', 'ENOBUFS'],
    'a queue that is full ends it',
  );
  t.is((await ask(line, 'RealPath', { path: '/root/..' }).end()).data.Path, '/', 'and the next is served');
}
