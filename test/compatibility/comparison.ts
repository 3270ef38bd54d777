import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { API, type Project } from 'typescript/unstable/sync';
import { checkout } from '../support/saboteurs.js';
import { readSurface, type Surface } from './surface.js';

/** The two packages side by side, and what the compiler says of everything that both have. */
export interface Comparison {
  readonly version: string;
  readonly theirs: Surface;
  readonly ours: Surface;
  readonly shared: ReadonlyMap<string, Shared>;
  /** What takes the place of what, as the type `Classes` of test/types/fit.ts. */
  readonly classes: string;
}

/** Something that both have under one name. */
export interface Shared {
  readonly id: string;
  /** The questions to the compiler, in terms of test/types/fit.ts, and its answers. */
  readonly questions: readonly { readonly text: string; readonly holds: boolean }[];
  /** Whether ours can be used wherever theirs can. */
  readonly fits: boolean;
  /** Of data, which may be read or written: whether both are the same type. */
  readonly isEqual: boolean;
}

const packageFile = createRequire(import.meta.url).resolve('microsandbox');
const theirDirectory = join(dirname(packageFile), '..');

/** Compares our declarations, as they were compiled last, with those of the package that is installed. */
export function compare(): Comparison {
  const theirFile = join(theirDirectory, 'dist/index.d.ts');
  const ourFile = join(checkout, 'packages/core/dist/index.d.ts');
  const { theirs, ours } = inProject(heading, (project) => ({
    theirs: readSurface(project, theirFile),
    ours: readSurface(project, ourFile),
  }));
  const classes = classPairs(theirs, ours);
  const asked = questionsOf(theirs, ours);
  const all = [...asked.values()].flat();
  const answers = inProject(probe(classes, all), (project) => answersIn(project, all.length));
  const answerOf = new Map(all.map((text, index) => [text, answers[index] === true]));
  const shared = [...asked].map(([id, texts]): [string, Shared] => {
    const questions = texts.map((text) => ({ text, holds: answerOf.get(text) === true }));
    const fits = questions.some(({ holds }) => holds);
    return [id, { id, questions, fits, isEqual: questions.every(({ holds }) => holds) }];
  });
  const { version } = JSON.parse(readFileSync(join(theirDirectory, 'package.json'), 'utf8'));
  return { version, theirs, ours, shared: new Map(shared), classes };
}

/** What to ask of each thing that both have. What is called must fit; data may be for reading or for writing, so both are asked. */
function questionsOf(theirs: Surface, ours: Surface): Map<string, string[]> {
  const asked = new Map<string, string[]>();
  for (const [name, their] of theirs) {
    const our = ours.get(name);
    if (!our) continue;
    const ask = (id: string, ourType: string, theirType: string, predicates: string[]) => {
      const pair = `${ourType.replaceAll('%', 'ours')}, ${theirType.replaceAll('%', 'theirs')}`;
      asked.set(
        id,
        predicates.map((predicate) => `${predicate}<${pair}, Classes>`),
      );
    };
    if (their.kind === 'type' || !their.isValue) {
      if (their.isType && our.isType) ask(name, `%.${name}`, `%.${name}`, ['Gives', 'Takes']);
    } else if (their.kind === 'error') {
      ask(name, `%.${name}`, `%.${name}`, ['Gives']);
    } else if ((their.kind === 'function' || their.kind === 'constant') && our.isValue) {
      ask(name, `typeof %.${name}`, `typeof %.${name}`, ['Fits']);
    }
    for (const [id, member] of their.members) {
      const own = our.members.get(id);
      if (!own) continue;
      const fits = member.signatures > 1 ? ['FitsBoth'] : ['Fits'];
      ask(id, own.type, member.type, their.kind === 'type' ? ['Gives', 'Takes'] : fits);
    }
  }
  return asked;
}

function classPairs(theirs: Surface, ours: Surface): string {
  const pairs = [...theirs.values()].flatMap((their) => {
    const our = ours.get(their.name);
    if (!their.instance || !our?.instance) return [];
    return [`  [${their.instance.replace('%', 'theirs')}, ${our.instance.replace('%', 'ours')}],`];
  });
  return ['type Classes = [', ...pairs, '];'].join('\n');
}

/** The head of a file that puts the questions. */
export const heading = [
  "import type * as ours from '@msbtest/core';",
  "import type * as theirs from 'microsandbox';",
].join('\n');

function probe(classes: string, questions: readonly string[]): string {
  const helpers = "import type { Fits, FitsBoth, Gives, Takes } from './fit.js';";
  const aliases = questions.map((text, index) => `export type Q${index} = ${text};`);
  return [heading, helpers, classes, ...aliases].join('\n');
}

function answersIn(project: Project, count: number): boolean[] {
  const file = probeFile;
  const source = project.program.getSourceFile(file);
  const module = source && project.checker.getSymbolAtLocation(source);
  if (!module) throw new Error('The compiler has not read the questions.');
  const errors = project.program.getSemanticDiagnostics(file);
  if (errors[0]) throw new Error(`A question to the compiler is wrong: ${errors[0].text}`);
  return Array.from({ length: count }, (_, index) => {
    const alias = project.checker.getMemberInModuleExports(module, `Q${index}`);
    if (!alias) throw new Error(`The compiler does not know question ${index}.`);
    const answer = project.checker.typeToString(project.checker.getDeclaredTypeOfSymbol(alias));
    if (answer !== 'true' && answer !== 'false') throw new Error(`The compiler answers ${answer}.`);
    return answer === 'true';
  });
}

const place = join(checkout, 'test/types');
const probeFile = join(place, 'probe.ts');
const configFile = join(place, 'probe.tsconfig.json');

/** Has the compiler read a file that is nowhere on the disk, in the place of the type tests. */
function inProject<T>(text: string, use: (project: Project) => T): T {
  const config = {
    extends: '../../tsconfig.base.json',
    compilerOptions: { noEmit: true, composite: false, incremental: false },
    files: ['./probe.ts', './fit.ts'],
  };
  const files = new Map([
    [probeFile, text],
    [configFile, JSON.stringify(config)],
  ]);
  const api = new API({
    cwd: checkout,
    fs: {
      readFile: (name) => files.get(name),
      fileExists: (name) => (files.has(name) ? true : undefined),
    },
  });
  try {
    const project = api.updateSnapshot({ openProjects: [configFile] }).getProject(configFile);
    if (!project) throw new Error('The compiler has not read its configuration.');
    return use(project);
  } finally {
    api.close();
  }
}
