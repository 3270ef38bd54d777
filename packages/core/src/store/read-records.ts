import type { BootRecord, ExitRecord, SandboxRecord } from './record.js';

/** What the lock file says of the relay that holds it. */
export interface LockLine {
  readonly pid: number;
  readonly state: 'starting' | 'running' | 'stopping';
}

/** The relay's line in the lock file; undefined where there is none. A pid has seven digits at most. */
export function readLockLine(text: string): LockLine | undefined {
  const [, pid, state] = /^([1-9]\d{0,6}) (starting|running|stopping)\b/.exec(text) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), state: state as LockLine['state'] };
}

/** `record.json`; undefined for what is none, as a disk that was full or lost may leave it. */
export function readSandboxRecord(text: string): SandboxRecord | undefined {
  const record = parse(text);
  const { config, image } = record ?? {};
  const ok =
    record?.version === 1 &&
    typeof record.id === 'string' &&
    typeof record.createdAt === 'string' &&
    isObject(config) &&
    texts(config, 'name', 'image', 'hostname', 'shell') &&
    numbers(config, 'cpus', 'memoryMib', 'rootDiskMib') &&
    isObject(config.env) &&
    isObject(config.labels) &&
    typeof config.ephemeral === 'boolean' &&
    isNullOr(config.workdir, 'string') &&
    (config.init === undefined || config.init === null || isObject(config.init)) &&
    (config.user === undefined || typeof config.user === 'string') &&
    [config.idleTimeoutSecs, config.maxDurationSecs].every((secs) => secs === undefined || isNumber(secs)) &&
    [config.rlimits, config.entrypoint, config.cmd].every(
      (list) => list === undefined || Array.isArray(list),
    ) &&
    isObject(image) &&
    texts(image, 'reference', 'digest', 'rootfs');
  return ok ? (record as unknown as SandboxRecord) : undefined;
}

/** `exit.json`; null for what is none, which says as much as no word of the relay's. */
export function readExitRecord(text: string): ExitRecord | null {
  const record = parse(text);
  const { asked, limits, vmm, spawnError } = record ?? {};
  const ok =
    record !== undefined &&
    numbers(record, 'startedAtUnixMs', 'exitMs') &&
    isNullOr(record.readyMs, 'number') &&
    isObject(asked) &&
    ['shutdownMs', 'killMs', 'ownerDeathMs'].every((key) => isNullOr(asked[key], 'number')) &&
    ['idleTimeoutMs', 'maxDurationMs'].every((key) => isNullOr(asked[key] ?? null, 'number')) &&
    // A relay of before there were such says nothing of them.
    (limits === undefined ||
      (isObject(limits) &&
        ['idleTimeoutMs', 'maxDurationMs'].every((key) => isNullOr(limits[key], 'number')))) &&
    isNullOr(record.cause, 'string') &&
    isNullOr(record.halted, 'string') &&
    (vmm === null ||
      (isObject(vmm) &&
        numbers(vmm, 'pid') &&
        isNullOr(vmm.code, 'number') &&
        isNullOr(vmm.signal, 'number'))) &&
    (spawnError === null ||
      (isObject(spawnError) && numbers(spawnError, 'errno') && texts(spawnError, 'step', 'code')));
  return ok ? (record as unknown as ExitRecord) : null;
}

/** `boot.json`; null for what is none: it only tells where time went. */
export function readBootRecord(text: string): BootRecord | null {
  const record = parse(text);
  const ok =
    record !== undefined &&
    ['cold', 'clone', 'pool'].includes(record.origin as string) &&
    typeof record.forked === 'boolean' &&
    numbers(record, 'spawnMs', 'guestMs', 'totalMs', 'attempts') &&
    isNullOr(record.resumeMs, 'number') &&
    isNullOr(record.renewMs, 'number');
  return ok ? (record as unknown as BootRecord) : null;
}

type Fields = Record<string, unknown>;

function parse(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isNullOr = (value: unknown, type: 'number' | 'string') =>
  value === null || (typeof value === 'string' ? type === 'string' : type === 'number' && isNumber(value));
const isNumber = (value: unknown) => typeof value === 'number' && Number.isFinite(value);
const numbers = (fields: Fields, ...keys: string[]) => keys.every((key) => isNumber(fields[key]));
const texts = (fields: Fields, ...keys: string[]) => keys.every((key) => typeof fields[key] === 'string');
