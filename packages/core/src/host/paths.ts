import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { InvalidConfigError } from '../errors.js';

/** Where everything of one user of this library lives. Made from the environment once, then passed along. */
export interface Places {
  /** State: one directory per sandbox. `MSB_HOME`, default `$XDG_STATE_HOME/msb`. */
  readonly home: string;
  /** What can be made again: images, blank disks. Shared by all homes. `MSB_CACHE`, default `$XDG_CACHE_HOME/msb`. */
  readonly cache: string;
  /** Sockets. `MSB_RUNTIME_DIR`, default `$XDG_RUNTIME_DIR/msb`, else `/tmp/msb-<uid>`. */
  readonly runtime: string;
}

/** Reads the places from `env`; relative paths count from the working directory. */
export function placesFromEnv(env: NodeJS.ProcessEnv = process.env): Places {
  const userHome = env.HOME || homedir();
  const uid = process.getuid?.() ?? 0;
  const runtime = env.MSB_RUNTIME_DIR || (env.XDG_RUNTIME_DIR && join(env.XDG_RUNTIME_DIR, 'msb'));
  return {
    home: resolve(env.MSB_HOME || join(env.XDG_STATE_HOME || join(userHome, '.local/state'), 'msb')),
    cache: resolve(env.MSB_CACHE || join(env.XDG_CACHE_HOME || join(userHome, '.cache'), 'msb')),
    runtime: resolve(runtime || join(tmpdir(), `msb-${uid}`)),
  };
}

/** The directory with a sandbox's sockets: short, since sun_path holds 108 bytes, and unique per home and sandbox. */
export function socketDirectory(places: Places, slug: string): string {
  const id = createHash('sha256').update(`${places.home}\0${slug}`).digest('hex').slice(0, 16);
  return join(places.runtime, id);
}

/** What fits into sockaddr_un's sun_path, whose last byte is a NUL. */
const maxSocketPathBytes = process.platform === 'darwin' ? 103 : 107;

/** @throws InvalidConfigError when no socket can have that path. */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= maxSocketPathBytes) return;
  throw new InvalidConfigError(
    `${path} is too long: the path of a Unix socket has at most ${maxSocketPathBytes} bytes, this one has ${bytes}; ` +
      'set MSB_RUNTIME_DIR or XDG_RUNTIME_DIR (or TMPDIR) to a directory with a shorter name.',
  );
}

/**
 * Makes `path` as a directory that only we can enter. One that exists already must be ours and closed to others: in `/tmp`
 * somebody else could have made it first.
 */
export function privateDirectory(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const stat = lstatSync(path);
  const uid = process.getuid?.();
  if (!stat.isDirectory() || (uid !== undefined && stat.uid !== uid) || (stat.mode & 0o077) !== 0) {
    throw new InvalidConfigError(
      `${path} must be a directory of mode 0700 owned by uid ${uid}, since it holds sockets that give full control; ` +
        `it has mode ${(stat.mode & 0o7777).toString(8)} and owner ${stat.uid}. Mend that, or name another place with MSB_RUNTIME_DIR.`,
    );
  }
  return path;
}
