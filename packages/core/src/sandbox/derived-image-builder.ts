import { InvalidConfigError } from '../errors.js';
import type { Derivation } from '../image/derived-image.js';
import { checkPatches } from '../image/patch.js';
import { parseReference } from '../image/reference.js';
import type { Patch } from '../store/record.js';
import type { ImageHandle } from './image.js';
import { PatchBuilder } from './patch-builder.js';
import { signalNumber } from './signal-number.js';

/** Describes an image that is made of another: changes of its files, and of its configuration. What is not named stays. */
export class DerivedImageBuilder {
  readonly #patches: Patch[] = [];
  readonly #env: Record<string, string> = {};
  readonly #labels: Record<string, string> = {};
  readonly #settings: {
    workdir?: string;
    user?: string;
    entrypoint?: readonly string[];
    cmd?: readonly string[];
    stopSignal?: string;
  } = {};
  readonly #build: (derivation: Derivation, name: string) => Promise<ImageHandle>;

  /** @internal */
  constructor(build: (derivation: Derivation, name: string) => Promise<ImageHandle>) {
    this.#build = build;
  }

  /** As `SandboxBuilder.patch` does. */
  patch(configure: (patches: PatchBuilder) => PatchBuilder): this {
    this.#patches.push(...configure(new PatchBuilder()).list);
    return this;
  }
  env(key: string, value: string): this {
    this.#env[key] = value;
    return this;
  }
  envs(vars: Readonly<Record<string, string>>): this {
    Object.assign(this.#env, vars);
    return this;
  }
  /** Where commands run that name no directory; it is made, if it is not there. */
  workdir(path: string): this {
    this.#settings.workdir = path;
    return this;
  }
  /** Who runs commands that name nobody: `name` or `uid`, with `:group` or `:gid`. */
  user(user: string): this {
    this.#settings.user = user;
    return this;
  }
  /** What `execDefault()` runs; the arguments that the image has go with its entry point. */
  entrypoint(cmd: readonly string[]): this {
    this.#settings.entrypoint = [...cmd];
    return this;
  }
  cmd(cmd: readonly string[]): this {
    this.#settings.cmd = [...cmd];
    return this;
  }
  label(key: string, value: string): this {
    this.#labels[key] = value;
    return this;
  }
  labels(labels: Readonly<Record<string, string>>): this {
    Object.assign(this.#labels, labels);
    return this;
  }
  /** What a stop sends to the command of `execDefault()`, such as `SIGQUIT`. */
  stopSignal(signal: string): this {
    this.#settings.stopSignal = signal;
    return this;
  }

  /**
   * Makes the image, unless it is here already, and names it. An image that has the name loses it.
   *
   * @param reference such as `my-app:test`; without a digest, which is the image's own to have.
   * @throws PatchFailedError, ImageNotFoundError, ImageError, InvalidConfigError, IoError
   */
  async build(reference: string): Promise<ImageHandle> {
    const { digest } = parseReference(reference);
    if (digest !== null)
      throw new InvalidConfigError(
        `"${reference}" names an image by its digest; one that is made gets a tag.`,
      );
    const { workdir, user, entrypoint = [], cmd = [], stopSignal } = this.#settings;
    const environment = Object.entries(this.#env);
    for (const text of [workdir, user, stopSignal, ...entrypoint, ...cmd, ...environment.flat()])
      if (text?.includes('\0'))
        throw new InvalidConfigError(`${JSON.stringify(text)} cannot be of an image: it has a NUL.`);
    for (const [key] of environment)
      if (key === '' || key.includes('='))
        throw new InvalidConfigError(`${JSON.stringify(key)} cannot be the name of an environment variable.`);
    if (workdir !== undefined && !workdir.startsWith('/'))
      throw new InvalidConfigError(
        `workdir is ${JSON.stringify(workdir)}; it is an absolute path of the guest.`,
      );
    if (stopSignal !== undefined && signalNumber(stopSignal) === null)
      throw new InvalidConfigError(
        `stopSignal is ${JSON.stringify(stopSignal)}; it is a signal, such as "SIGQUIT".`,
      );
    const patches: Patch[] = [...this.#patches];
    if (workdir !== undefined) patches.push({ kind: 'mkdir', path: workdir });
    checkPatches(patches);
    const settings = {
      ...this.#settings,
      ...(environment.length > 0 ? { env: this.#env } : {}),
      ...(Object.keys(this.#labels).length > 0 ? { labels: this.#labels } : {}),
    };
    return this.#build({ patches, settings }, reference);
  }
}
