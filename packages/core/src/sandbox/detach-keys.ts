import { InvalidConfigError } from '../errors.js';

/** As in `microsandbox`. */
export const defaultDetachKeys = 'ctrl-]';

/** Nobody presses more; each that is the beginning of them is held back until the next. */
const keysMax = 16;

/** What Ctrl makes of a key: its five lower bits. */
const ctrlBits = 0x1f;

/**
 * Reads keys as container tools write them: `ctrl-` with a letter or one of `@[\]^_`, or a character, several of them with commas in
 * between.
 *
 * @returns what a terminal sends for them.
 * @throws InvalidConfigError
 */
export function parseDetachKeys(spec: string): Uint8Array {
  const keys = typeof spec === 'string' ? spec.split(',').map(keyCode) : [];
  if (keys.length > 0 && keys.length <= keysMax && keys.every((key) => key !== undefined))
    return Uint8Array.from(keys as number[]);
  throw new InvalidConfigError(
    `detachKeys is ${JSON.stringify(spec)}; it is a sequence such as "ctrl-]" or "ctrl-p,ctrl-q": ctrl- with a letter or one of @[\\]^_, or a character; ${keysMax} at the most.`,
  );
}

function keyCode(key: string): number | undefined {
  const [, ctrl] = /^ctrl-([a-z@[\\\]^_])$/i.exec(key) ?? [];
  if (ctrl !== undefined) return ctrl.charCodeAt(0) & ctrlBits;
  return /^[!-~]$/.test(key) ? key.charCodeAt(0) : undefined;
}

/** What is typed, as far as it is not the keys that are watched for. */
export interface Typed {
  readonly typed: Uint8Array;
  /** What came after the keys; null as long as they have not been pressed. */
  readonly after: Uint8Array | null;
}

/** Looks out for keys in what is typed, however that is cut into pieces. */
export class KeyWatch {
  readonly #keys: Buffer;
  /** A beginning of the keys, which may go on with the next piece. */
  #held: Buffer = Buffer.alloc(0);

  constructor(keys: Uint8Array) {
    this.#keys = Buffer.from(keys);
  }

  push(piece: Uint8Array): Typed {
    const all = Buffer.concat([this.#held, piece]);
    const at = all.indexOf(this.#keys);
    if (at >= 0) {
      this.#held = Buffer.alloc(0);
      return { typed: all.subarray(0, at), after: all.subarray(at + this.#keys.length) };
    }
    let length = Math.min(all.length, this.#keys.length - 1);
    while (!all.subarray(all.length - length).equals(this.#keys.subarray(0, length))) length--;
    this.#held = all.subarray(all.length - length);
    return { typed: all.subarray(0, all.length - length), after: null };
  }
}
