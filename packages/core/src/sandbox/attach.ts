import { TerminalError } from '../errors.js';
import { claimTerminal, takeTerminal, windowSize } from '../host/terminal.js';
import { defaultDetachKeys, KeyWatch, parseDetachKeys } from './detach-keys.js';
import type { ExecHandle } from './exec-handle.js';
import type { ExecSink } from './exec-sink.js';
import { CommandOptionsBuilder, defaultTerminalSize, type TerminalSize, toBytes } from './exec-types.js';

/** As shells have it: 128 + n for a command that signal n ended. */
const statusSignal = 128;

/** @internal */
export interface AttachOptions {
  detachKeys: Uint8Array;
  onDetach: () => void;
}

/** The details of a command that is attached to, as `attachWith` hands them out to be filled in. */
export class AttachOptionsBuilder extends CommandOptionsBuilder {
  /** @internal */
  readonly attachment: AttachOptions = { detachKeys: parseDetachKeys(defaultDetachKeys), onDetach: () => {} };

  /**
   * The keys that detach from the command: `ctrl-` with a letter or one of `@[\]^_`, or a character; several with commas in between,
   * such as `ctrl-p,ctrl-q`. Default `ctrl-]`. They do not reach the command.
   *
   * @throws InvalidConfigError
   */
  detachKeys(keys: string): this {
    this.attachment.detachKeys = parseDetachKeys(keys);
    return this;
  }
  /** Called when the terminal is one's own again because of the detach keys, before the call resolves, which it does with 0. */
  onDetach(listener: () => void): this {
    this.attachment.onDetach = listener;
    return this;
  }
}

/**
 * Runs a command at this process's own terminal until it ends, or is detached from.
 *
 * @param start starts it at a terminal of that size, with its stdin a pipe.
 * @returns the exit status that a shell would give; 0 when it was detached from.
 * @throws TerminalError; what `start` and `ExecHandle.recv()` throw. The terminal is as it was by then.
 */
export async function attach(
  start: (size: TerminalSize) => Promise<ExecHandle>,
  { detachKeys, onDetach }: AttachOptions,
): Promise<number> {
  using _claim = claimTerminal();
  await using command = await start(windowSize() ?? defaultTerminalSize);
  const keyboard = await command.takeStdin();
  const status = await runAtTerminal(command, keyboard, detachKeys);
  if (status !== null) return status;
  onDetach();
  return 0;
}

/** @returns null when it was detached from. */
async function runAtTerminal(
  command: ExecHandle,
  keyboard: ExecSink | null,
  detachKeys: Uint8Array,
): Promise<number | null> {
  using _terminal = takeTerminal((rows, cols) => {
    command.resize(rows, cols).catch(ignored);
  });
  using _keys = keyboard && passKeys(keyboard, detachKeys, () => command.detach().catch(ignored));
  for await (const event of command) {
    if (event.kind === 'stdout') await show(event.data);
    else if (event.kind === 'exited') return event.signal === null ? event.code : statusSignal + event.signal;
  }
  return null;
}

/** Of a command that has ended, or whose machine has; both are told by the events. */
const ignored = () => {};

/** Passes what is typed on, as fast as it is taken, until the detach keys are pressed or the result is disposed of. */
function passKeys(keyboard: ExecSink, detachKeys: Uint8Array, onDetach: () => void): Disposable {
  const { stdin } = process;
  const wasFlowing = stdin.readableFlowing === true;
  const watch = new KeyWatch(detachKeys);
  let isOver = false;
  const stop = () => {
    if (isOver) return;
    isOver = true;
    stdin.off('data', onData).off('end', onEnd);
    if (wasFlowing) stdin.resume();
    else stdin.pause(); // or it would keep this process
  };
  const onData = (piece: Uint8Array | string) => {
    const { typed, after } = watch.push(toBytes(piece));
    stdin.pause();
    if (after) {
      if (after.length > 0) stdin.unshift(after); // it is for whoever reads next
      stop();
    }
    const passed = typed.length > 0 ? keyboard.write(typed) : Promise.resolve();
    passed.then(() => (after ? onDetach() : isOver || stdin.resume())).catch(ignored);
  };
  const onEnd = () => keyboard.close().catch(ignored);
  if (stdin.listenerCount('error') === 0) stdin.on('error', ignored); // a terminal that hangs up; the signal for it ends us
  stdin.on('data', onData).on('end', onEnd).resume();
  return { [Symbol.dispose]: stop };
}

function show(data: Uint8Array): Promise<void> {
  const { stdout } = process;
  if (stdout.listenerCount('error') === 0) stdout.on('error', ignored); // the callback tells it
  return new Promise((resolve, reject) => {
    stdout.write(data, (cause) => {
      if (!cause) return resolve();
      const message = `What the command wrote cannot be written to this process's stdout: ${cause.message}`;
      reject(new TerminalError(message, { cause }));
    });
  });
}
