import { create } from '../engine/create.js';
import { environmentFrom } from '../engine/environment.js';
import type { MachinePool } from '../engine/pool.js';
import type { TemplateProgress } from '../engine/template-for.js';
import {
  InvalidConfigError,
  SandboxAlreadyExistsError,
  SandboxNotFoundError,
  SandboxReplacedError,
} from '../errors.js';
import { checkPatches } from '../image/patch.js';
import type { PullListener } from '../image/pull-progress.js';
import { formatReference, parseReference } from '../image/reference.js';
import type { Patch, SandboxConfig, SandboxInit, SecurityProfile } from '../store/record.js';
import { checkName } from '../store/sandbox-store.js';
import {
  checkEnv,
  checkHostname,
  checkInteger,
  checkLifetime,
  checkPullPolicy,
  checkSecurity,
  checkUser,
  hostnameFrom,
} from './config-checks.js';
import { checkInit, InitOptionsBuilder } from './init-options.js';
import { PatchBuilder } from './patch-builder.js';
import { PullProgressCreate } from './pull-progress-create.js';
import { RegistryConfigBuilder } from './registry-config.js';
import { Sandbox } from './sandbox.js';
import { checkRlimit, parseSpec } from './spec.js';

/** A boot takes two seconds under emulation on a quiet machine; a busy one needs room. */
export const defaultBootTimeoutMs = 60_000;
/** Before a sandbox that is replaced is killed, as in `microsandbox`. */
const replaceTimeoutMs = 10_000;
/** Of a name that others make and remove. */
const maxTries = 5;

export interface CreateSandboxOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onTemplate?: ((progress: TemplateProgress) => void) | undefined;
  /** Hears what the pull of the image is at. */
  readonly onPull?: PullListener | undefined;
  /** @internal Where a machine that is ready may be. */
  readonly pool?: MachinePool | undefined;
}

/**
 * Describes a sandbox. Setters only note what they are given; everything is checked at `build()` and `create()`, by name.
 */
export class SandboxBuilder {
  readonly #environment = environmentFrom();
  readonly #name: string;
  readonly #env: Record<string, string> = {};
  readonly #labels: Record<string, string> = {};
  #image: string | undefined;
  readonly #patches: Patch[] = [];
  #pullPolicy = 'if-missing';
  readonly #registry = new RegistryConfigBuilder();
  #cpus = 1;
  #memoryMib = 512;
  #rootDiskMib = 4096;
  #workdir: string | null = null;
  #hostname: string | undefined;
  #shell = '/bin/sh';
  #user: string | undefined;
  readonly #rlimits = new Map<string, { soft: number; hard: number }>();
  #entrypoint: readonly string[] | undefined;
  #cmd: readonly string[] | undefined;
  #init: SandboxInit | null = null;
  #security: SecurityProfile | undefined;
  #ephemeral = false;
  #detached = false;
  #idleTimeoutSecs: number | undefined;
  #maxDurationSecs: number | undefined;
  #coldBoot = false;
  #bootTimeoutMs = defaultBootTimeoutMs;
  #replaceTimeoutMs: number | null = null;

  /** `new SandboxBuilder(name)` is `Sandbox.builder(name)`. */
  constructor(name: string) {
    this.#name = name;
  }

  /**
   * A builder that has all that a specification says; what is set afterwards takes its place.
   *
   * @param json as `SandboxHandle.configJson` gives it; everything but `name` may be left out.
   * @throws InvalidConfigError
   */
  static fromSpecJson(json: string): SandboxBuilder {
    const { name, ...spec } = parseSpec(json);
    const builder = new SandboxBuilder(name);
    if (spec.image !== undefined) builder.image(spec.image);
    if (spec.patches !== undefined) builder.patches(spec.patches);
    if (spec.cpus !== undefined) builder.cpus(spec.cpus);
    if (spec.memoryMib !== undefined) builder.memory(spec.memoryMib);
    if (spec.rootDiskMib !== undefined) builder.rootDisk(spec.rootDiskMib);
    if (spec.workdir != null) builder.workdir(spec.workdir);
    if (spec.hostname !== undefined) builder.hostname(spec.hostname);
    if (spec.shell !== undefined) builder.shell(spec.shell);
    if (spec.init) {
      const { cmd, args, env } = spec.init;
      builder.initWith(cmd, (init) => init.args(args).envs(env));
    }
    if (spec.security !== undefined) builder.security(spec.security);
    if (spec.user !== undefined) builder.user(spec.user);
    if (spec.entrypoint !== undefined) builder.entrypoint(spec.entrypoint);
    if (spec.cmd !== undefined) builder.cmd(spec.cmd);
    if (spec.idleTimeoutSecs !== undefined) builder.idleTimeout(spec.idleTimeoutSecs);
    if (spec.maxDurationSecs !== undefined) builder.maxDuration(spec.maxDurationSecs);
    for (const { resource, soft, hard } of spec.rlimits ?? []) builder.rlimitRange(resource, soft, hard);
    return builder
      .envs(spec.env ?? {})
      .labels(spec.labels ?? {})
      .ephemeral(spec.ephemeral ?? false);
  }

  /**
   * The image's reference, such as `alpine` or `mirror.gcr.io/library/alpine:3.20`. One that is not on this machine is pulled from its
   * registry, once.
   */
  image(reference: string): this {
    this.#image = reference;
    return this;
  }
  /**
   * Changes the image's files before the machine boots: `patch((p) => p.text('/etc/motd', 'Hello').remove('/etc/issue'))`. What comes
   * of it is an image of its own, made once and found again by whoever asks for the same. Patches of several calls add up, in their
   * order. `configure` is called at once.
   */
  patch(configure: (patches: PatchBuilder) => PatchBuilder): this {
    return this.patches(configure(new PatchBuilder()).list);
  }
  /** @internal Like {@link patch}, as data. */
  patches(patches: readonly Patch[]): this {
    this.#patches.push(...patches);
    return this;
  }
  /** Whether its registry is asked for it: `always`, `if-missing` or `never`; default `if-missing`. */
  pullPolicy(policy: string): this {
    this.#pullPolicy = policy;
    return this;
  }
  /** How its registry is to be talked to, where the usual will not do. `configure` is called at once. */
  registry(configure: (registry: RegistryConfigBuilder) => RegistryConfigBuilder): this {
    configure(this.#registry);
    return this;
  }
  /** Virtual processors; default 1. */
  cpus(count: number): this {
    this.#cpus = count;
    return this;
  }
  /** Memory in MiB; default 512. */
  memory(mib: number): this {
    this.#memoryMib = mib;
    return this;
  }
  /** Size of the writable disk in MiB; default 4096. It is sparse: it takes what the guest writes. */
  rootDisk(sizeMiB: number): this {
    this.#rootDiskMib = sizeMiB;
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
  /** A note to whoever lists sandboxes; it means nothing to the guest. */
  label(key: string, value: string): this {
    this.#labels[key] = value;
    return this;
  }

  labels(labels: Readonly<Record<string, string>>): this {
    Object.assign(this.#labels, labels);
    return this;
  }

  /** Where commands run that name no directory; default the image's. */
  workdir(path: string): this {
    this.#workdir = path;
    return this;
  }
  /** Default: the sandbox's name, made fit. */
  hostname(name: string): this {
    this.#hostname = name;
    return this;
  }
  /** What `shell()` runs; default `/bin/sh`. */
  shell(path: string): this {
    this.#shell = path;
    return this;
  }
  /** Who runs commands that name nobody: `name` or `uid`, with `:group` or `:gid`; default the image's, else root. */
  user(user: string): this {
    this.#user = user;
    return this;
  }
  /** A limit such as `nofile` for each command, soft and hard alike; one that a command names itself takes its place. */
  rlimit(resource: string, limit: number): this {
    return this.rlimitRange(resource, limit, limit);
  }
  rlimitRange(resource: string, soft: number, hard: number): this {
    this.#rlimits.set(resource, { soft, hard });
    return this;
  }
  /** What `execDefault()` runs, in the place of the image's entry point; the image's arguments then go, too. */
  entrypoint(cmd: readonly string[]): this {
    this.#entrypoint = [...cmd];
    return this;
  }
  /** The arguments of the entry point, in the place of the image's; the command itself where there is no entry point. */
  cmd(cmd: readonly string[]): this {
    this.#cmd = [...cmd];
    return this;
  }
  /** Whether the machine outlives this process; default false. */
  detached(enabled: boolean): this {
    this.#detached = enabled;
    return this;
  }
  /**
   * Hands PID 1 over to an init of the guest's as soon as its root is ready; commands run beside it, as children of the agent. Stopping
   * tells it to power off (SIGRTMIN+4, as systemd has it, else SIGTERM), waits for that within the budget, and is as durable as ever.
   * A guest that powers itself off has stopped; an init that just ends is a crash.
   *
   * @param cmd an absolute path in the guest, or `auto`: the image's entrypoint where that is a known init, else the first there is of
   *   `/sbin/init`, `/lib/systemd/systemd`, `/usr/lib/systemd/systemd`. One that cannot be executed is a BootFailedError of phase `init`.
   * @param args what follows `cmd`, which is `argv[0]`; default none. For its environment, see {@link initWith}.
   */
  init(cmd: string, args: Iterable<string> | null = []): this {
    return this.initWith(cmd, (options) => options.args(args ?? []));
  }
  /** Like {@link init}, with arguments and an environment. `configure` is called at once. */
  initWith(cmd: string, configure: (options: InitOptionsBuilder) => InitOptionsBuilder): this {
    this.#init = configure(new InitOptionsBuilder()).build(cmd);
    return this;
  }
  /**
   * What the guest may do; default `default`: root has all capabilities, may mount, and may change its kernel's settings. `restricted`:
   * every process has the capabilities that a container's root usually has, and can gain no others; setuid programs and device nodes
   * mean nothing, and the kernel's settings are read-only. Not together with an init.
   */
  security(profile: SecurityProfile): this {
    this.#security = profile;
    return this;
  }
  /** Whether it is removed as soon as its owner dies or disposes of it; default false. */
  ephemeral(enabled: boolean): this {
    this.#ephemeral = enabled;
    return this;
  }
  /**
   * Stops the machine when it has been idle for so many seconds, so that nothing it wrote is lost. Idle is one that runs no command and
   * has no connection that somebody here has opened, and of which nobody asks anything: `touch()` counts, `ping()` does not. Default:
   * never.
   */
  idleTimeout(secs: number): this {
    this.#idleTimeoutSecs = secs;
    return this;
  }
  /** Stops the machine when it has run for so many seconds, whatever it is at, so that nothing it wrote is lost. Default: never. */
  maxDuration(secs: number): this {
    this.#maxDurationSecs = secs;
    return this;
  }
  /**
   * Boots the machine's kernel. Otherwise it is a clone of one that was frozen when its agent was ready: the same machine, fresh in all
   * that tells one from another, in a tenth of the time.
   */
  coldBoot(): this {
    this.#coldBoot = true;
    return this;
  }
  /** Milliseconds from starting the VMM until the agent is ready; default 60,000. */
  bootTimeout(ms: number): this {
    this.#bootTimeoutMs = ms;
    return this;
  }
  /** Takes the name over from a sandbox that has it: that one is stopped, within 10,000 ms, and removed. */
  replace(): this {
    return this.replaceWithTimeout(replaceTimeoutMs);
  }
  /** Like {@link replace}, with a budget in milliseconds for the graceful stop; 0 kills at once. */
  replaceWithTimeout(timeoutMs: number): this {
    this.#replaceTimeoutMs = timeoutMs;
    return this;
  }

  /** The configuration, checked. @throws InvalidConfigError, PatchFailedError */
  async build(): Promise<SandboxConfig> {
    return this.checked();
  }

  /** @internal Like {@link build}, for those who cannot wait. */
  checked(): SandboxConfig {
    checkInteger('bootTimeout', this.#bootTimeoutMs, 1, 3_600_000, ' ms');
    checkName(this.#name);
    if (this.#image === undefined)
      throw new InvalidConfigError(`Sandbox "${this.#name}" needs an image: .image('alpine')`);
    checkPullPolicy(this.#pullPolicy);
    checkEnv(this.#env);
    checkPatches(this.#patches);
    const rlimits = [...this.#rlimits].map(([resource, { soft, hard }]) => checkRlimit(resource, soft, hard));
    const idleTimeoutSecs = checkLifetime('idleTimeout', this.#idleTimeoutSecs);
    const maxDurationSecs = checkLifetime('maxDuration', this.#maxDurationSecs);
    return {
      name: this.#name,
      image: formatReference(parseReference(this.#image)),
      ...(this.#patches.length === 0 ? {} : { patches: this.#patches }),
      cpus: checkInteger('cpus', this.#cpus, 1, 64, ''),
      memoryMib: checkInteger('memory', this.#memoryMib, 16, 1024 * 1024, ' MiB'),
      rootDiskMib: checkInteger('rootDisk', this.#rootDiskMib, 16, 16 * 1024 * 1024, ' MiB'),
      env: this.#env,
      workdir: this.#workdir,
      hostname: this.#hostname === undefined ? hostnameFrom(this.#name) : checkHostname(this.#hostname),
      shell: this.#shell,
      ephemeral: this.#ephemeral,
      labels: this.#labels,
      ...(this.#user === undefined ? {} : { user: checkUser(this.#user) }),
      ...(this.#init === null ? {} : { init: checkInit(this.#init) }),
      ...(this.#security === undefined ? {} : { security: checkSecurity(this.#security, this.#init) }),
      ...(rlimits.length === 0 ? {} : { rlimits }),
      ...(this.#entrypoint === undefined ? {} : { entrypoint: this.#entrypoint }),
      ...(this.#cmd === undefined ? {} : { cmd: this.#cmd }),
      ...(idleTimeoutSecs === undefined ? {} : { idleTimeoutSecs }),
      ...(maxDurationSecs === undefined ? {} : { maxDurationSecs }),
    };
  }

  /**
   * Pulls the image if it is not here, makes the sandbox, boots it and waits for its agent. When it fails nothing is left: no process,
   * file or claimed name. What came of an image stays for the next time.
   *
   * @param options.signal aborts the pull or the boot.
   * @param options.onPull hears what the pull is at.
   * @param options.onTemplate hears when a template has to be made first, once for each kind of machine, and when it is made.
   * @throws InvalidConfigError, PatchFailedError, SandboxAlreadyExistsError, ImageNotFoundError, HttpError, ImageError, TimeoutError, HypervisorUnavailableError,
   *   MissingDependencyError, IoError, BootFailedError.
   */
  async create({ onPull, ...options }: CreateSandboxOptions = {}): Promise<Sandbox> {
    const config = this.checked();
    const pull = {
      policy: checkPullPolicy(this.#pullPolicy),
      registry: this.#registry.build(),
      onProgress: onPull,
    };
    const { directory, record, machine } = await create(this.#environment, config, {
      timeoutMs: this.#bootTimeoutMs,
      replaceTimeoutMs: this.#replaceTimeoutMs,
      coldBoot: this.#coldBoot,
      pull,
      ...options,
    });
    const sandbox = new Sandbox(this.#environment, directory, record, machine);
    if (this.#detached) await sandbox.detach();
    return sandbox;
  }

  /** Like {@link create}, with what the pull of its image has to tell. Resolves at once. @throws InvalidConfigError */
  async createWithPullProgress(options: CreateSandboxOptions = {}): Promise<PullProgressCreate> {
    this.checked();
    return new PullProgressCreate((listener) =>
      this.create({
        ...options,
        onPull: (event) => {
          listener(event);
          options.onPull?.(event);
        },
      }),
    );
  }

  /**
   * Connects to the sandbox of this name, starting it if need be, or makes it where there is none. What this builder says counts only
   * for one that is made; what there is stays as it is.
   *
   * @throws what {@link create} throws, and `SandboxHandle.connectOrStart()`.
   */
  async connectOrCreate(options: CreateSandboxOptions = {}): Promise<Sandbox> {
    for (let tries = 1; ; tries++) {
      try {
        const handle = await Sandbox.get(this.#name);
        return await handle.connectOrStart({ detached: this.#detached });
      } catch (error) {
        if (!isGone(error)) throw error;
      }
      try {
        return await this.create(options);
      } catch (error) {
        // Somebody else made it meanwhile. Who makes and removes it all the time is not raced for ever.
        if (!(error instanceof SandboxAlreadyExistsError) || tries === maxTries) throw error;
      }
    }
  }
}

const isGone = (error: unknown) =>
  error instanceof SandboxNotFoundError || error instanceof SandboxReplacedError;
