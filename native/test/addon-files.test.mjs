import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { cloneFile, closeFd, lockFile, tryLockFile } from '../index.js';

const index = fileURLToPath(new URL('../index.js', import.meta.url));

const scratch = (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'msb-native-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
};

/** How many this process has open. */
const descriptorsOf = (path) =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  }).length;

/** Another process that holds the lock until it is killed. */
const holder = async (t, path) => {
  const child = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `import { lockFile } from ${JSON.stringify(index)};
     await lockFile(${JSON.stringify(path)}, 5000); console.log('held'); setInterval(() => {}, 1000);`,
  ]);
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
};

test('lockFile: made private, close-on-exec, and locked', async (t) => {
  const path = join(scratch(t), 'lock');
  const fd = await lockFile(path, 0);
  assert.equal(fstatSync(fd).mode & 0o777, 0o600);
  assert.match(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'), /flags:\t0?2\d{6}/);
  assert.equal(tryLockFile(path), null);
  closeFd(fd);
  const other = tryLockFile(path);
  assert.equal(tryLockFile(path), null);
  assert.match(readFileSync(`/proc/self/fdinfo/${other}`, 'utf8'), /flags:\t0?2\d{6}/);
  closeFd(other);
});

test('lockFile: waits for a holder in another process, however that ends', async (t) => {
  const path = join(scratch(t), 'lock');
  const child = await holder(t, path);
  await assert.rejects(lockFile(path, 50), {
    code: 'ETIMEDOUT',
    errno: -110,
    syscall: 'flock',
    path,
    message: `ETIMEDOUT: another process holds the lock, flock '${path}'`,
  });
  const waiting = lockFile(path, 5000);
  child.kill('SIGKILL');
  closeSync(await waiting);
});

test('lockFile: a lock that arrives after the timeout is released', async (t) => {
  const path = join(scratch(t), 'lock');
  const first = await lockFile(path, 0);
  await assert.rejects(lockFile(path, 20), { code: 'ETIMEDOUT' });
  assert.equal(descriptorsOf(path), 2);
  closeSync(first);
  // The late one may get the lock before or after this one; either way it gives it back.
  closeSync(await lockFile(path, 5000));
  closeSync(await lockFile(path, 5000));
  const deadline = Date.now() + 5000;
  while (descriptorsOf(path) > 0 && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(descriptorsOf(path), 0);
});

test('lockFile: many at once take turns', async (t) => {
  const path = join(scratch(t), 'lock');
  let holders = 0;
  await Promise.all(
    Array.from({ length: 40 }, async () => {
      const fd = await lockFile(path, 10_000);
      holders++;
      assert.equal(holders, 1);
      await new Promise((resolve) => setImmediate(resolve));
      holders--;
      closeSync(fd);
    }),
  );
});

test('lockFile: shared, by many at once; alone only when they are gone', async (t) => {
  const path = join(scratch(t), 'lock');
  const first = await lockFile(path, 0, true);
  const second = await lockFile(path, 0, true);
  await assert.rejects(lockFile(path, 20), { code: 'ETIMEDOUT' });
  assert.equal(tryLockFile(path), null);
  closeFd(first);
  const waiting = lockFile(path, 5000);
  closeFd(second);
  const alone = await waiting;
  await assert.rejects(lockFile(path, 20, true), { code: 'ETIMEDOUT' });
  const shared = lockFile(path, 5000, true);
  closeFd(alone);
  closeFd(await shared);
});

test('lockFile: errors of opening reject; a symbolic link is one', async (t) => {
  const directory = scratch(t);
  symlinkSync('/dev/null', join(directory, 'link'));
  await assert.rejects(lockFile(join(directory, 'link'), 0), { code: 'ELOOP', syscall: 'open' });
  await assert.rejects(lockFile(join(directory, 'no/file'), 0), {
    code: 'ENOENT',
    path: join(directory, 'no/file'),
  });
  assert.throws(() => lockFile('', 0), /`path`/);
  assert.throws(() => lockFile('/x', -1), /`timeoutMs`/);
  assert.throws(() => lockFile('/x', Number.NaN), /`timeoutMs`/);
});

test('tryLockFile: makes nothing, follows no link; closeFd: knows a number that is no file', (t) => {
  const directory = scratch(t);
  symlinkSync('/dev/null', join(directory, 'link'));
  assert.throws(() => tryLockFile(join(directory, 'none')), { code: 'ENOENT', syscall: 'open' });
  assert.equal(existsSync(join(directory, 'none')), false);
  assert.throws(() => tryLockFile(join(directory, 'link')), { code: 'ELOOP', syscall: 'open' });
  assert.throws(() => closeFd(9999), { code: 'EBADF', syscall: 'close' });
  assert.throws(() => closeFd(-1), /`fd`/);
});

const worker = (source, workerData) =>
  new Worker(
    `const { workerData, parentPort } = require('node:worker_threads');
    import(${JSON.stringify(index)}).then(async (native) => { ${source} });`,
    { eval: true, workerData },
  );

test('workers: each has its own waits, and may end in the middle of one', async (t) => {
  const path = join(scratch(t), 'lock');
  const held = await lockFile(path, 0);
  for (let i = 0; i < 10; i++) {
    const one = worker(
      `native.lockFile(workerData, 60000);
       native.pidfdWait(native.pidfdOpen(process.ppid), 60000);
       parentPort.postMessage('waiting');`,
      path,
    );
    await once(one, 'message');
    await one.terminate();
  }
  closeSync(held);
  // The threads that those workers have left get the lock one after the other now, and each lets it go.
  closeSync(await lockFile(path, 5000));
});

test('workers: the addon outlives the only environment that has loaded it', async (t) => {
  const path = join(scratch(t), 'lock');
  const script = `
    const { Worker } = require('node:worker_threads');
    const fs = require('node:fs');
    (async () => {
      const source = \`const { workerData, parentPort } = require('node:worker_threads');
        import(\${JSON.stringify(${JSON.stringify(index)})}).then((native) => {
          native.lockFile(workerData, 60000).catch(() => {}); parentPort.postMessage('waiting'); });\`;
      const one = new Worker(source, { eval: true, workerData: ${JSON.stringify(path)} });
      await new Promise((resolve) => one.once('message', resolve));
      await one.terminate();
      console.log('terminated');
      process.stdin.once('data', () => setTimeout(() => { console.log('alive'); process.exit(0); }, 100));
    })();`;
  const held = await lockFile(path, 0);
  const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  await once(child.stdout, 'data');
  closeSync(held);
  child.stdin.write('go\n');
  const [code, signal] = await once(child, 'exit');
  assert.deepEqual([code, signal, output], [0, null, 'terminated\nalive\n']);
});

test('a pending wait keeps the process alive until its timeout, and no longer', async (t) => {
  const path = join(scratch(t), 'lock');
  const held = await lockFile(path, 0);
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { lockFile } from ${JSON.stringify(index)};
       lockFile(${JSON.stringify(path)}, 200).catch((error) => console.log(error.code));`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [chunk] = await once(child.stdout, 'data');
  assert.equal(String(chunk), 'ETIMEDOUT\n');
  assert.equal((await once(child, 'exit'))[0], 0);
  closeSync(held);
});

test('cloneFile: holes stay holes, data stays data', async (t) => {
  const directory = scratch(t);
  const src = join(directory, 'src');
  const dst = join(directory, 'dst');
  const fd = openSync(src, 'w');
  ftruncateSync(fd, 1 << 30);
  writeSync(fd, Buffer.alloc(70_000, 'a'), 0, 70_000, 0);
  writeSync(fd, Buffer.alloc(3 << 20, 'b'), 0, 3 << 20, 512 << 20);
  writeSync(fd, Buffer.from('end'), 0, 3, (1 << 30) - 3);
  closeSync(fd);
  const { method, bytes } = await cloneFile(src, dst);
  const info = statSync(dst);
  assert.equal(info.size, 1 << 30);
  assert.equal(info.mode & 0o777, 0o600);
  assert.ok(info.blocks * 512 < 4 << 20, `${info.blocks} blocks`);
  if (method === 'sparse') assert.ok(bytes >= (3 << 20) + 70_003 && bytes < 4 << 20, `${bytes} bytes`);
  else assert.equal(bytes, 0);
  const copy = openSync(dst, 'r');
  const at = (position, length) => {
    const buffer = Buffer.alloc(length);
    readSync(copy, buffer, 0, length, position);
    return buffer;
  };
  assert.ok(at(0, 70_000).equals(Buffer.alloc(70_000, 'a')));
  assert.ok(at(70_000, 100_000).equals(Buffer.alloc(100_000)));
  assert.ok(at(512 << 20, 3 << 20).equals(Buffer.alloc(3 << 20, 'b')));
  assert.equal(at((1 << 30) - 3, 3).toString(), 'end');
  closeSync(copy);
});

test('cloneFile: an empty file, a small one, and one on another file system', async (t) => {
  const directory = scratch(t);
  writeFileSync(join(directory, 'empty'), '');
  assert.equal((await cloneFile(join(directory, 'empty'), join(directory, 'empty2'))).bytes, 0);
  assert.equal(statSync(join(directory, 'empty2')).size, 0);
  const elsewhere = existsSync('/dev/shm') ? mkdtempSync('/dev/shm/msb-native-') : directory;
  t.after(() => rmSync(elsewhere, { recursive: true, force: true }));
  writeFileSync(join(directory, 'small'), 'hello');
  const result = await cloneFile(join(directory, 'small'), join(elsewhere, 'small2'));
  assert.equal(readFileSync(join(elsewhere, 'small2'), 'utf8'), 'hello');
  assert.ok(result.method === 'reflink' || result.bytes === 5);
});

test('cloneFile: dst is never overwritten, and a failure leaves none', async (t) => {
  const directory = scratch(t);
  const dst = join(directory, 'dst');
  writeFileSync(dst, 'precious');
  writeFileSync(join(directory, 'src'), 'x');
  await assert.rejects(cloneFile(join(directory, 'src'), dst), {
    code: 'EEXIST',
    syscall: 'open',
    path: dst,
  });
  assert.equal(readFileSync(dst, 'utf8'), 'precious');
  mkdirSync(join(directory, 'folder'));
  await assert.rejects(cloneFile(join(directory, 'folder'), join(directory, 'no')), { code: 'EISDIR' });
  await assert.rejects(cloneFile('/dev/null', join(directory, 'no')), { code: 'EINVAL' });
  await assert.rejects(cloneFile(join(directory, 'absent'), join(directory, 'no')), {
    code: 'ENOENT',
    path: join(directory, 'absent'),
  });
  assert.ok(!existsSync(join(directory, 'no')));
  assert.throws(() => cloneFile(1, 'x'), /`src`/);
});

test('cloneFile: a full file system leaves none', async (t) => {
  const directory = scratch(t);
  const src = join(directory, 'src');
  writeFileSync(src, Buffer.alloc(8 << 20, 'x'));
  // A limit on file size is the full disk that needs no mount.
  const child = spawn('/bin/sh', [
    '-c',
    `ulimit -f 2048; trap '' XFSZ; exec ${process.execPath} --input-type=module -e "
      import { cloneFile } from '${index}';
      cloneFile('${src}', '${src}2').catch((error) => console.log(error.code));"`,
  ]);
  const [chunk] = await once(child.stdout, 'data');
  assert.equal(String(chunk), 'EFBIG\n');
  assert.ok(!existsSync(`${src}2`));
});

test('ownFd: closes what a worker thread leaves, and nothing that it gave up', async () => {
  const source = `
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(pathToFileURL(index).href)}).then(({ ownFd, closeFd, socketPair }) => {
      const [kept, keptPeer] = socketPair();
      const [given, givenPeer] = socketPair();
      ownFd(kept);
      ownFd(given);
      closeFd(given);
      const [next, nextPeer] = socketPair(); // which gets the number
      parentPort.postMessage({ keptPeer, given, givenPeer, next, nextPeer });
      setInterval(() => {}, 1000);
    });
  `;
  const worker = new Worker(source, { eval: true });
  const [{ keptPeer, given, givenPeer, next, nextPeer }] = await once(worker, 'message');
  assert.equal(next, given);
  assert.equal(readSync(givenPeer, Buffer.alloc(1)), 0);
  await worker.terminate();
  assert.equal(readSync(keptPeer, Buffer.alloc(1)), 0); // the end of what was owned
  writeSync(next, 'x');
  assert.equal(readSync(nextPeer, Buffer.alloc(1)), 1);
  for (const fd of [keptPeer, givenPeer, next, nextPeer]) closeFd(fd);
});
