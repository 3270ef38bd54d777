import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AgentProtocolError } from '../errors.js';
import { decodeMessage, encodeMessage } from './message.js';

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
});
