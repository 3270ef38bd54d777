import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compare } from './compatibility/comparison.js';
import { makeCompatibility } from './compatibility/made.js';
import { findTests, scenarioProblems, scenarios } from './compatibility/scenarios.js';
import { tableOf, type Verdicts } from './compatibility/table.js';
import { differs, never, notYet, richer } from './compatibility/verdict.js';
import { verdicts } from './compatibility/verdicts.js';
import { checkout } from './support/saboteurs.js';

const comparison = compare();

describe('the table of the compatibility with microsandbox', () => {
  const { files, problems } = makeCompatibility(comparison);

  it('is judged whole, and no judgement contradicts the declarations', () => {
    expect(problems).toEqual([]);
  });

  it.each(Object.entries(files))('%s is what npm run compatibility would make', (path, text) => {
    expect(readFileSync(join(checkout, path), 'utf8')).toBe(text);
  });

  it('has every export of theirs, and what of it is public', () => {
    const { rows } = tableOf(comparison, verdicts);
    const names = new Set(rows.map((row) => row.export));
    expect([...comparison.theirs.keys()].filter((name) => !names.has(name))).toEqual([]);
    const of = (name: string) => [...(comparison.theirs.get(name)?.members.keys() ?? [])];
    expect(of('ExecSink')).toEqual(['ExecSink#write', 'ExecSink#close', 'ExecSink#[Symbol.asyncDispose]']);
    expect(of('SandboxListBuilder')).toContain('SandboxListBuilder#limit');
    expect(of('SandboxListBuilder')).not.toContain('SandboxListBuilder#toNapi'); // @internal
    expect(of('Sandbox')).toEqual(expect.arrayContaining(['Sandbox.builder', 'Sandbox#exec']));
    expect(of('Sandbox')).not.toContain('new Sandbox'); // @internal
    expect(of('MountBuilder')).toEqual(expect.arrayContaining(['new MountBuilder', 'MountBuilder#bind']));
    expect(of('Stdin')).toEqual(['Stdin.null', 'Stdin.pipe', 'Stdin.bytes']);
    expect(of('ExitStatus')).toEqual(['ExitStatus#code', 'ExitStatus#success']);
  });
});

describe('a judgement is refused', () => {
  const problemsWith = (changed: Verdicts, without: readonly string[] = []) => {
    const all = Object.entries({ ...verdicts, ...changed }).filter(([key]) => !without.includes(key));
    return tableOf(comparison, Object.fromEntries(all)).problems;
  };
  const rows: [what: string, problems: readonly string[], message: RegExp][] = [
    [
      'that lacks what we have',
      problemsWith({ 'Sandbox#kill': notYet() }),
      /Sandbox#kill: .*"not yet", but we have it/,
    ],
    ['that will never have it', problemsWith({ MiB: never('no') }), /MiB: .*"never", but we have it/],
    [
      'that has what we lack',
      problemsWith({ 'Sandbox#ssh': richer('x') }),
      /Sandbox#ssh: .*"richer", but we do not/,
    ],
    [
      'that has it in another way',
      problemsWith({ Volume: differs('x') }),
      /Volume.builder: .*"differs", but we do not/,
    ],
    [
      'that does not fit',
      problemsWith({ 'ExecHandle#recv': richer('x') }),
      /ExecHandle#recv: its type does not fit/,
    ],
    [
      'that is of nothing',
      problemsWith({ 'Sandbox#gone': notYet() }),
      /Sandbox#gone: .*no such thing any more/,
    ],
    [
      'that names nothing',
      problemsWith({ NixError: never('x', 'NoSuchError') }),
      /NixError: .*names NoSuchError/,
    ],
    [
      'that is missing, of what we lack',
      problemsWith({}, ['Volume']),
      /Volume\.builder: .*no verdict says why/,
    ],
    [
      'that is missing, of what differs',
      problemsWith({}, ['ExecHandle#recv']),
      /recv: its type does not fit/,
    ],
    [
      'that is missing, of what is more',
      problemsWith({}, ['ExitStatus']),
      /ExitStatus: its type is not quite theirs/,
    ],
  ];
  it.each(rows)('%s', (_, problems, message) => {
    expect(problems.join('\n')).toMatch(message);
  });
});

describe('the list of scenarios', () => {
  const [first] = scenarios.filter(({ lacking }) => lacking === undefined);
  const without = (name = '') => new Map([...findTests()].filter(([key]) => key !== name));

  it('tells a test that is gone, that has come, and that is there twice', () => {
    expect(scenarioProblems(without(first?.name))).toEqual([
      `${first?.name}: there is no test of that name.`,
    ]);
    const lacking = scenarios.map((scenario) =>
      scenario === first ? { ...first, lacking: 'why' } : scenario,
    );
    expect(scenarioProblems(findTests(), lacking)).toEqual([
      `${first?.name}: there is a test of it, but it is said to be lacking.`,
    ]);
    expect(
      scenarioProblems(new Map([...findTests(), [first?.name ?? '', ['x.test.ts', 'y.test.ts']]])),
    ).toEqual([`${first?.name}: there are 2 tests of that name.`]);
  });
});
