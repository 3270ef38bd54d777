import { type Comparison, heading } from './comparison.js';
import type { Table } from './table.js';

/** The file that holds the table to be true whenever our types are compiled. */
export function typeTestOf({ version, classes }: Comparison, { rows }: Table): string {
  const lines = rows.flatMap(({ id, verdict, shared }) => {
    const comment = `  // ${id}: ${verdict}`;
    const claims = shared?.questions.map(({ text, holds }) => `  Expect<${holds}, ${text}>,`) ?? [];
    return claims.length > 0 ? [comment, ...claims] : [];
  });
  return `// biome-ignore-all format: generated
/**
 * Generated from what microsandbox ${version} declares: npm run compatibility. What is expected to be true is held to by the compiler;
 * what is false differs, and the table in docs/compatibility.md has to say how. Where this does not compile, make it anew, and look at
 * what has become of the table.
 */
${heading}
import type { Expect, Fits, FitsBoth, Gives, Takes } from './fit.js';

${classes}

export type All = [
${lines.join('\n')}
];
`;
}
