import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { HostFileError, HostReader, KnownContents, readAgain } from './host-files.js';
import { nameFault } from './patch.js';

const root = mkdtempSync(join(tmpdir(), 'msb-unit-'));
afterAll(() => rmSync(root, { recursive: true }));

let at: string;
let count = 0;
beforeEach(() => {
  at = join(root, `${++count}`);
  mkdirSync(at);
});

const reader = (bytes = 1000, entries = 10) => new HostReader({ bytes, entries }, nameFault);

async function textOf(chunks: AsyncIterable<Buffer>): Promise<string> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(Buffer.from(chunk));
  return Buffer.concat(all).toString();
}

it('reads a tree in order, with permissions, and keeps links, wherever they lead', async () => {
  mkdirSync(join(at, 'd'), { mode: 0o750 });
  writeFileSync(join(at, 'd/run'), '#!', { mode: 0o755 });
  chmodSync(join(at, 'd/run'), 0o4755);
  writeFileSync(join(at, 'a'), 'content');
  symlinkSync('/etc/passwd', join(at, 'out'));
  symlinkSync('nowhere', join(at, 'b'));
  const { children } = await reader().directory(at);
  expect([...children.keys()]).toEqual(['a', 'b', 'd', 'out']);
  expect(children.get('b')).toEqual({ kind: 'symlink', target: 'nowhere' });
  expect(children.get('out')).toEqual({ kind: 'symlink', target: '/etc/passwd' });
  const directory = children.get('d');
  expect(directory).toMatchObject({ kind: 'directory', mode: 0o750 });
  if (directory?.kind !== 'directory') throw new Error('it is one');
  expect(directory.children.get('run')).toMatchObject({ file: { mode: 0o755, size: 2 } });
  const file = children.get('a');
  if (file?.kind !== 'file') throw new Error('it is one');
  expect(await textOf(readAgain(file.file))).toBe('content');
});

it('follows a link that is the source itself', async () => {
  mkdirSync(join(at, 'd'));
  writeFileSync(join(at, 'd/f'), 'x');
  symlinkSync('d', join(at, 'to-d'));
  symlinkSync('d/f', join(at, 'to-f'));
  expect([...(await reader().directory(join(at, 'to-d'))).children.keys()]).toEqual(['f']);
  expect(await reader().file(join(at, 'to-f'))).toMatchObject({ size: 1 });
});

it('refuses what is neither file, directory nor link', async () => {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(join(at, 'socket'), listening));
  try {
    await expect(reader().directory(at)).rejects.toThrow(/socket is a socket, and only files/);
    await expect(reader().file(join(at, 'socket'))).rejects.toThrow(HostFileError);
  } finally {
    await new Promise((closed) => server.close(closed));
  }
  execFileSync('mkfifo', [join(at, 'pipe')]);
  await expect(reader().directory(at)).rejects.toThrow(/pipe is a pipe/);
  await expect(reader().file('/dev/null')).rejects.toThrow(/is a device/);
  await expect(reader().file(at)).rejects.toThrow(/is a directory/);
  await expect(reader().directory(join(at, 'pipe'))).rejects.toThrow(/is no directory/);
  await expect(reader().file(join(at, 'none'))).rejects.toThrow(/there is no .*none on this host/);
});

it('refuses names that no layer can have', async () => {
  writeFileSync(join(at, '.wh.x'), '');
  await expect(reader().directory(at)).rejects.toThrow(/names begin with \.wh\./);
  rmSync(join(at, '.wh.x'));
  writeFileSync(Buffer.concat([Buffer.from(`${at}/`), Buffer.from([0xff])]), '');
  await expect(reader().directory(at)).rejects.toThrow(/not UTF-8/);
});

it('is bounded', async () => {
  for (const name of ['a', 'b', 'c']) writeFileSync(join(at, name), 'x'.repeat(100));
  await expect(reader(250).directory(at)).rejects.toThrow(/more than 250 bytes/);
  await expect(reader(300, 2).directory(at)).rejects.toThrow(/more than 2 files/);
  expect((await reader(300, 3).directory(at)).children.size).toBe(3);
  const all = reader(250);
  await all.file(join(at, 'a'));
  await all.file(join(at, 'b'));
  await expect(all.file(join(at, 'c'))).rejects.toThrow(/more than 250 bytes/);
});

it('tells when a file is not what it was', async () => {
  const path = join(at, 'f');
  for (const later of ['longer than it was', 'shrt', 'CONTENT']) {
    writeFileSync(path, 'content');
    const file = await reader().file(path);
    writeFileSync(path, later);
    await expect(textOf(readAgain(file))).rejects.toThrow(/changed while it was read/);
  }
  writeFileSync(path, 'content');
  const file = await reader().file(path);
  rmSync(path);
  await expect(textOf(readAgain(file))).rejects.toThrow(/there is no/);
});

it('tells when a file grows under its hands', async () => {
  const path = join(at, 'f');
  writeFileSync(path, Buffer.alloc(400_000));
  const file = await reader(1e6).file(path);
  const chunks = readAgain(file);
  await chunks.next();
  writeFileSync(path, 'more', { flag: 'a' });
  await expect(textOf(chunks)).rejects.toThrow(/changed while it was read/);
});

it('need not read again what it has read, and reads what has changed, whatever its times say', async () => {
  const path = join(at, 'f');
  writeFileSync(path, 'one');
  const { atime, mtime } = statSync(path);
  const contents = new KnownContents(() => Date.now() + 10_000);
  const read = () => new HostReader({ bytes: 1000, entries: 10 }, nameFault, contents).file(path);
  const first = await read();
  expect(contents.known(path, statSync(path, { bigint: true }))).toBe(first.sha256);
  expect(await read()).toEqual(first);
  writeFileSync(path, 'two');
  utimesSync(path, atime, mtime);
  expect((await read()).sha256).not.toBe(first.sha256);
});

it('does not rely on the times of a file that has just changed', async () => {
  const path = join(at, 'f');
  writeFileSync(path, 'one');
  const contents = new KnownContents();
  await new HostReader({ bytes: 1000, entries: 10 }, nameFault, contents).file(path);
  expect(contents.known(path, statSync(path, { bigint: true }))).toBeUndefined();
});
