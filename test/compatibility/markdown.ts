import type { Comparison } from './comparison.js';
import { type Scenario, scenarios } from './scenarios.js';
import type { Export, ExportKind } from './surface.js';
import type { Row, Table } from './table.js';

const kinds = ['same', 'richer', 'differs', 'not yet', 'never'] as const;

const meanings: Readonly<Record<Row['verdict'], string>> = {
  same: 'the same name; takes what theirs takes, gives what theirs gives',
  richer: 'the same, and more',
  differs: 'there is one, and code for theirs may have to be changed for it',
  'not yet': 'we lack it',
  never: 'we lack it, and mean to',
};

/** The document, whole. */
export function markdownOf(
  { version, theirs, ours }: Comparison,
  { rows }: Table,
  tests: ReadonlyMap<string, readonly string[]>,
): string {
  const shared = [...theirs.values()].filter(({ name }) => ours.has(name));
  const rest = shared.filter((their) => !isSection(their));
  const lacking = [...theirs.values()].filter(({ name }) => !ours.has(name));
  const parts = [
    introduction(version),
    summary(rows),
    '## What both have',
    ...shared.filter(isSection).map((their) => section(their, ours.get(their.name), rows)),
    ...tables(rest, others, rows),
    '## What only theirs has',
    ...tables(lacking, [['### Classes and objects', ['class', 'object']], ...others], rows),
    '## What only ours has',
    [...ours.keys()]
      .filter((name) => !theirs.has(name))
      .sort()
      .map(code)
      .join(', '),
    conformance(tests),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function introduction(version: string): string {
  return `<!-- Generated: npm run compatibility -->

# Compatibility with \`microsandbox\`

What somebody who comes from the npm package \`microsandbox\` finds here: every class, method, property, option, function, type and
error of its declarations, in version **${version}**.

What is *same* is found by the compiler, and held to by it: \`test/types/compatibility.ts\` asserts of everything that both have that
ours can be used where theirs is expected, with their classes read as ours (\`test/types/fit.ts\`), and of what differs in type that it
cannot. What the compiler cannot tell is judged in \`test/compatibility/verdicts.ts\`: what behaves otherwise, and why something is not
there. What is said of how theirs behaves is of 0.6.14, whose source was read. \`npm run compatibility\` makes this file and that one
anew, and refuses where judgement and declarations contradict each other; \`test/compatibility.test.ts\` fails where they are not what
it would make.`;
}

function summary(rows: readonly Row[]): string {
  const counted = (verdict: Row['verdict'], of: readonly Row[]) =>
    of.filter((row) => row.verdict === verdict).length;
  const groups: [string, readonly ExportKind[]][] = [
    ['members of classes and objects', ['class', 'object']],
    ['functions and constants', ['function', 'constant']],
    ['errors', ['error']],
    ['types and their properties', ['type']],
  ];
  const lines = groups.map(([title, of]) => {
    const own = rows.filter(({ exportKind }) => of.includes(exportKind));
    return `| ${title} | ${kinds.map((kind) => counted(kind, own)).join(' | ')} | ${own.length} |`;
  });
  const total = `| **all** | ${kinds.map((kind) => `**${counted(kind, rows)}**`).join(' | ')} | **${rows.length}** |`;
  return [
    `| | ${kinds.join(' | ')} | all |`,
    `|---|${kinds.map(() => '---:|').join('')}---:|`,
    ...lines,
    total,
    '',
    ...kinds.map((kind) => `- *${kind}*: ${meanings[kind]}`),
  ].join('\n');
}

const others: readonly [title: string, of: readonly ExportKind[]][] = [
  ['### Errors', ['error']],
  ['### Functions and constants', ['function', 'constant']],
  ['### Types', ['type']],
];

/** A table for each kind of exports that there are some of. */
function tables(all: readonly Export[], titled: typeof others, rows: readonly Row[]): string[] {
  return titled.flatMap(([title, of]) => {
    const some = all.filter(({ kind }) => of.includes(kind));
    return some.length === 0 ? [] : [title, tableOfExports(some, rows)];
  });
}

const isSection = ({ kind, members }: Export) => (kind === 'class' || kind === 'object') && members.size > 0;

/** One class: its members by verdict, those that have the same in common together. */
function section(their: Export, our: Export | undefined, rows: readonly Row[]): string {
  const own = rows.filter((row) => row.export === their.name);
  const extra = [...(our?.members.keys() ?? [])].filter((id) => !their.members.has(id)).map(shortName);
  return [
    `### ${their.name}`,
    ...(extra.length === 0 ? [] : [`Ours alone: ${extra.map(code).join(', ')}.`]),
    tableOf(own),
  ].join('\n\n');
}

/** Exports that are told in a row or two each: what they are, with their members, by verdict. */
function tableOfExports(all: readonly Export[], rows: readonly Row[]): string {
  const lines = all.flatMap(({ name }) =>
    byVerdict(rows.filter((row) => row.export === name)).map((group) => {
      const members = group.filter(({ id }) => id !== name).map(({ id }) => code(shortName(id)));
      return `| ${group[0]?.verdict} | ${code(name)} | ${members.join(', ')} | ${group[0]?.note} |`;
    }),
  );
  return ['| | what | its members | how, or why |', '|---|---|---|---|', ...lines].join('\n');
}

function tableOf(rows: readonly Row[]): string {
  const lines = byVerdict(rows).map(
    (group) =>
      `| ${group[0]?.verdict} | ${group.map(({ id }) => code(shortName(id))).join(', ')} | ${group[0]?.note} |`,
  );
  return ['| | what | how, or why |', '|---|---|---|', ...lines].join('\n');
}

/** Rows of one verdict for one reason together, the best first. */
function byVerdict(rows: readonly Row[]): Row[][] {
  const grouped = new Map<string, Row[]>();
  for (const row of rows) {
    const key = `${kinds.indexOf(row.verdict)} ${row.note}`;
    grouped.set(key, [...(grouped.get(key) ?? []), row]);
  }
  const rank = ([first]: readonly Row[]) => (first ? kinds.indexOf(first.verdict) : 0);
  return [...grouped.values()].sort((a, b) => rank(a) - rank(b));
}

/** `Class#member` as `member`, `Class.static` as `.static`, and `new Class` as `new`. */
function shortName(id: string): string {
  if (id.startsWith('new ')) return 'new';
  const at = id.search(/[#.]/);
  return id[at] === '.' ? id.slice(at) : id.slice(at + 1);
}

function conformance(tests: ReadonlyMap<string, readonly string[]>): string {
  const inOurWords = ({ name, asserts, lacking }: Scenario) =>
    lacking === undefined
      ? `${asserts} | ${code(`test/${tests.get(name)?.[0]}`)}`
      : `${asserts} | not yet: ${lacking}`;
  const lines = scenarios.map(
    (scenario) =>
      `| ${code(scenario.name)} | ${scenario.file.replace(/^.*\//, '').replace('.rs', '')} | ${inOurWords(scenario)} |`,
  );
  const held = scenarios.filter(({ lacking }) => lacking === undefined).length;
  return [
    '## The scenarios of its own tests',
    '',
    `Those of microsandbox's real-machine tests that are about what we have too, each by its own name: ${held} of ${scenarios.length}. They`,
    'run in `npm test`; `npx vitest run --project vm -t NAME` runs one.',
    '',
    '| name | there in | what ours asserts | here in |',
    '|---|---|---|---|',
    ...lines,
  ].join('\n');
}

const code = (text: string) => `\`${text}\``;
