import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type ExecHandle, Sandbox } from '@msbtest/core';
import { describe, expect, it } from 'vitest';
import { PseudoTerminal } from './support/pseudo-terminal.js';
import { checkout } from './support/saboteurs.js';
import { ephemeral, eventually, image, killAndRemove, small, usePrivateHome, vmmOf } from './support/vm.js';

usePrivateHome();

/** Reads until the command has written `text`. */
async function until(handle: ExecHandle, text: string): Promise<string> {
  let output = '';
  for await (const event of handle) {
    if (event.kind === 'stdout') output += Buffer.from(event.data).toString();
    if (output.includes(text)) return output;
  }
  throw new Error(`${JSON.stringify(text)} never came, but ${JSON.stringify(output)}`);
}

describe('a command at a terminal', () => {
  it('has it as stdin, stdout and stderr, of the size and kind asked for', async () => {
    await using sandbox = await ephemeral('tty');
    const script = 'test -t 0 && test -t 1 && test -t 2 && stty size && echo $TERM; echo err >&2; exit 3';
    const output = await sandbox.execWith('sh', (o) =>
      o.args(['-c', script]).tty(true, { rows: 33, cols: 101 }),
    );
    expect([output.stdout(), output.stderr(), output.code]).toEqual([
      '33 101\r\nxterm-256color\r\nerr\r\n',
      '',
      3,
    ]);
    const kind = await sandbox.execWith('sh', (o) =>
      o.args(['-c', 'stty size; echo $TERM']).env('TERM', 'vt100').tty(true),
    );
    expect(kind.stdout()).toBe('24 80\r\nvt100\r\n');
    expect((await sandbox.execWith('test', (o) => o.args(['-t', '1']).tty(true).tty(false))).code).toBe(1);

    const lines = Array.from({ length: 20_000 }, (_, i) => `${i + 1}\r\n`).join('');
    const counted = await sandbox.execWith('seq', (o) => o.arg('20000').tty(true));
    expect(counted.stdout() === lines).toBe(true);
  });

  it('is told what is typed, and the end of it', async () => {
    await using sandbox = await ephemeral('tty-keys');
    const typed = (text: string) => sandbox.execWith('cat', (o) => o.tty(true).stdinBytes(text));
    expect((await typed('a line\n')).stdout()).toBe('a line\r\na line\r\n');
    expect((await typed('half a line')).stdout()).toBe('half a linehalf a line');
    expect(await sandbox.execWith('cat', (o) => o.tty(true))).toMatchObject({ code: 0 }); // nobody types

    await using sleeper = await sandbox.execStreamWith('sleep', (o) => o.arg('600').tty(true).stdinPipe());
    const keys = await sleeper.takeStdin();
    await keys?.write('\x03');
    expect(await sleeper.wait()).toEqual({ code: -1, success: false, signal: 2 });
  });

  it('is resized', async () => {
    await using sandbox = await ephemeral('tty-size');
    const script = 'trap "stty size; exit 4" WINCH; echo up; sleep 600 & wait';
    await using handle = await sandbox.execStreamWith('sh', (o) => o.args(['-c', script]).tty(true));
    await until(handle, 'up');
    await expect(handle.resize(0, 80)).rejects.toMatchObject({
      code: 'invalidConfig',
      message: "A terminal's rows is 0; it is a whole number from 1 to 65535.",
    });
    await expect(handle.resize(24, 65536)).rejects.toThrow("A terminal's cols is 65536;");
    await handle.resize(50, 132);
    expect(await until(handle, '132')).toContain('50 132');
    expect((await handle.wait()).code).toBe(4);
    await handle.resize(1, 1); // it has ended, which is no error
    await expect((await sandbox.execStream('true')).resize(24, 80)).rejects.toThrow(
      '"true" has no terminal that could be resized; give it one with .tty(true).',
    );
    await expect(sandbox.execWith('true', (o) => o.tty(true, { rows: 1.5, cols: 80 }))).rejects.toMatchObject(
      { code: 'invalidConfig', message: expect.stringContaining('rows is 1.5') },
    );
    await expect(sandbox.execWith('true', (o) => o.tty('yes' as unknown as boolean))).rejects.toMatchObject({
      code: 'invalidConfig',
      message: "A command's tty is yes; it is true or false.",
    });
  });

  it('is not started where there are no terminals, which is told step by step', async () => {
    await using sandbox = await ephemeral('tty-none');
    await sandbox.shell('echo 0 > /proc/sys/kernel/pty/max');
    await expect(sandbox.execWith('true', (o) => o.tty(true))).rejects.toMatchObject({
      code: 'execFailed',
      kind: 'pty_setup_failed',
      errnoName: 'ENOSPC',
      stage: 'open(ptmx)',
    });
  });
});

describe('recentExecs', () => {
  it('tells what ran, read or not, and keeps no secrets', async () => {
    await using sandbox = await ephemeral('journal');
    expect(sandbox.recentExecs()).toEqual([]);
    await sandbox.shell('echo out; echo err >&2; exit 3');
    await sandbox.execWith('sh', (o) =>
      o.args(['-c', 'cat >/dev/null; kill -9 $$']).env('PASSWORD', 'env secret').stdinBytes('stdin secret'),
    );
    await expect(sandbox.exec('no-such-program')).rejects.toThrow();
    await expect(
      sandbox.execWith('sh', (o) => o.args(['-c', 'echo begun; sleep 600']).timeout(1500)),
    ).rejects.toMatchObject({ code: 'execTimeout' });
    await (await sandbox.shellStream('echo thrown away')).wait();
    {
      await using left = await sandbox.shellStream('echo up; sleep 600');
      await until(left, 'up');
      expect(sandbox.recentExecs().at(-1)).toMatchObject({ status: null, durationMs: null, stdout: 'up\n' });
    }
    const execs = sandbox.recentExecs();
    expect(execs).toMatchObject([
      {
        command: '/bin/sh',
        args: ['-c', 'echo out; echo err >&2; exit 3'],
        status: { kind: 'exited', code: 3, signal: null },
        stdout: 'out\n',
        stderr: 'err\n',
      },
      { command: 'sh', status: { kind: 'exited', code: -1, signal: 9 } },
      {
        command: 'no-such-program',
        args: [],
        status: { kind: 'failed', message: expect.stringContaining('could not be started') },
      },
      {
        status: { kind: 'failed', message: expect.stringContaining('time-out of 1500 ms') },
        stdout: 'begun\n',
      },
      { status: { kind: 'exited', code: 0, signal: null }, stdout: 'thrown away\n' },
      { status: { kind: 'failed', message: expect.stringContaining('disposed of') }, stdout: 'up\n' },
    ]);
    for (const { durationMs, startedAt } of execs) {
      expect(durationMs).toBeGreaterThan(0);
      expect(Date.now() - startedAt.getTime()).toBeLessThan(120_000);
    }
    expect(JSON.stringify(execs)).not.toContain('secret');
  });

  it('tells what ran when the machine died, and what was asked of it afterwards', async () => {
    const sandbox = await small('journal-death').create();
    await using running = await sandbox.shellStream('echo last words; sleep 600');
    await until(running, 'last words');
    process.kill(vmmOf(sandbox).pid, 'SIGKILL');
    await expect(running.wait()).rejects.toMatchObject({ code: 'sandboxCrashed' });
    await expect(sandbox.exec('true')).rejects.toThrow();
    expect(sandbox.recentExecs()).toMatchObject([
      {
        status: { kind: 'failed', message: expect.stringContaining('ended by signal 9') },
        stdout: 'last words\n',
      },
      { command: 'true', status: { kind: 'failed' } },
    ]);
    await killAndRemove('journal-death');
  });
});

/** Waits until `script` holds in the guest. */
const holds = (sandbox: Sandbox, script: string) =>
  eventually(async () => (await sandbox.shell(script)).success, 20_000, script);

describe('attach', () => {
  const attacher = join(checkout, 'test/dist/support/attacher.js');
  const at = (...args: string[]) =>
    PseudoTerminal.run([process.execPath, attacher, ...args], { rows: 24, cols: 80 });

  it('is refused where there is no terminal, before anything is begun', async () => {
    await using sandbox = await ephemeral('attach-none');
    for (const attached of [sandbox.attach('true'), sandbox.attachShell(), sandbox.attachDefault()]) {
      await expect(attached).rejects.toMatchObject({
        code: 'terminal',
        name: 'TerminalError',
        message: expect.stringContaining('no terminal to attach to'),
      });
    }
    expect(sandbox.recentExecs()).toEqual([]);
    await expect(sandbox.attachWith('true', (o) => o.detachKeys('alt-x'))).rejects.toMatchObject({
      code: 'invalidConfig',
    });
  });

  it('gives commands the terminal, one after the other, and tells how they ended', async () => {
    await using _sandbox = await ephemeral('attach');
    await using terminal = at('attach', 'shell', 'env', 'none', 'default', 'line');
    await terminal.until('# ');
    terminal.type('tty; stty size; exit 7\r');
    await terminal.until(/\/dev\/pts\/\d+\r\n24 80\r\n\[shell: 7, cooked\]/);
    await terminal.until(/b guest \/srv\r\n\[env: 137, cooked\]/);
    await terminal.until(/\[none: execFailed, cooked\][\s\S]*\/ # /);
    terminal.type('exit\r');
    await terminal.until('[default: 0, cooked]');
    terminal.type('for us\r');
    await terminal.until('[line: "for us", cooked]');
    await terminal.until('[detached 0 times, cooked]');
    expect(await terminal.end()).toEqual({ status: 0, restored: true });
  });

  it('is left with the detach keys, and the command goes on', async () => {
    await using sandbox = await ephemeral('attach-detach');
    await using terminal = at('attach-detach', 'shell', 'line', 'keys', 'shell');
    await terminal.until('# ');
    terminal.type('mkfifo /srv/go; read line < /srv/go; echo $line > /srv/end\r');
    await holds(sandbox, 'test -p /srv/go');
    terminal.type('\x1dthis is ours\r');
    await terminal.until('[shell: 0, cooked]');
    await terminal.until('[line: "this is ours", cooked]');
    await terminal.until(/up\r?\n/);
    terminal.type('a\x10b\x10\x10');
    await terminal.until('a\x10b\x10'); // the last may be the beginning of the keys
    expect(terminal.screen).not.toContain('a\x10b\x10\x10');
    terminal.type('\x11');
    await terminal.until('[keys: 0, cooked]');
    await terminal.until(/keys: 0, cooked\][\s\S]*\/ # /);
    terminal.type('exit\r');
    await terminal.until('[shell: 0, cooked]\r\n[detached 1 times, cooked]');
    expect(await terminal.end()).toEqual({ status: 0, restored: true });

    // Those who were at the terminal are gone, and their connections with them.
    await holds(sandbox, 'pidof cat');
    await sandbox.shell('echo gone on > /srv/go');
    await holds(sandbox, 'test "$(cat /srv/end)" = "gone on"');
  });

  it('is one command’s at a time', async () => {
    await using _sandbox = await ephemeral('attach-both');
    await using terminal = at('attach-both', 'both', 'both');
    for (const times of [1, 2]) {
      terminal.type('go\r');
      await terminal.until(RegExp(`(\\[both: terminal, then 0, cooked\\].*){${times}}`, 's'));
    }
    expect(await terminal.end()).toEqual({ status: 0, restored: true });
  });

  it('leaves signals to those who listen to them, and the terminal as it was where an error ends the process', async () => {
    await using _sandbox = await ephemeral('attach-signals');
    await using terminal = at('attach-signals', 'listen');
    await terminal.until('# ');
    terminal.signal('SIGTERM');
    await terminal.until('[heard SIGTERM, raw]');
    terminal.type('echo still $((40+2))\r');
    await terminal.until('still 42');
    terminal.signal('SIGUSR2');
    expect(await terminal.end()).toEqual({ status: 1, restored: true });
    expect(terminal.screen).toContain('thrown while attached');
  });

  it('is left in bounded time where the guest does not answer', async () => {
    const sandbox = await small('attach-stuck').create();
    const { pid } = vmmOf(sandbox);
    await using terminal = at('attach-stuck', 'shell');
    await terminal.until('# ');
    process.kill(pid, 'SIGSTOP');
    try {
      terminal.type('\x1d');
      await terminal.until('[shell: timeout, cooked]');
      expect(await terminal.end()).toEqual({ status: 0, restored: true });
    } finally {
      process.kill(pid, 'SIGCONT');
      await killAndRemove('attach-stuck');
    }
  });
});

describe('msbtest -t', () => {
  const program = join(checkout, 'node_modules/.bin/msbtest');
  const usual = { rows: 24, cols: 80 };
  const at = (size: { rows: number; cols: number } | undefined, ...args: string[]) =>
    PseudoTerminal.run([program, ...args], size);

  it('refuses to run a command at a terminal that is none, before it makes anything', async () => {
    for (const args of [
      ['exec', '-it', 'nobody', '--', 'sh'],
      ['run', '--tty', image, 'sh'],
    ]) {
      const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'pipe'] });
      let stderr = '';
      child.stderr.on('data', (chunk) => {
        stderr += chunk;
      });
      expect(await once(child, 'close')).toEqual([2, null]);
      expect(stderr).toMatch(/our stdin is none.*Drop -t; .*See msbtest (exec|run) --help/);
    }
  });

  it('is a shell in the guest: size, keys, job control, exit status', async () => {
    await using sandbox = await ephemeral('shell');
    await using terminal = at({ rows: 33, cols: 101 }, 'exec', '-it', 'shell', '--', 'sh');
    await terminal.until('# ');
    terminal.type('stty size; tty\r');
    await terminal.until(/33 101\r\n\/dev\/pts\/\d+\r\n/);
    terminal.type('sleep 4242\r');
    await sandbox.shell('until pidof sleep; do :; done');
    terminal.type('\x03');
    terminal.type('echo after $((40+2))\r');
    await terminal.until('after 42');
    terminal.type('stty -opost; printf "one\\ntwo\\n"; stty opost\r');
    await terminal.until(/one\ntwo\n/); // and not \r\n: what the guest's terminal gives is what ours gets
    terminal.type('exit 7\r');
    expect(await terminal.end()).toEqual({ status: 7, restored: true });
  });

  it('follows the size of our terminal, and begins with the usual one where nobody knows it', async () => {
    await using _sandbox = await ephemeral('window');
    const script = 'stty size; trap "stty size; exit 5" WINCH; echo up; sleep 600 & wait';
    await using terminal = at(undefined, 'exec', '-t', 'window', '--', 'sh', '-c', script);
    await terminal.until('24 80\r\nup');
    await terminal.resize({ rows: 40, cols: 120 });
    await terminal.until('40 120');
    expect(await terminal.end()).toEqual({ status: 5, restored: true });
  });

  it.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)('leaves the terminal as it was on %s', async (signal) => {
    await using _sandbox = await ephemeral(signal);
    await using terminal = at(usual, 'exec', '-it', signal, '--', 'sh', '-c', 'echo up; cat');
    await terminal.until('up');
    terminal.signal(signal);
    const status = { SIGTERM: 143, SIGHUP: 129, SIGINT: 130 }[signal];
    expect(await terminal.end()).toEqual({ status, restored: true });
  });

  it('ends with the machine also where it only passes stdin on, though that stays open', async () => {
    const sandbox = await small('piped').create();
    const child = spawn(program, ['exec', '-i', 'piped', '--', 'sh', '-c', 'echo up; cat']);
    try {
      await once(child.stdout, 'data');
      process.kill(vmmOf(sandbox).pid, 'SIGKILL');
      expect(await once(child, 'close')).toEqual([125, null]);
    } finally {
      child.kill('SIGKILL');
      await killAndRemove('piped');
    }
  });

  it('leaves it as it was when the machine dies, and says so', async () => {
    const sandbox = await small('mortal').create();
    await using terminal = at(usual, 'exec', '-it', 'mortal', '--', 'sh', '-c', 'echo up; cat');
    await terminal.until('up');
    process.kill(vmmOf(sandbox).pid, 'SIGKILL');
    expect(await terminal.end()).toEqual({ status: 125, restored: true });
    expect(terminal.screen).toContain('ended by signal 9');
    await killAndRemove('mortal');
  });

  it('leaves a command to itself with the detach keys, and its machine with it', async () => {
    await (await small('left').create()).stop();
    try {
      await using terminal = at(usual, 'exec', '-it', 'left', '--', 'sh', '-c', 'echo up; sleep 4242');
      await terminal.until('up');
      terminal.type('\x1d');
      await terminal.until('msbtest: detached; "sh" goes on in sandbox "left".');
      expect(await terminal.end()).toEqual({ status: 0, restored: true });
      const sandbox = await (await Sandbox.get('left')).connect(); // though it had been started for this alone
      await holds(sandbox, 'pidof sleep');
    } finally {
      await killAndRemove('left');
    }
  });

  it('leaves an unnamed machine with it, under the name that it says', async () => {
    await using terminal = at(usual, 'run', '-it', '--detach-keys', 'ctrl-a,d', image, '--', 'sh');
    await terminal.until('# ');
    terminal.type('echo \x01\x01d');
    await terminal.until(/goes on in sandbox "(run-[0-9a-f]+)"/);
    expect(await terminal.end()).toEqual({ status: 0, restored: true });
    const name = /"(run-[0-9a-f]+)"/.exec(terminal.screen)?.[1] ?? '';
    await holds(await (await Sandbox.get(name)).connect(), 'pidof sh');
    await killAndRemove(name);
  });

  it('is told about detach keys that are none', async () => {
    const told = async (...args: string[]) => {
      await using terminal = at(usual, 'exec', ...args, 'nobody', 'sh');
      return [(await terminal.end()).status, terminal.screen] as const;
    };
    expect(await told('-t', '--detach-keys', 'ctrl-1')).toEqual([
      125,
      expect.stringMatching(/detachKeys is "ctrl-1"; it is a sequence such as "ctrl-\]"/),
    ]);
    expect(await told('--detach-keys', 'ctrl-a')).toEqual([2, expect.stringContaining('it takes -t')]);
  });

  it('works with a machine of its own, and tells what could not be started', async () => {
    await using terminal = at(usual, 'run', '-it', image, '--', 'sh', '-c', 'tty; exit 9');
    await terminal.until('/dev/pts/0\r\n');
    expect(await terminal.end()).toEqual({ status: 9, restored: true });
    await using nothing = at(usual, 'run', '-t', image, 'no-such-program');
    expect(await nothing.end()).toEqual({ status: 127, restored: true });
  });
});
