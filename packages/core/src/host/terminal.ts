import { spawnSync } from 'node:child_process';
import { TerminalError } from '../errors.js';

/** For a program that changes a terminal's modes, which waits for what is being written to it. */
const sttyTimeoutMs = 2_000;

/** Those that end us unless somebody listens. */
const endingSignals = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const;

/** There is one terminal, so it is one command's at a time. */
let isTaken = false;

/**
 * Says that our terminal will be somebody's until the result is disposed of, who may then {@link takeTerminal}. Whoever comes first has it.
 *
 * @throws TerminalError where nothing could be given it: we have none, or it is somebody's already.
 */
export function claimTerminal(): Disposable {
  if (!process.stdin.isTTY)
    throw new TerminalError(
      'This process has no terminal to attach to: its stdin is a file, a pipe or closed. Run it at a terminal, or use exec(), with .tty(true) where the command needs a terminal.',
    );
  if (isTaken)
    throw new TerminalError(
      "This process's terminal is another command's that is attached to it. Wait until that has ended, or detach from it.",
    );
  isTaken = true;
  return {
    [Symbol.dispose]: () => {
      isTaken = false;
    },
  };
}

/** The size of our terminal; undefined where nobody knows it. */
export function windowSize(): { rows: number; cols: number } | undefined {
  const [cols, rows] = screen()?.getWindowSize() ?? [0, 0];
  return rows > 0 && cols > 0 ? { rows, cols } : undefined;
}

/**
 * Gives our terminal, which was claimed, to somebody else until the result is disposed of: keys go through as they are, and the other's terminal alone
 * makes of them what they mean. However this process ends, short of SIGKILL, the terminal is as it was. A signal that would end us
 * still does; one that somebody else here listens to is theirs.
 *
 * @param onResize called with the size at the beginning, which may have changed since it was asked for, and with each new one.
 * @throws TerminalError where it cannot be switched.
 */
export function takeTerminal(onResize: (rows: number, cols: number) => void): Disposable {
  const { stdin } = process;
  const wasRaw = stdin.isRaw;
  const tellSize = () => {
    const size = windowSize();
    if (size) onResize(size.rows, size.cols);
  };
  const restore = () => {
    screen()?.off('resize', tellSize);
    process.off('exit', restore);
    for (const signal of endingSignals) process.off(signal, onSignal);
    stdin.setRawMode(false);
    if (wasRaw) stdin.setRawMode(true);
  };
  const onSignal = (signal: NodeJS.Signals) => {
    if (process.listenerCount(signal) > 1) return;
    restore();
    process.kill(process.pid, signal); // as if nobody had listened
  };
  try {
    if (wasRaw) stdin.setRawMode(false); // what is raw already is not made so anew
    stdin.setRawMode(true);
  } catch (cause) {
    throw new TerminalError(`The terminal cannot be switched to pass keys on: ${(cause as Error).message}`, {
      cause,
    });
  }
  process.on('exit', restore);
  for (const signal of endingSignals) process.prependListener(signal, onSignal); // those that listen once are still there then
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
