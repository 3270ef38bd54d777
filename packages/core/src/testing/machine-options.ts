import { baseImage } from '@msbtest/guest';
import { InvalidConfigError, PatchFailedError } from '../errors.js';
import { parsePatches } from '../image/patch.js';
import { Sandbox } from '../sandbox/sandbox.js';
import type { SandboxBuilder } from '../sandbox/sandbox-builder.js';
import type { Patch, SecurityProfile } from '../store/record.js';

/** An init with what `SandboxBuilder.initWith` would be told of it. */
export interface MachineInit {
  readonly cmd: string;
  readonly args?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** The machine that a test asks for. All of it is plain data, so that it can travel to workers and into reports. */
export interface MachineOptions {
  /** The image's reference; default `msb-base`, a small root with a shell. */
  readonly image?: string | undefined;
  /** What is changed of the image's files, in this order, after what outer levels change: `[{ kind: 'text', path: '/etc/motd', … }]`. */
  readonly patches?: readonly Patch[] | undefined;
  /** Virtual processors; default 1. */
  readonly cpus?: number | undefined;
  /** Memory in MiB; default 512. */
  readonly memory?: number | undefined;
  /** Size of the writable disk in MiB; default 4096. It is sparse. */
  readonly rootDisk?: number | undefined;
  /** Environment of every command in the machine. Those of outer levels stay, name by name. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Where commands run that name no directory; default the image's. */
  readonly workdir?: string | undefined;
  readonly hostname?: string | undefined;
  /** What `sandbox.shell()` runs; default `/bin/sh`. */
  readonly shell?: string | undefined;
  /** What is PID 1 in the agent's place: an absolute path in the guest or `auto`, alone or with arguments and an environment. */
  readonly init?: string | MachineInit | undefined;
  /** What the guest may do: `default` everything, `restricted` what a container's root may, and less. Not together with an init. */
  readonly security?: SecurityProfile | undefined;
  /** Milliseconds for the boot, which no test's time-out counts; default 60,000. */
  readonly bootTimeout?: number | undefined;
  /**
   * Whether the machine's kernel boots. Otherwise it is a clone of one that was frozen when its agent was ready, which takes a tenth of
   * the time. Default false.
   */
  readonly coldBoot?: boolean | undefined;
  /** `on-failure`: when its test fails, the machine stays, and the way into it is printed. Default `never`. */
  readonly keep?: 'never' | 'on-failure' | undefined;
}

type Check = (value: unknown) => string | undefined;

const text: Check = (value) => (typeof value === 'string' ? undefined : 'a string');
const count: Check = (value) => (Number.isInteger(value) ? undefined : 'a whole number');

const checks: Readonly<Record<keyof MachineOptions, Check>> = {
  image: text,
  patches: (value) => {
    parsePatches(value);
    return undefined;
  },
  cpus: count,
  memory: count,
  rootDisk: count,
  env: (value) => (isTexts(value) ? undefined : 'an object of strings'),
  workdir: text,
  hostname: text,
  shell: text,
  init: (value) =>
    typeof value === 'string' || isInit(value) ? undefined : 'a path, or an object of cmd, args and env',
  security: (value) =>
    value === 'default' || value === 'restricted' ? undefined : '"default" or "restricted"',
  bootTimeout: count,
  coldBoot: (value) => (typeof value === 'boolean' ? undefined : 'true or false'),
  keep: (value) => (value === 'never' || value === 'on-failure' ? undefined : '"never" or "on-failure"'),
};

/** The names of all options. */
export const machineOptionNames = Object.keys(checks) as readonly (keyof MachineOptions)[];

/**
 * Checks what somebody wrote, by name.
 *
 * @param where what to call the place in the error, such as `test.msb("boots")`.
 * @throws InvalidConfigError
 */
export function checkMachineOptions(value: unknown, where: string): MachineOptions {
  if (value === undefined) return {};
  if (!isPlainObject(value))
    throw new InvalidConfigError(`${where}: the machine's options are an object, not ${typeof value}.`);
  try {
    checkEach(value);
    configure(Sandbox.builder('options'), value).checked(); // ranges are the builder's to know
  } catch (error) {
    if (error instanceof PatchFailedError)
      throw new PatchFailedError(`${where}: ${error.message}`, error, { cause: error });
    if (!(error instanceof InvalidConfigError)) throw error;
    throw new InvalidConfigError(`${where}: ${error.message}`, { cause: error });
  }
  return value;
}

function checkEach(options: Record<string, unknown>): void {
  for (const [name, entry] of Object.entries(options)) {
    if (!Object.hasOwn(checks, name)) {
      const near = nearest(name);
      throw new InvalidConfigError(
        `"${name}" is not an option of a machine${near ? `; is it "${near}"` : ''}? ` +
          `There are ${machineOptionNames.join(', ')}.`,
      );
    }
    const wanted = entry === undefined ? undefined : checks[name as keyof MachineOptions](entry);
    if (wanted !== undefined)
      throw new InvalidConfigError(`${name} is ${JSON.stringify(entry)}; it is ${wanted}.`);
  }
}

/** Joins options, the later over the earlier; environments name by name, patches one after the other. */
export function mergeMachineOptions(...levels: readonly (MachineOptions | undefined)[]): MachineOptions {
  const env = Object.assign({}, ...levels.map((level) => level?.env));
  const given = levels.map((level) =>
    Object.fromEntries(Object.entries(level ?? {}).filter(([, value]) => value !== undefined)),
  );
  // Once each: a runner may hand on to inner levels what it found at an outer one.
  const patches = [...new Set(levels.map((level) => level?.patches))].flatMap((list) => list ?? []);
  const merged: MachineOptions = Object.assign({}, ...given);
  return {
    ...merged,
    ...(Object.keys(env).length > 0 ? { env } : {}),
    ...(patches.length > 0 ? { patches } : {}),
  };
}

/** Gives the options to a builder. */
export function configure(builder: SandboxBuilder, options: MachineOptions): SandboxBuilder {
  builder.image(options.image ?? baseImage.reference);
  if (options.patches !== undefined) builder.patches(options.patches);
  if (options.cpus !== undefined) builder.cpus(options.cpus);
  if (options.memory !== undefined) builder.memory(options.memory);
  if (options.rootDisk !== undefined) builder.rootDisk(options.rootDisk);
  if (options.env !== undefined) builder.envs(options.env);
  if (options.workdir !== undefined) builder.workdir(options.workdir);
  if (options.hostname !== undefined) builder.hostname(options.hostname);
  if (options.shell !== undefined) builder.shell(options.shell);
  if (typeof options.init === 'string') builder.init(options.init);
  else if (options.init !== undefined) {
    const { cmd, args = [], env = {} } = options.init;
    builder.initWith(cmd, (init) => init.args(args).envs(env));
  }
  if (options.security !== undefined) builder.security(options.security);
  if (options.bootTimeout !== undefined) builder.bootTimeout(options.bootTimeout);
  if (options.coldBoot) builder.coldBoot();
  return builder;
}

function isInit(value: unknown): value is MachineInit {
  if (!isPlainObject(value)) return false;
  const { cmd, args = [], env = {}, ...rest } = value;
  const hasTexts = Array.isArray(args) && args.every((arg) => typeof arg === 'string') && isTexts(env);
  return typeof cmd === 'string' && hasTexts && Object.keys(rest).length === 0;
}

function isTexts(value: unknown): value is Record<string, string> {
  return isPlainObject(value) && Object.values(value).every((entry) => typeof entry === 'string');
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The option that a misspelt one comes close to. */
function nearest(name: string): string | undefined {
  const lower = name.toLowerCase();
  return machineOptionNames.find((known) => {
    const other = known.toLowerCase();
    return other.startsWith(lower) || lower.startsWith(other) || distance(lower, other) <= 2;
  });
}

/** How many single letters must be changed, added or dropped (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
