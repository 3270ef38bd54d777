import { compare } from './comparison.js';
import { markdownOf } from './markdown.js';
import { findTests, scenarioProblems } from './scenarios.js';
import { tableOf } from './table.js';
import { typeTestOf } from './type-test.js';
import { verdicts } from './verdicts.js';

/** The two files, by their paths in the repository, as they are to be now; and what stands in the way of the table. */
export function makeCompatibility(comparison = compare()): {
  files: Readonly<Record<string, string>>;
  problems: readonly string[];
} {
  const table = tableOf(comparison, verdicts);
  const tests = findTests();
  return {
    files: {
      'docs/compatibility.md': markdownOf(comparison, table, tests),
      'test/types/compatibility.ts': typeTestOf(comparison, table),
    },
    problems: [...table.problems, ...scenarioProblems(tests)],
  };
}
