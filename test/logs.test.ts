import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type LogEntry, type LogStream, Sandbox } from '@msbtest/core';
import { describe, expect, it } from 'vitest';
import { ephemeral, eventually, killAndRemove, small, usePrivateHome, vmmOf } from './support/vm.js';
import { createBy, ways } from './support/ways.js';

usePrivateHome();

/** What a follower may take to hear of something; the machine's own time is not in it. */
const momentMs = 5_000;

const plain = (entries: readonly LogEntry[]) =>
  entries.map((entry) => `${entry.sessionId} ${entry.source} ${entry.text()}`);

/** Collects what a stream gives, in the background. */
function collected(stream: LogStream) {
  const entries: LogEntry[] = [];
  const end = (async () => {
    for await (const entry of stream) entries.push(entry);
  })();
  end.catch(() => {}); // for whoever awaits it
  const has = (text: string) =>
    eventually(() => entries.some((entry) => entry.text().includes(text)), momentMs, `"${text}" in the log`);
  return { entries, end, has };
}

it('logs_captures_exec_stdout_from_running_sandbox', async () => {
  await using sandbox = await ephemeral('captures');
  const before = new Date();
  await sandbox.shell('echo out; echo err >&2');
  const entries = await sandbox.logs();
  expect(plain(entries).sort()).toEqual(['1 stderr err\n', '1 stdout out\n']);
  for (const { timestamp, data } of entries) {
    expect(data).toBeInstanceOf(Uint8Array);
    expect(timestamp.getTime()).toBeGreaterThanOrEqual(before.getTime());
    expect(timestamp.getTime()).toBeLessThanOrEqual(Date.now());
  }
});

it('log_stream_follow_catches_live_writes', async () => {
  await using sandbox = await ephemeral('follows');
  const { entries, end, has } = collected(await sandbox.logStream({ follow: true }));
  for (const word of ['first', 'second', 'third']) {
    await sandbox.exec('echo', [word]);
    await has(word);
  }
  await sandbox.kill();
  await end;
  expect(plain(entries)).toEqual(['1 stdout first\n', '2 stdout second\n', '3 stdout third\n']);
});

it('log_stream_resume_from_cursor_excludes_replayed_entries', async () => {
  await using sandbox = await ephemeral('resumes');
  for (const word of ['a', 'b', 'c']) await sandbox.exec('echo', [word]);
  await using stream = await sandbox.logStream();
  const [a, b] = [await stream.recv(), await stream.recv()];
  expect([a?.text(), b?.text()]).toEqual(['a\n', 'b\n']);
  await sandbox.exec('echo', ['d']);
  const handle = await Sandbox.get('resumes');
  for (const [cursor, rest] of [
    [a?.cursor, 'b\nc\nd\n'],
    [b?.cursor, 'c\nd\n'],
  ]) {
    await using resumed = await handle.logStream({ fromCursor: cursor ?? '' });
    let text = '';
    for await (const entry of resumed) text += entry.text();
    expect(text).toBe(rest);
  }
  await expect(sandbox.logStream({ fromCursor: 'nonsense' })).rejects.toMatchObject({
    code: 'invalidCursor',
  });
  await expect(sandbox.logStream({ fromCursor: b?.cursor ?? '', since: new Date() })).rejects.toMatchObject({
    code: 'invalidConfig',
  });
});

describe('logs', () => {
  it('are selected by source, time and number, and those of a terminal are one stream', async () => {
    await using sandbox = await ephemeral('selects');
    await sandbox.shell('echo one');
    await sandbox.execWith('sh', (o) => o.args(['-c', 'echo two; echo three >&2']).tty(true));
    const all = await sandbox.logs();
    expect(all.map(({ source }) => source)).toContain('output');
    const terminal = await sandbox.logs({ sources: ['output'] });
    expect(terminal.map((entry) => entry.text()).join('')).toBe('two\r\nthree\r\n');
    expect(plain(await sandbox.logs({ tail: 1, sources: ['stdout'] }))).toEqual(['1 stdout one\n']);
    const since = terminal[0]?.timestamp ?? new Date();
    expect(await sandbox.logs({ since })).toEqual(terminal);
    expect(plain(await sandbox.logs({ until: since }))).toEqual(['1 stdout one\n']);
    const system = await sandbox.logs({ sources: ['system'] });
    expect(system[0]).toMatchObject({ sessionId: null, source: 'system' });
    expect(system[0]?.text()).toBe('--- sandbox started ---\n');
  });

  it('have the console, line by line, with the times of its lines', async () => {
    await using sandbox = await ephemeral('console');
    await sandbox.shell('echo on the console > /dev/console');
    const lines = async () => (await sandbox.logs({ sources: ['system'] })).map((entry) => entry.text());
    await eventually(
      async () => (await lines()).some((line) => line.trimEnd() === 'on the console'),
      momentMs,
      'it is there',
    );
  });

  it('stay over a restart, of whoever ran them, with the marks between; a follower ends with the machine', async () => {
    const sandbox = await small('restarts').create();
    await sandbox.exec('echo', ['before']);
    await sandbox.stop();
    const handle = await Sandbox.get('restarts');
    const stopped = await handle.logs({ sources: ['all'] });
    expect(stopped.at(-1)?.text()).toBe('--- sandbox stopped ---\n');
    await using over = await handle.logStream({ follow: true, sources: ['all'] });
    for await (const _ of over); // it is over at once
    const again = await handle.start();
    await using resumed = await handle.logStream({ follow: true, fromCursor: stopped.at(-1)?.cursor ?? '' });
    const { entries, end, has } = collected(resumed);
    await again.exec('echo', ['after']);
    await has('after');
    await again.stop();
    await end;
    expect(plain(entries)).toEqual(['2 stdout after\n']);
    expect(plain(await handle.logs())).toEqual(['1 stdout before\n', '2 stdout after\n']);
    const marks = (await handle.logs({ sources: ['system'] })).filter((entry) =>
      entry.text().startsWith('---'),
    );
    expect(marks.map((entry) => entry.text().slice(12, 19))).toEqual([
      'started',
      'stopped',
      'started',
      'stopped',
    ]);
    await handle.remove();
    await expect(handle.logs()).rejects.toMatchObject({ code: 'sandboxNotFound' });
  });

  it.each(ways)('are those of the machine that came as %s', async (way) => {
    await using sandbox = await createBy(way, small('comes').ephemeral(true));
    const { entries, end, has } = collected(await (await Sandbox.get('comes')).logStream({ follow: true }));
    await sandbox.exec('echo', ['hello']);
    await has('hello');
    await sandbox.kill();
    await end;
    expect(entries.map((entry) => entry.text())).toEqual(['hello\n']);
  });

  it('of a flood cost a bounded amount of disk, and who was too slow for it is told', async () => {
    await using sandbox = await ephemeral('floods');
    await sandbox.exec('echo', ['first']);
    await using slow = await sandbox.logStream();
    const [first] = await sandbox.logs();
    expect((await slow.recv())?.text()).toBe('first\n');
    const flood = await sandbox.execStream('sh', ['-c', 'head -c 40000000 /dev/zero; echo; echo last']);
    let bytes = 0;
    for await (const event of flood) if (event.kind === 'stdout') bytes += event.data.length;
    expect(bytes).toBe(40_000_006);
    const directory = dirname(sandbox.diskPath);
    const files = readdirSync(directory).filter((name) => name.startsWith('exec.'));
    const sizes = files.map((name) => statSync(join(directory, name)).size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(17 * 1024 * 1024);
    expect((await sandbox.logs({ tail: 1 }))[0]?.text().endsWith('last\n')).toBe(true);
    await expect(sandbox.logStream({ fromCursor: first?.cursor ?? '' })).rejects.toMatchObject({
      code: 'missedRotation',
    });
    const rest = async () => {
      for await (const _ of slow);
    };
    await expect(rest()).rejects.toMatchObject({ code: 'missedRotation' });
    expect(await slow.recv()).toBeNull();
  });
});

describe('a stream that follows', () => {
  it('is ended by its signal, by disposal, and when its time is over', async () => {
    await using sandbox = await ephemeral('ends');
    const abort = new AbortController();
    const aborted = (await sandbox.logStream({ follow: true, signal: abort.signal })).recv();
    await using disposed = await sandbox.logStream({ follow: true });
    const received = disposed.recv();
    setTimeout(() => abort.abort(new Error('enough')), 200);
    await expect(aborted).rejects.toThrow('enough');
    await disposed[Symbol.asyncDispose]();
    expect(await received).toBeNull();
    expect(await disposed.recv()).toBeNull();
    const timed = await sandbox.logStream({ follow: true, until: new Date(Date.now() + 300) });
    expect(await timed.recv()).toBeNull();
  });

  it('can be left and gone on with', async () => {
    await using sandbox = await ephemeral('left');
    for (const word of ['a', 'b']) await sandbox.exec('echo', [word]);
    await using stream = await sandbox.logStream({ follow: true });
    for await (const entry of stream) {
      expect(entry.text()).toBe('a\n');
      break;
    }
    expect((await stream.recv())?.text()).toBe('b\n');
  });

  it.each(['VMM', 'relay'])('ends when the %s is killed', async (which) => {
    const sandbox = await small('killed').create();
    await sandbox.exec('echo', ['hello']);
    const { pid, relay } = vmmOf(sandbox);
    const { entries, end, has } = collected(await sandbox.logStream({ follow: true }));
    await has('hello');
    process.kill(which === 'VMM' ? pid : relay, 'SIGKILL');
    const begin = performance.now();
    await end;
    expect(performance.now() - begin).toBeLessThan(momentMs);
    expect(entries.map((entry) => entry.text())).toEqual(['hello\n']);
    await killAndRemove('killed');
  });

  it('ends when the sandbox is removed, and with all that was said', async () => {
    const sandbox = await ephemeral('removed');
    const { entries, end } = collected(await sandbox.logStream({ follow: true }));
    await sandbox.exec('echo', ['last words']);
    await sandbox[Symbol.asyncDispose]();
    await end;
    expect(entries.map((entry) => entry.text())).toEqual(['last words\n']);
  });

  it('loses nothing and repeats nothing of what two commands write at once, over several files', async () => {
    await using sandbox = await ephemeral('busy');
    const stream = await sandbox.logStream({ follow: true });
    const texts = new Map<number, string>();
    const reading = (async () => {
      for await (const { sessionId, data } of stream) {
        const id = sessionId ?? 0;
        texts.set(id, (texts.get(id) ?? '') + Buffer.from(data).toString('latin1'));
        if ([...texts.values()].filter((text) => text.endsWith('end\n')).length === 2) return;
      }
    })();
    const script = 'head -c 3000000 /dev/urandom | base64; echo end';
    const outputs = await Promise.all([script, script].map((one) => sandbox.shell(one)));
    await reading;
    expect([...texts.values()].sort()).toEqual(outputs.map((output) => output.stdout()).sort());
  });
});
