import { types } from 'node:util';
import { decode, encode } from 'cborg';
import { AgentProtocolError } from '../errors.js';

/** The protocol generation that we speak. */
export const PROTOCOL_GENERATION = 7;

/** A decoded body: `{v, t, p}` with the payload opened. */
export interface Message {
  readonly type: string;
  readonly payload: Payload;
}

/** What a payload may be made of on our side; `undefined` entries are left out. */
export type PayloadFields = { readonly [key: string]: PayloadValue | undefined };
type PayloadValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | readonly PayloadValue[]
  | PayloadFields;

const encodeOptions = {
  ignoreUndefinedProperties: true,
  mapSorter: () => 0, // the order in which fields are written is the order on the wire, as other generation-7 peers do
};

const decodeOptions = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  rejectDuplicateMapKeys: true,
  useMaps: true,
};

/** The body of a frame. */
export function encodeMessage(type: string, payload: PayloadFields = {}): Uint8Array {
  const [head, bulk] = messageParts(type, payload);
  return bulk ? Buffer.concat([head, bulk]) : head;
}

/** The same in two parts, if it carries bulk data: that is as it was given, and so is copied by nobody here. */
export function messageParts(
  type: string,
  payload: PayloadFields = {},
): readonly [head: Uint8Array, bulk?: Uint8Array] {
  const { data, ...rest } = payload;
  if (!types.isUint8Array(data) || data.length < bulkWorth || Object.keys(rest).length > 0)
    return [encode({ v: PROTOCOL_GENERATION, t: type, p: encode(payload, encodeOptions) }, encodeOptions)];
  const within = Buffer.concat([bulkData, bytesHead(data.length)]);
  const head = [bulkStart, encode(type), bulkPayload, bytesHead(within.length + data.length), within];
  return [Buffer.concat(head), data];
}

/** Opens the body of a frame from the guest; strict, since the guest is hostile.
 * @throws AgentProtocolError */
export function decodeMessage(body: Uint8Array): Message {
  const bulk = decodeBulk(body);
  if (bulk) return bulk;
  const envelope = new Payload('envelope', decodeMap(body, 'envelope'));
  const type = envelope.text('t');
  envelope.uint('v');
  return { type, payload: new Payload(type, decodeMap(envelope.bytes('p'), type)) };
}

/** `{v: 7, t:` and `, p:`, and within that `{data:`, as every agent writes them that writes the shortest form. */
const bulkStart = encode({ v: PROTOCOL_GENERATION, t: '' }, encodeOptions).subarray(0, -1);
bulkStart[0] = 0xa3;
const bulkPayload = encode('p');
const bulkData = encode({ data: 0 }).subarray(0, -1);
const bulkTypes = ['core.exec.stdout', 'core.exec.stderr', 'core.fs.data', 'core.tcp.data'].map((type) => ({
  type,
  start: Buffer.concat([bulkStart, encode(type), bulkPayload]),
}));

/**
 * Messages that carry bulk data have one form, whose data is given as it lies, where a decoder of all forms copies it twice. Whatever has
 * another form is that decoder's.
 */
function decodeBulk(body: Uint8Array): Message | undefined {
  if (body.length < bulkWorth) return undefined;
  for (const { type, start } of bulkTypes) {
    if (!begins(body, 0, start)) continue;
    const payload = lastBytes(body, start.length);
    const data =
      payload !== undefined && begins(body, payload, bulkData)
        ? lastBytes(body, payload + bulkData.length)
        : undefined;
    if (data === undefined) return undefined;
    const view = new Uint8Array(body.buffer, body.byteOffset + data, body.length - data);
    return { type, payload: new Payload(type, new Map([['data', view]])) };
  }
  return undefined;
}

/** Less is not bulk. It is at least so much that its length takes three bytes. */
const bulkWorth = 1024;

function begins(bytes: Uint8Array, at: number, start: Uint8Array): boolean {
  for (let i = 0; i < start.length; i++) if (bytes[at + i] !== start[i]) return false;
  return true;
}

/** What a byte string of a bulk message begins with. */
function bytesHead(length: number): Uint8Array {
  const head = Buffer.alloc(length > 0xffff ? 5 : 3);
  head[0] = length > 0xffff ? 0x5a : 0x59;
  head.writeUIntBE(length, 1, head.length - 1);
  return head;
}

/** Where the content begins of a byte string that goes to the end of all and has its length in the shortest form, if it is one. */
function lastBytes(bytes: Uint8Array, at: number): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes[at] === 0x59 && view.getUint16(at + 1) === bytes.length - at - 3) return at + 3;
  if (bytes[at] !== 0x5a || at + 5 > bytes.length) return undefined;
  const length = view.getUint32(at + 1);
  return length > 0xffff && length === bytes.length - at - 5 ? at + 5 : undefined;
}

function decodeMap(bytes: Uint8Array, what: string): ReadonlyMap<unknown, unknown> {
  let value: unknown;
  try {
    value = decode(bytes, decodeOptions);
  } catch (error) {
    throw new AgentProtocolError(
      `The agent sent a ${what} that is not valid CBOR: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
  // Not instanceof: test runners have realms with a Map of their own.
  if (!types.isMap(value)) throw new AgentProtocolError(`The agent sent a ${what} that is not a CBOR map.`);
  return value;
}

/** A payload's fields, each checked for its type when it is read. */
export class Payload {
  readonly #type: string;
  readonly #fields: ReadonlyMap<unknown, unknown>;

  constructor(type: string, fields: ReadonlyMap<unknown, unknown>) {
    this.#type = type;
    this.#fields = fields;
  }

  text(key: string): string {
    return this.optionalText(key) ?? this.#missing(key, 'a text');
  }

  optionalText(key: string): string | undefined {
    return this.#optional(key, 'a text', (value) => typeof value === 'string');
  }

  bytes(key: string): Uint8Array {
    return (
      this.#optional<Uint8Array>(key, 'a byte string', types.isUint8Array) ??
      this.#missing(key, 'a byte string')
    );
  }

  bool(key: string): boolean {
    return (
      this.#optional<boolean>(key, 'a boolean', (v) => typeof v === 'boolean') ??
      this.#missing(key, 'a boolean')
    );
  }

  /** A non-negative integer; one past 2^53 loses its lowest bits, which no field of ours minds. */
  uint(key: string): number {
    const value = this.int(key);
    if (value < 0) throw this.#wrong(key, 'a non-negative integer');
    return value;
  }

  int(key: string): number {
    return this.optionalInt(key) ?? this.#missing(key, 'an integer');
  }

  optionalInt(key: string): number | undefined {
    const value = this.#optional<number | bigint>(
      key,
      'an integer',
      (v) => typeof v === 'bigint' || Number.isSafeInteger(v),
    );
    return value === undefined ? undefined : Number(value);
  }

  /** A map within it. */
  map(key: string): Payload {
    const value = this.#optional<ReadonlyMap<unknown, unknown>>(key, 'a map', types.isMap);
    return new Payload(`${this.#type}’s ${key}`, value ?? this.#missing(key, 'a map'));
  }

  /** An array of maps within it. */
  maps(key: string): Payload[] {
    const value = this.#optional<unknown[]>(
      key,
      'an array of maps',
      (v) => Array.isArray(v) && v.every(types.isMap),
    );
    return (value ?? this.#missing(key, 'an array of maps')).map(
      (each) => new Payload(`${this.#type}’s ${key}`, each as ReadonlyMap<unknown, unknown>),
    );
  }

  #optional<T>(key: string, kind: string, is: (value: unknown) => boolean): T | undefined {
    const value = this.#fields.get(key);
    if (value === undefined || value === null) return undefined;
    if (!is(value)) throw this.#wrong(key, kind);
    return value as T;
  }

  #missing(key: string, kind: string): never {
    throw this.#wrong(key, kind);
  }

  #wrong(key: string, kind: string): AgentProtocolError {
    return new AgentProtocolError(`The agent sent a ${this.#type} whose "${key}" is not ${kind}.`);
  }
}
