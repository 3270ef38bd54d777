import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../host/native.js';
import { readSandboxRecord } from '../store/read-records.js';
import type { SandboxRecord } from '../store/record.js';
import { writeWhole } from '../store/whole-file.js';

/** Who needs the images of a cache: the sandboxes of all homes that have ever used it, running or not. */
export class ImageUsers {
  readonly #directory: string;
  readonly #home: string;

  constructor(root: string, home: string) {
    this.#directory = join(root, 'homes');
    this.#home = home;
  }

  /** Notes that sandboxes of our home may need images from now on. */
  note(): void {
    const path = join(this.#directory, createHash('sha256').update(this.#home).digest('hex').slice(0, 16));
    if (existsSync(path)) return;
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    for (const [other, home] of this.#homes()) if (!existsSync(home)) rmSync(other, { force: true });
    writeWhole(path, this.#home);
  }

  sandboxes(): SandboxRecord[] {
    const homes = new Set([this.#home, ...this.#homes().map(([, home]) => home)]);
    return [...homes].flatMap((home) => [home, ...within(join(home, 'runs'))]).flatMap(recordsIn);
  }

  #homes(): [path: string, home: string][] {
    return within(this.#directory)
      .filter((path) => !path.includes('.new-'))
      .flatMap((path) => {
        const home = textOf(path);
        return home === undefined ? [] : [[path, home]];
      });
  }
}

function recordsIn(home: string): SandboxRecord[] {
  return within(join(home, 'sandboxes')).flatMap((directory) => {
    const text = textOf(join(directory, 'record.json'));
    return (text !== undefined && readSandboxRecord(text)) || [];
  });
}

function within(directory: string): string[] {
  try {
    return readdirSync(directory).map((name) => join(directory, name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // gone meanwhile
  }
}
