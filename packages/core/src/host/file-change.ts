import { watch } from 'node:fs';
import { clearTimeout, setTimeout } from './clock.js';

/** Where the host has no watch to give any more, files are looked at so often. */
const unwatchedMs = 250;

/**
 * Waits until a file is written to.
 *
 * @param path null where there is none to be watched yet.
 * @param changed asked when nothing can be missed any more: whether there is nothing to wait for.
 * @param timeoutMs after which it is given up, sooner where the file cannot be watched.
 * @param signal ends the wait, too.
 * @returns whether there was a change.
 */
export async function fileChange(
  path: string | null,
  changed: () => boolean,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const watcher = path === null ? null : watched(path);
  let stop = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    if (changed()) return true;
    return await new Promise<boolean>((resolve) => {
      stop = () => resolve(false);
      watcher?.once('change', () => resolve(true)).once('error', stop);
      timer = setTimeout(stop, watcher ? timeoutMs : Math.min(timeoutMs, unwatchedMs));
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    watcher?.close();
  }
}

function watched(path: string) {
  try {
    return watch(path);
  } catch {
    return null; // it is gone, or the user has as many watches as he may
  }
}
