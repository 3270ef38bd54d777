import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, closeFd, messagePair } from '../index.js';

/** The two ends, each of which can ask; closed after the test. */
const pair = (t) => {
  const ends = messagePair();
  const open = new Set(ends);
  const close = (fd) => open.delete(fd) && closeFd(fd);
  t.after(() => ends.forEach(close));
  return { ours: ends[0], theirs: ends[1], close };
};

const file = (t, text) => {
  const directory = mkdtempSync(join(tmpdir(), 'msb-native-'));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'file'), text);
  const fd = openSync(join(directory, 'file'), 'r');
  t.after(() => closeSync(fd));
  return fd;
};

const read = (fd) => {
  const buffer = Buffer.alloc(64);
  return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, 0)).toString();
};

test('ask: bytes and descriptors arrive, whole and in their order', async (t) => {
  const { ours, theirs } = pair(t);
  const [one, two] = [file(t, 'one'), file(t, 'two')];
  const here = ask(ours, Buffer.from('question'), [one, two], 5000);
  const there = await ask(theirs, Buffer.from('answer'), [], 5000);
  assert.equal(there.bytes.toString(), 'question');
  assert.deepEqual(there.fds.map(read), ['one', 'two']);
  for (const fd of there.fds) {
    assert.match(
      readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'),
      /^flags:\s*0?2\d*0000\d*$/m,
      'close-on-exec',
    );
    closeFd(fd);
  }
  const { bytes, fds } = await here;
  assert.deepEqual([bytes.toString(), fds], ['answer', []]);
});

test('ask: the other side has gone, before or after', async (t) => {
  const gone = pair(t);
  gone.close(gone.theirs);
  await assert.rejects(ask(gone.ours, Buffer.from('x'), [], 5000), { code: 'EPIPE' });

  const going = pair(t);
  const asked = ask(going.ours, Buffer.from('x'), [], 5000);
  going.close(going.theirs);
  await assert.rejects(asked, (error) => ['EPIPE', 'ECONNRESET'].includes(error.code));
});

test('ask: no answer in time, and one that is too long to send', async (t) => {
  const { ours } = pair(t);
  await assert.rejects(ask(ours, Buffer.from('x'), [], 20), { code: 'ETIMEDOUT' });
  await assert.rejects(ask(ours, Buffer.alloc(32 * 1024 + 1), [], 20), { code: 'EMSGSIZE' });
  await assert.rejects(ask(ours, Buffer.from('x'), Array(65).fill(0), 20), { code: 'EMSGSIZE' });
});

test('ask: an argument of another kind is named', (t) => {
  const { ours } = pair(t);
  assert.throws(() => ask(ours, 'text', [], 20), /`bytes`/);
  assert.throws(() => ask(ours, Buffer.from('x'), ['a'], 20), /`fds/);
  assert.throws(() => ask(-1, Buffer.from('x'), [], 20), /`socket`/);
});
