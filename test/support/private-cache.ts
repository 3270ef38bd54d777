import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { PrivateHome } from '@msbtest/fixtures/private-home';
import { afterAll } from 'vitest';

/** A cache whose templates nobody else uses. */
export class PrivateCache {
  readonly path: string;

  constructor(home: PrivateHome) {
    this.path = join(home.path, 'cache');
  }

  /** The directories of templates that are whole. */
  templates(): string[] {
    return this.#entries()
      .filter((entry) => /^[0-9a-f]{32}$/.test(entry))
      .map((key) => this.#at(key));
  }

  /** The directories of those that are being made, or were when their maker died. */
  unfinished(): string[] {
    return this.#entries()
      .filter((entry) => entry.startsWith('.'))
      .map((entry) => this.#at(entry));
  }

  /** Removes all templates. */
  clear(): void {
    rmSync(join(this.path, 'templates'), { recursive: true, force: true });
  }

  #at(entry: string): string {
    return join(this.path, 'templates', entry);
  }

  #entries(): string[] {
    const directory = join(this.path, 'templates');
    return existsSync(directory) ? readdirSync(directory) : [];
  }
}

/** Gives a test file a cache of its own, which is empty at first. */
export function usePrivateCache(home: PrivateHome): PrivateCache {
  const cache = new PrivateCache(home);
  const before = process.env.MSB_CACHE;
  process.env.MSB_CACHE = cache.path;
  afterAll(() => {
    if (before === undefined) delete process.env.MSB_CACHE;
    else process.env.MSB_CACHE = before;
  });
  return cache;
}
