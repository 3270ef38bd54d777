import { describe, expect, it } from 'vitest';
import { parseTestArguments } from './test-arguments.js';

const parse = (...args: unknown[]) =>
  parseTestArguments<{ timeout: number; retry: number }>('test.msb', 't', args, ['timeout', 'retry']);
const body = () => {};

describe('the arguments of a test', () => {
  it('come in the orders that runners allow', () => {
    expect(parse(body)).toMatchObject({ machine: {}, runner: {}, body });
    expect(parse(body, 400)).toMatchObject({ machine: {}, runner: { timeout: 400 }, body });
    expect(parse(body, { retry: 1 })).toMatchObject({ machine: {}, runner: { retry: 1 }, body });
    expect(parse({ cpus: 2 }, body, 400)).toMatchObject({
      machine: { cpus: 2 },
      runner: { timeout: 400 },
      body,
    });
    expect(parse()).toEqual({ where: 'test.msb("t")', machine: {}, runner: {}, body: undefined });
  });

  it("are told apart: the machine's, the runner's, nobody's", () => {
    const options = { cpus: 2, timeout: 400, env: { A: 'b' } };
    expect(parse(options, body)).toMatchObject({
      machine: { cpus: 2, env: { A: 'b' } },
      runner: { timeout: 400 },
      body,
    });
    expect(() => parse({ cpu: 2 }, body)).toThrow('test.msb("t"): "cpu" is not an option of a machine');
    expect(() => parse({ timeout: '5s' }, body)).toThrow('test.msb("t"): timeout is "5s"');
    expect(() => parse({ cpus: 'two' }, body)).toThrow('test.msb("t"): cpus is "two"; it is a whole number.');
  });

  it.each([[[body, body]], [['memory', body]], [[{}, {}, body]], [[null, body]], [[body, 1, 2]]])(
    'are refused when they are something else: %j',
    (args) => {
      expect(() => parse(...args)).toThrow('test.msb("t") takes options, then a function');
    },
  );
});
