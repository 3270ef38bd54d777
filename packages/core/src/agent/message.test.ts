import { decode } from 'cborg';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AgentProtocolError } from '../errors.js';
import { decodeMessage, encodeMessage, Payload, type PayloadFields } from './message.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('messages', () => {
  it('are the bytes of generation 7', () => {
    const text = (value: string) => (0x60 + value.length).toString(16) + Buffer.from(value).toString('hex');
    expect(hex(encodeMessage('core.shutdown'))).toBe(
      `a3${text('v')}07${text('t')}${text('core.shutdown')}${text('p')}41a0`,
    );
    expect(hex(encodeMessage('core.exec.signal', { signal: 15 }))).toBe(
      `a3${text('v')}07${text('t')}${text('core.exec.signal')}${text('p')}49a1${text('signal')}0f`,
    );
  });

  it('read back what was written, byte data included', () => {
    const { type, payload } = decodeMessage(
      encodeMessage('x', {
        text: 'é',
        n: -1,
        big: 1n << 60n,
        data: new Uint8Array([0, 255]),
        yes: true,
        no: undefined,
        nil: null,
      }),
    );
    expect(type).toBe('x');
    expect(payload.text('text')).toBe('é');
    expect(payload.int('n')).toBe(-1);
    expect(payload.uint('big')).toBe(2 ** 60);
    expect([...payload.bytes('data')]).toEqual([0, 255]);
    expect(payload.bool('yes')).toBe(true);
    expect(payload.optionalText('no')).toBeUndefined();
    expect(payload.optionalText('nil')).toBeUndefined();
  });

  it('are the same whether their data is bulk or not', () => {
    const around = [0, 1, 1023, 1024, 1025, 65_535, 65_536, 70_000].flatMap((n) => [n - 60, n - 30, n]);
    const length = fc.oneof(fc.constantFrom(...around.filter((n) => n >= 0)), fc.nat({ max: 80_000 }));
    const type = fc.constantFrom(
      'core.exec.stdout',
      'core.exec.stderr',
      'core.fs.data',
      'core.tcp.data',
      'x.y',
    );
    fc.assert(
      fc.property(type, length, fc.boolean(), (name, size, isMore) => {
        const data = new Uint8Array(size).map((_, i) => i * 7);
        const message = decodeMessage(encodeMessage(name, { data, ...(isMore && { more: 1 }) }));
        expect(message.type).toBe(name);
        const read = message.payload.bytes('data');
        expect(Buffer.compare(read, data), 'byte for byte').toBe(0);
        expect(Object.getPrototypeOf(read)).toBe(Uint8Array.prototype);
        expect(message.payload.optionalInt('more')).toBe(isMore ? 1 : undefined);
      }),
      { numRuns: 300 },
    );
  });

  it('with bulk data, cut or changed anywhere before it, are what a decoder of all forms makes of them', () => {
    const strict = { strict: true, allowIndefinite: false, rejectDuplicateMapKeys: true, useMaps: true };
    const slowly = (bytes: Uint8Array) => {
      const envelope = decode(bytes, strict) as Map<string, unknown>;
      const data = (decode(envelope.get('p') as Uint8Array, strict) as Map<string, Uint8Array>).get('data');
      const [generation, type] = [envelope.get('v'), envelope.get('t')];
      if (!Number.isSafeInteger(generation) || Number(generation) < 0 || typeof type !== 'string')
        throw new Error('no envelope');
      if (!(data instanceof Uint8Array)) throw new Error('no data');
      return `${type} ${data.length}`;
    };
    const quickly = (bytes: Uint8Array) => {
      const { type, payload } = decodeMessage(bytes);
      return `${type} ${payload.bytes('data').length}`;
    };
    const whole = encodeMessage('core.exec.stdout', { data: new Uint8Array(66_000) });
    const head = whole.length - 66_000;
    fc.assert(
      fc.property(fc.nat({ max: head - 1 }), fc.nat({ max: 255 }), fc.nat({ max: 3 }), (at, value, cut) => {
        const bytes = Uint8Array.from(whole.subarray(0, whole.length - cut));
        bytes[at] = value;
        let expected: string;
        try {
          expected = slowly(bytes);
        } catch {
          expect(() => quickly(bytes)).toThrow(AgentProtocolError);
          return;
        }
        expect(quickly(bytes)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it('check each field for its type', () => {
    const { payload } = decodeMessage(encodeMessage('core.exec.exited', { code: 'zero' }));
    expect(() => payload.int('code')).toThrow(
      'The agent sent a core.exec.exited whose "code" is not an integer.',
    );
    expect(() => payload.text('absent')).toThrow(AgentProtocolError);
  });

  it('turn whatever a guest sends into a message or a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeMessage(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(AgentProtocolError);
        }
      }),
      { numRuns: 2000 },
    );
    const deep = new Uint8Array(3_000_000).fill(0x81); // arrays in arrays, to the stack's end
    expect(() => decodeMessage(deep)).toThrow(AgentProtocolError);
  });

  it('survive mutation of valid bodies', () => {
    const valid = encodeMessage('core.exec.stdout', { data: new Uint8Array(40) });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: valid.length - 1 }), fc.nat({ max: 255 })), { maxLength: 6 }),
        (edits) => {
          const body = Uint8Array.from(valid);
          for (const [at, value] of edits) body[at] = value;
          try {
            decodeMessage(body).payload.bytes('data');
          } catch (error) {
            expect(error).toBeInstanceOf(AgentProtocolError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('give, whatever is in a field, a value of the type that was asked for or a typed error', () => {
    const key = fc.constantFrom('data', 'code', 'message', 'list', 'ok');
    const leaf = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.bigInt({ min: -(1n << 63n), max: (1n << 64n) - 1n }),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array({ maxLength: 12 }),
    );
    const value = fc.oneof(leaf, fc.array(leaf, { maxLength: 4 }), fc.dictionary(key, leaf, { maxKeys: 3 }));
    const readers: ((payload: Payload, name: string) => unknown)[] = [
      (payload, name) => expect(typeof payload.text(name)).toBe('string'),
      (payload, name) => expect(payload.bytes(name)).toBeInstanceOf(Uint8Array),
      (payload, name) => expect(typeof payload.bool(name)).toBe('boolean'),
      (payload, name) => expect(payload.uint(name)).toBeGreaterThanOrEqual(0),
      (payload, name) => expect(Number.isFinite(payload.int(name))).toBe(true),
      (payload, name) => expect(['string', 'undefined']).toContain(typeof payload.optionalText(name)),
      (payload, name) => expect(['number', 'undefined']).toContain(typeof payload.optionalInt(name)),
      (payload, name) => expect(payload.map(name)).toBeInstanceOf(Payload),
      (payload, name) => expect(payload.maps(name)).toBeInstanceOf(Array),
    ];
    fc.assert(
      fc.property(
        fc.dictionary(key, value, { maxKeys: 4 }),
        key,
        fc.constantFrom(...readers),
        (fields, name, read) => {
          const { payload } = decodeMessage(encodeMessage('core.any', fields as PayloadFields));
          try {
            read(payload, name);
          } catch (error) {
            expect(error).toBeInstanceOf(AgentProtocolError);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});
