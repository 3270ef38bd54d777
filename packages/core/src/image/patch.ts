import { InvalidConfigError, PatchFailedError } from '../errors.js';
import type { Patch } from '../store/record.js';

export type PatchKind = Patch['kind'];

/** As in the npm package `microsandbox`. */
export const PatchKinds: readonly PatchKind[] = [
  'text',
  'file',
  'copyFile',
  'copyDir',
  'symlink',
  'mkdir',
  'remove',
  'append',
];

/** A patch and its place in the list, from 1: what errors call it by. */
export interface NumberedPatch {
  readonly number: number;
  readonly patch: Patch;
}

/** Contents that stand in the list are kept in each sandbox's record; what is larger is copied from the host. */
export const maxInlineBytes = 1024 * 1024;
const maxAllInlineBytes = 4 * 1024 * 1024;
const maxPatches = 1_000;
const maxMode = 0o7777;
/** Linux's PATH_MAX, with its NUL, and NAME_MAX. */
const limits = { pathBytes: 4095, nameBytes: 255 };
/** A layer says by such names what is gone; so it cannot have a file of one. */
const whiteout = '.wh.';

type Field = 'text' | 'mode' | 'boolean';

const fields: { readonly [K in PatchKind]: Readonly<Record<string, readonly [Field, 'must' | 'may']>> } = {
  text: {
    path: ['text', 'must'],
    content: ['text', 'must'],
    mode: ['mode', 'may'],
    replace: ['boolean', 'may'],
  },
  file: {
    path: ['text', 'must'],
    contentBase64: ['text', 'must'],
    mode: ['mode', 'may'],
    replace: ['boolean', 'may'],
  },
  copyFile: {
    src: ['text', 'must'],
    dst: ['text', 'must'],
    mode: ['mode', 'may'],
    replace: ['boolean', 'may'],
  },
  copyDir: { src: ['text', 'must'], dst: ['text', 'must'], replace: ['boolean', 'may'] },
  symlink: { target: ['text', 'must'], link: ['text', 'must'], replace: ['boolean', 'may'] },
  mkdir: { path: ['text', 'must'], mode: ['mode', 'may'] },
  remove: { path: ['text', 'must'] },
  append: { path: ['text', 'must'], content: ['text', 'must'] },
};

const isOfField: Readonly<Record<Field, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string',
  mode: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
};

/**
 * Reads patches from data that somebody wrote: whether each is of a kind that there is, with the fields of that kind. Whether they will
 * do, {@link checkPatches} says.
 *
 * @throws InvalidConfigError
 */
export function parsePatches(value: unknown): readonly Patch[] {
  if (!Array.isArray(value)) throw new InvalidConfigError('patches is not an array of patches.');
  for (const [index, entry] of value.entries()) {
    const what = `patches[${index}]`;
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
      throw new InvalidConfigError(`${what} is not an object with a kind.`);
    const { kind, ...rest } = entry as Record<string, unknown>;
    if (typeof kind !== 'string' || !Object.hasOwn(fields, kind))
      throw new InvalidConfigError(
        `${what} is of kind ${JSON.stringify(kind)}; there are ${PatchKinds.join(', ')}.`,
      );
    const known = fields[kind as PatchKind];
    for (const [name, given] of Object.entries(rest)) {
      const [type] = (Object.hasOwn(known, name) && known[name]) || [];
      if (!type)
        throw new InvalidConfigError(
          `${what} has ${JSON.stringify(name)}, which a ${kind} has not; it has ${Object.keys(known).join(', ')}.`,
        );
      if (given !== undefined && !isOfField[type](given))
        throw new InvalidConfigError(`${name} of ${what} is no ${type === 'mode' ? 'number' : type}.`);
    }
    for (const [name, [, need]] of Object.entries(known)) {
      if (need === 'must' && rest[name] === undefined)
        throw new InvalidConfigError(`${what}, a ${kind}, lacks ${name}.`);
    }
  }
  return value as readonly Patch[];
}

/** Looks at all that can be told without the image and without the host's files. @throws PatchFailedError */
export function checkPatches(patches: readonly Patch[]): void {
  let inline = 0;
  for (const numbered of numberedPatches(patches)) {
    const { patch, number } = numbered;
    if (number > maxPatches) throw patchFailed(numbered, `a list has ${maxPatches} patches at the most`);
    checkPath(numbered);
    if ('mode' in patch && patch.mode !== undefined) checkMode(numbered, patch.mode);
    if ('src' in patch) checkHostPath(numbered, patch.src);
    if (patch.kind === 'symlink') checkTarget(numbered, patch.target);
    const bytes = inlineContent(patch)?.length ?? 0;
    inline += bytes;
    if (bytes > maxInlineBytes || inline > maxAllInlineBytes)
      throw patchFailed(
        numbered,
        `contents that stand in the list end at ${maxInlineBytes} bytes each, and ${maxAllInlineBytes} together`,
        'Write it to a file and use copyFile.',
      );
  }
}

export function numberedPatches(patches: readonly Patch[]): NumberedPatch[] {
  return patches.map((patch, index) => ({ number: index + 1, patch }));
}

/** The path in the guest that a patch is about. */
export function pathOf(patch: Patch): string {
  if ('path' in patch) return patch.path;
  return 'dst' in patch ? patch.dst : patch.link;
}

/** The parts of an absolute path that {@link checkPatches} has let pass. */
export function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

/** The content that a patch brings itself. */
export function inlineContent(patch: Patch): Buffer | null {
  if (patch.kind === 'text' || patch.kind === 'append') return Buffer.from(patch.content);
  return patch.kind === 'file' ? Buffer.from(patch.contentBase64, 'base64') : null;
}

/** Why a name cannot be that of a file of a layer; null if it can. */
export function nameFault(name: string): string | null {
  if (name.startsWith(whiteout)) return `no image has files whose names begin with ${whiteout}`;
  if (Buffer.byteLength(name) > limits.nameBytes) return `a name has ${limits.nameBytes} bytes at the most`;
  return isUnicode(name) ? null : 'its name is not Unicode';
}

export function patchFailed(
  { number, patch }: NumberedPatch,
  why: string,
  remedy = '',
  options?: ErrorOptions,
): PatchFailedError {
  const path = pathOf(patch);
  const message = `Patch ${number} (${patch.kind} ${JSON.stringify(path).slice(1, -1)}) cannot be applied: ${why}.`;
  return new PatchFailedError(
    remedy ? `${message} ${remedy}` : message,
    { number, kind: patch.kind, path },
    options,
  );
}

function checkPath(numbered: NumberedPatch): void {
  const { patch } = numbered;
  const path = pathOf(patch);
  const wrong = (why: string, remedy?: string) => patchFailed(numbered, why, remedy);
  if (!path.startsWith('/')) throw wrong('its path is not absolute', 'Begin it with "/".');
  if (path.includes('\0')) throw wrong('its path has a NUL');
  if (Buffer.byteLength(path) > limits.pathBytes)
    throw wrong(`its path is longer than ${limits.pathBytes} bytes`);
  const parts = partsOf(path);
  if (parts.includes('..')) throw wrong('its path has ".."', 'Write out what it means.');
  const isOfDirectory = patch.kind === 'mkdir' || patch.kind === 'copyDir' || patch.kind === 'remove';
  if (!isOfDirectory && /\/\.?$/.test(path))
    throw wrong('its path ends with "/", as only a directory’s may', 'Name the file itself.');
  if (parts.length === 0 && (patch.kind === 'remove' || (patch.kind === 'mkdir' && patch.mode !== undefined)))
    throw wrong('the root can be neither removed nor given a mode');
  for (const part of parts) {
    const fault = nameFault(part);
    if (fault !== null) throw wrong(fault);
  }
}

function checkMode(numbered: NumberedPatch, mode: number): void {
  if (!Number.isInteger(mode) || mode < 0 || mode > maxMode)
    throw patchFailed(numbered, `mode ${mode} is not one from 0 to 0o7777`, 'Permissions are octal: 0o644.');
}

function checkHostPath(numbered: NumberedPatch, src: string): void {
  if (src === '' || src.includes('\0'))
    throw patchFailed(numbered, `its source ${JSON.stringify(src)} is no path of the host`);
}

function checkTarget(numbered: NumberedPatch, target: string): void {
  if (
    target === '' ||
    target.includes('\0') ||
    Buffer.byteLength(target) > limits.pathBytes ||
    !isUnicode(target)
  )
    throw patchFailed(numbered, `its target is not a path of 1 to ${limits.pathBytes} bytes without a NUL`);
}

const isUnicode = (text: string) => Buffer.from(text).toString() === text;
