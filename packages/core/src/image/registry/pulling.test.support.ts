import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImageStore, type PullOptions, type StoredImage } from '../image-store.js';
import type { Patience } from './registry-client.js';
import { RegistrySource } from './registry-source.js';
import type { RegistryConfig } from './settings.js';

/** As a client is, but with less of it. */
export const impatient: Patience = { stallMs: 400, retries: 2, backoffMs: 5, longestWaitMs: 1000 };

/** A cache of its own and what is in it. */
export class Cache implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'msb-pull-'));
  readonly store = this.open();

  /** As another process would have it. */
  open(): ImageStore {
    const places = {
      home: join(this.root, 'home'),
      cache: join(this.root, 'cache'),
      runtime: join(this.root, 'run'),
    };
    return new ImageStore(places, {
      layout: join(this.root, 'none'),
      reference: 'docker.io/library/none:latest',
    });
  }

  pull(
    reference: string,
    {
      config = {},
      env = {},
      patience = impatient,
      store = this.store,
      ...options
    }: Omit<PullOptions, 'open'> & {
      config?: RegistryConfig;
      env?: NodeJS.ProcessEnv;
      patience?: Patience;
      store?: ImageStore;
    } = {},
  ): Promise<StoredImage> {
    return store.pull(reference, {
      ...options,
      open: (parsed) =>
        new RegistrySource(parsed, config, {
          env: { HOME: this.root, DOCKER_CONFIG: join(this.root, 'docker'), ...env },
          patience,
        }),
    });
  }

  /** All files, but the empty ones that are locks. */
  files(): string[] {
    return readdirSync(join(this.root, 'cache'), { recursive: true, withFileTypes: true, encoding: 'utf8' })
      .filter(
        (entry) =>
          entry.isFile() && !/\.(lock|use)$/.test(entry.name) && !entry.parentPath.endsWith('/locks'),
      )
      .map((entry) => join(entry.parentPath, entry.name).slice(this.root.length + '/cache/images/'.length))
      .sort();
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true });
  }
}
