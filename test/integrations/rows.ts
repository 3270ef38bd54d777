import type { Project, RunResult } from './project.js';
import type { Runner, TestResult } from './runner.js';

/** One thing that is tried with a real runner and real machines. */
export interface Row {
  readonly name: string;
  run(runner: Runner): Promise<Finding>;
}

/** What a row came to. */
export interface Finding {
  /** Machines that were started. */
  readonly boots: number;
  /** What was left of them. */
  readonly leaks: readonly string[];
  /** What was not as it should be; empty for a row that holds. */
  readonly problems: readonly string[];
}

/** What a test must come to. */
export interface Expected {
  readonly state: TestResult['state'];
  /** Machines that were started for it; where that is a matter of timing, at least and at most. */
  readonly boots: number | readonly [number, number];
  /** Of one of its errors. */
  readonly message?: RegExp;
}

/** What a finished run is held to. */
export interface Demands {
  readonly tests?: Readonly<Record<string, Expected>>;
  readonly exitCode?: number;
  /** Each is to be found in the run's output. */
  readonly says?: readonly RegExp[];
  readonly saysNot?: readonly RegExp[];
  /** Machines started in all, where `tests` do not tell. */
  readonly boots?: number;
}

/** Compares a run with what it is held to. */
export function compare(project: Project, result: RunResult, demands: Demands): string[] {
  const output = result.stdout + result.stderr;
  const problems: string[] = [];
  const boots = project.bootsByTest();
  for (const [name, expected] of Object.entries(demands.tests ?? {})) {
    const test = result.tests[name];
    if (test?.state !== expected.state)
      problems.push(`"${name}" is ${test?.state}, not ${expected.state}: ${test?.messages}`);
    const had = boots[name] ?? 0;
    const [least, most] =
      typeof expected.boots === 'number' ? [expected.boots, expected.boots] : expected.boots;
    if (had < least || had > most) problems.push(`"${name}" had ${had} machines, not ${expected.boots}`);
    if (expected.message && !test?.messages.some((message) => expected.message?.test(message)))
      problems.push(`"${name}" does not fail with ${expected.message}: ${test?.messages}`);
  }
  if (demands.tests) {
    const unknown = Object.keys(result.tests).filter((name) => !Object.hasOwn(demands.tests ?? {}, name));
    if (unknown.length > 0) problems.push(`unexpected tests: ${unknown.join(', ')}`);
  }
  if (demands.exitCode !== undefined && result.exitCode !== demands.exitCode)
    problems.push(`exit code ${result.exitCode} (${result.signal}), not ${demands.exitCode}`);
  for (const wanted of demands.says ?? []) if (!wanted.test(output)) problems.push(`does not say ${wanted}`);
  for (const unwanted of [...(demands.saysNot ?? []), ...project.runner.neverSays])
    if (unwanted.test(output)) problems.push(`says ${unwanted}`);
  if (demands.boots !== undefined && project.boots().length !== demands.boots)
    problems.push(`${project.boots().length} machines, not ${demands.boots}`);
  return problems.length === 0 ? [] : [...problems, `the run said:\n${output.slice(-6000)}`];
}

/** Runs a project once and compares; afterwards nothing may be left of machines, and no home of a run. */
export async function finding(project: Project, result: RunResult, demands: Demands): Promise<Finding> {
  const leaks = await project.settledLeaks();
  return {
    boots: project.boots().length,
    leaks: [...leaks, ...project.runHomes()],
    problems: compare(project, result, demands),
  };
}
