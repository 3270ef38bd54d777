import { closeSync, fstatSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errnoOf, native } from '../host/native.js';
import { Hold } from './hold.js';

/** A boot's time-out, of which a test uses nothing. */
const longMs = 60_000;

/** In the place of a relay: a process that has its end of the leash as descriptor 3 and does nothing else with it than it is told. */
function start(script: string): { hold: Hold; leash: number } {
  const [leash, theirs] = native.socketPair();
  const { pid, pidfd } = native.spawn({
    file: '/bin/sh',
    args: ['-c', script],
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
    fds: [0, 1, 2, theirs],
  });
  closeSync(theirs);
  return { hold: new Hold(leash, pidfd, pid), leash };
}

/** Which file a descriptor is: its number may be another's by now. */
function fileOf(fd: number): number | undefined {
  try {
    return fstatSync(fd).ino;
  } catch (error) {
    expect(errnoOf(error)).toBe('EBADF');
    return undefined;
  }
}

describe('a hold', () => {
  it('is ready when the relay says so, and drops the leash when it is released', async () => {
    const { hold, leash } = start('printf R >&3; read _ <&3');
    await hold.ready(longMs);
    const file = fileOf(leash);
    await hold.release();
    expect(fileOf(leash)).not.toBe(file);
    await hold.release();
  });

  it('can be let go of once it is ready', async () => {
    const { hold, leash } = start('printf R >&3; read _ <&3');
    await hold.ready(longMs);
    const file = fileOf(leash);
    hold.detach();
    expect(fileOf(leash)).not.toBe(file);
    hold.detach();
    await hold.release();
  });

  it('is never ready when the relay ends', async () => {
    const { hold } = start('exit 0');
    await expect(hold.ready(longMs)).rejects.toMatchObject({ name: 'RelayNotReadyError', timeoutMs: null });
    await hold.end();
  });

  it('gives up on a relay that is silent, and closes the leash only when nobody reads it any more', async () => {
    const { hold, leash } = start('exec sleep 600');
    await expect(hold.ready(50)).rejects.toMatchObject({ name: 'RelayNotReadyError', timeoutMs: 50 });
    const file = fileOf(leash);
    const ending = hold.end();
    expect(fileOf(leash)).toBe(file);
    await ending;
    expect(fileOf(leash)).not.toBe(file);
  });

  it('gives up when it is told to', async () => {
    const { hold } = start('exec sleep 600');
    const abort = new AbortController();
    const waiting = hold.ready(longMs, abort.signal);
    abort.abort(new Error('changed my mind'));
    await expect(waiting).rejects.toThrow('changed my mind');
    await expect(hold.ready(longMs, abort.signal)).rejects.toThrow('changed my mind');
    await hold.end();
  });
});
