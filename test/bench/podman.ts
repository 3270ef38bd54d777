import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkout } from '../support/saboteurs.js';
import { image } from '../support/vm.js';
import type { Life } from './life.js';

/** A container starts within a second. */
const timeoutMs = 60_000;

/**
 * podman with a store of its own, in which is the base image. It sees a plain hierarchy of cgroups, which its runtimes insist on
 * though they are told to use none.
 */
export class Podman {
  readonly #command: readonly string[];

  private constructor(directory: string) {
    const store = ['--root', join(directory, 'root'), '--runroot', join(directory, 'run')];
    this.#command = [
      ...['--mount', 'sh', '-c', 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec podman "$@"', 'podman'],
      ...[...store, '--storage-driver=overlay', '--cgroup-manager=cgroupfs', '--events-backend=none'],
    ];
  }

  /**
   * @param directory is the caller's to remove.
   * @returns null where podman is not installed, or does not work, of which it says why.
   */
  static async open(directory: string): Promise<Podman | null> {
    mkdirSync(directory);
    const podman = new Podman(directory);
    const archive = join(directory, 'image.tar');
    try {
      execFileSync('tar', ['-C', `${checkout}/packages/guest/build/image`, '-cf', archive, '.']);
      await podman.#do('load', '--quiet', '--input', archive);
      await podman.run();
      return podman;
    } catch (error) {
      process.stderr.write(`Without podman: ${(error as Error).message.trim()}\n`);
      return null;
    } finally {
      rmSync(archive, { force: true });
    }
  }

  /** A container that runs `true` and is removed. When it was done, podman does not tell. */
  async run(): Promise<Pick<Life, 'goneMs'>> {
    const begin = performance.now();
    const limits = ['--ulimit=nofile=1024:1024', '--ulimit=nproc=1024:1024']; // its defaults may be above the host's
    await this.#do('run', '--rm', '--network=none', '--cgroups=disabled', ...limits, image, 'true');
    return { goneMs: performance.now() - begin };
  }

  /** Pulls an image that it does not have, and takes it away again. @returns the seconds of the pull. */
  async pull(reference: string): Promise<number> {
    const begin = performance.now();
    await this.#do('pull', '--quiet', '--tls-verify=false', reference);
    const seconds = (performance.now() - begin) / 1000;
    await this.#do('rmi', '--force', reference);
    return seconds;
  }

  async #do(...args: readonly string[]): Promise<void> {
    await promisify(execFile)('unshare', [...this.#command, ...args], { timeout: timeoutMs });
  }
}
