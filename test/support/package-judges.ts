import { readFileSync } from 'node:fs';
import { checkPackage, createPackageFromTarballData, type Problem } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

/** Those that have something for `require` to load which is not an ES module. */
const dual = ['@msbtest/core'];

/** What publint has to say about a packed package, suggestions too. */
export async function publintMessages(tarball: string): Promise<string[]> {
  const { buffer } = new Uint8Array(readFileSync(tarball));
  const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true, level: 'suggestion' });
  return messages.map((message) => {
    const text = formatMessage(message, pkg, { color: false });
    return `${message.type} ${message.code}: ${text ?? message.path.join('.')}`;
  });
}

/** What is wrong with the types of a packed package, for every way of resolving them that can load the package. */
export async function typeProblems(tarball: string): Promise<string[]> {
  const result = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))));
  if (!result.types) return ['It has no types.'];
  return result.problems
    .filter((problem) => applies(problem, result.packageName))
    .map((problem) => JSON.stringify(problem));
}

function applies(problem: Problem, name: string): boolean {
  // Node 10 knows no `exports`, and so finds nothing but the `main` that a package for `require` has.
  if ('resolutionKind' in problem && problem.resolutionKind === 'node10')
    return dual.includes(name) && problem.entrypoint === '.';
  // Every Node that we run on, from 20.19, can require an ES module; TypeScript knows that with `module: nodenext`.
  return problem.kind !== 'CJSResolvesToESM' || dual.includes(name);
}
