import { spawnSync } from 'node:child_process';
import type { TerminalSize } from '../sandbox/exec-types.js';
import { UsageError } from './command.js';

/** For a program that changes a terminal's modes, which waits for what is being written to it. */
const sttyTimeoutMs = 2_000;

/** Those that end us unless somebody listens. */
const endingSignals = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const;

/** @throws UsageError where a guest's command cannot be given our terminal, since we have none. */
export function expectTerminal(): void {
  if (process.stdin.isTTY) return;
  throw new UsageError(
    '-t runs the command at our terminal, but our stdin is none: it is a file, a pipe or closed. Drop -t; -i alone passes on what is piped in.',
  );
}

/** The size of our terminal; undefined where nobody knows it. */
export function windowSize(): TerminalSize | undefined {
  const [cols, rows] = screen()?.getWindowSize() ?? [0, 0];
  return rows > 0 && cols > 0 ? { rows, cols } : undefined;
}

/**
 * Gives our terminal to a guest's command until the result is disposed of: keys go through as they are, and the guest's terminal
 * alone makes of them what they mean. However this process ends, short of SIGKILL, the terminal is as it was.
 *
 * @param resize called with the size at the beginning, which may have changed since it was asked for, and with each new one.
 */
export function takeTerminal(resize: (size: TerminalSize) => Promise<void>): Disposable {
  const tellSize = () => {
    const size = windowSize();
    if (size) resize(size).catch(() => {}); // the command has ended, or its machine has; both are told by the events
  };
  const restore = () => {
    screen()?.off('resize', tellSize);
    process.off('exit', restore);
    for (const signal of endingSignals) process.off(signal, onSignal);
    process.stdin.setRawMode(false);
  };
  const onSignal = (signal: NodeJS.Signals) => {
    restore();
    process.kill(process.pid, signal); // as if nobody had listened
  };
  process.stdin.on('error', () => {}); // it may hang up before it is restored
  process.on('exit', restore);
  for (const signal of endingSignals) process.on(signal, onSignal);
  process.stdin.setRawMode(true);
  // What Node calls raw still makes \r\n of \n on the way out; the guest's terminal has done so where it is wanted.
  spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'], timeout: sttyTimeoutMs });
  screen()?.on('resize', tellSize);
  tellSize();
  return { [Symbol.dispose]: restore };
}

/** Where the guest's output is seen; stdout may well be a file. */
function screen(): NodeJS.WriteStream | undefined {
  return [process.stdout, process.stderr].find((stream) => stream.isTTY);
}
