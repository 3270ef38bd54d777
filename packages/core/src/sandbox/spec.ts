import { InvalidConfigError } from '../errors.js';
import { parsePatches } from '../image/patch.js';
import type { Rlimit, RlimitResource, SandboxConfig, SandboxInit } from '../store/record.js';

/** What a specification may say of a sandbox: what {@link SandboxConfig} says, and of that only the name must be there. */
export type SandboxSpec = Partial<SandboxConfig> & Pick<SandboxConfig, 'name'>;

const rlimitResources: readonly string[] = [
  'cpu',
  'fsize',
  'data',
  'stack',
  'core',
  'rss',
  'nproc',
  'nofile',
  'memlock',
  'as',
  'locks',
  'sigpending',
  'msgqueue',
  'nice',
  'rtprio',
  'rttime',
] satisfies RlimitResource[];

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isRecord: Check = (value) => isObject(value) && Object.values(value).every(isText);
const isNumber: Check = (value) => typeof value === 'number';

/** What each field has to be for the builder to look at it; whether its value will do, the builder says. */
const fields: { readonly [K in keyof Required<SandboxConfig>]: readonly [Check, what: string] } = {
  name: [isText, 'a text'],
  image: [isText, 'a text'],
  patches: [Array.isArray, 'an array of patches'],
  cpus: [isNumber, 'a number'],
  memoryMib: [isNumber, 'a number'],
  rootDiskMib: [isNumber, 'a number'],
  env: [isRecord, 'an object of texts'],
  workdir: [(value) => value === null || isText(value), 'a text or null'],
  hostname: [isText, 'a text'],
  shell: [isText, 'a text'],
  init: [(value) => value === null || isInit(value), 'null, or an object of cmd, args and env'],
  security: [isText, 'a text'],
  ephemeral: [(value) => typeof value === 'boolean', 'true or false'],
  labels: [isRecord, 'an object of texts'],
  user: [isText, 'a text'],
  rlimits: [(value) => Array.isArray(value) && value.every(isRlimit), 'an array of {resource, soft, hard}'],
  entrypoint: [isTexts, 'an array of texts'],
  cmd: [isTexts, 'an array of texts'],
  idleTimeoutSecs: [isNumber, 'a number'],
  maxDurationSecs: [isNumber, 'a number'],
};

/**
 * Reads a specification, as `configJson` of a sandbox's handle gives one.
 *
 * @throws InvalidConfigError for what is no such text, and for a field that nobody knows: it would be dropped unheard.
 */
export function parseSpec(json: string): SandboxSpec {
  let spec: unknown;
  try {
    spec = JSON.parse(json);
  } catch (cause) {
    throw new InvalidConfigError(`A sandbox's specification is not JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
  if (!isObject(spec)) throw new InvalidConfigError("A sandbox's specification is a JSON object.");
  if (spec.name === undefined)
    throw new InvalidConfigError("A sandbox's specification names it: name is missing.");
  for (const [key, value] of Object.entries(spec)) {
    if (!Object.hasOwn(fields, key)) {
      throw new InvalidConfigError(
        `A sandbox's specification has ${JSON.stringify(key)}, which nobody knows; it may have ${Object.keys(fields).join(', ')}.`,
      );
    }
    const [check, what] = fields[key as keyof typeof fields];
    if (!check(value)) throw new InvalidConfigError(`${key} of a sandbox's specification is ${what}.`);
    if (key === 'patches') parsePatches(value);
  }
  return spec as SandboxSpec;
}

function isInit(value: unknown): value is SandboxInit {
  return isObject(value) && isText(value.cmd) && isTexts(value.args) && isRecord(value.env);
}

function isRlimit(value: unknown): value is Rlimit {
  return isObject(value) && isText(value.resource) && isNumber(value.soft) && isNumber(value.hard);
}

/** @throws InvalidConfigError */
export function checkRlimit(resource: string, soft: number, hard: number): Rlimit {
  if (!rlimitResources.includes(resource)) {
    throw new InvalidConfigError(
      `rlimit is of ${JSON.stringify(resource)}; there are limits of ${rlimitResources.join(', ')}.`,
    );
  }
  for (const value of [soft, hard]) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    throw new InvalidConfigError(
      `rlimit ${resource} is ${value}; it is a whole number that is not negative.`,
    );
  }
  if (soft > hard)
    throw new InvalidConfigError(`rlimit ${resource} is ${soft}, beyond its hard limit of ${hard}.`);
  return { resource: resource as RlimitResource, soft, hard };
}
