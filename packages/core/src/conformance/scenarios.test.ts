import { describe, expect, it } from 'vitest';
import { capabilities } from './provider.js';
import { judgeControl } from './run.js';
import { scenarios } from './scenarios/index.js';

const outcome = (failure: string | null, left: string[] = []) => ({ failure, left, ms: 1 });

describe('the scenarios', () => {
  it('have ids of their own, and need what there is', () => {
    const ids = scenarios.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, needs } of scenarios) {
      expect(id).toMatch(/^[a-z][a-z0-9-]+$/);
      expect(needs.filter((need) => !Object.hasOwn(capabilities, need))).toEqual([]);
    }
  });

  it('use every capability, so that none is asked for in vain', () => {
    const used = new Set(scenarios.flatMap(({ needs }) => needs));
    // A disk is looked at wherever it can be.
    expect(Object.keys(capabilities).filter((name) => !used.has(name as keyof typeof capabilities))).toEqual([
      'disk-check',
    ]);
  });

  it.each(scenarios)('take no time-out, and no accident, for what the saboteur of $id breaks', (scenario) => {
    for (const accident of [
      'It was not done after 240000 ms.',
      'The other process ended early: it said nothing',
      'connect ECONNREFUSED /run/agent.sock',
      'A command that should succeed exited with 127: sh: dd: not found',
      '',
    ]) {
      expect(judgeControl(scenario, outcome(accident))).toContain('proves nothing');
    }
  });

  it.each(scenarios)(
    'have failed when the saboteur of $id is not noticed, or leaves something',
    (scenario) => {
      expect(judgeControl(scenario, outcome(null))).toContain('it passed, too');
      expect(judgeControl(scenario, outcome('Lost: all of it', ['kit-1']))).toContain('kit-1');
    },
  );
});
