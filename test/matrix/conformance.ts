import {
  type AttemptOutcome,
  chooseScenarios,
  judge,
  judgeControl,
  type Scenario,
  Subject,
} from '@msbtest/core/conformance';
import { table } from '../support/report.js';
import { buildSaboteurs, saboteurs } from '../support/saboteurs.js';
import { withEnv } from '../support/stop-ways.js';

/** How machines come to run; each is the provider of a module. */
const ways = ['cold', 'clone', 'pool'] as const;

/** A part of the product that is wrong on purpose, and the scenarios that must notice, besides their own saboteurs. */
const parts = [
  {
    name: 'agent without sync',
    env: { MSB_AGENTD: saboteurs.agent },
    catches: (id: string) => /^stop-(flushes|after|by-handle)/.test(id),
  },
  {
    name: 'relay that ends it',
    env: { MSB_RELAY: saboteurs.relay },
    catches: (id: string) => /^stop-(flushes|lets|after|by-handle|on-replace)/.test(id),
  },
];

interface Cell {
  /** `true` is what it must be: passed, or caught where something was wrong. Null where it is not supported. */
  readonly holds: boolean | null;
  readonly text: string;
  readonly ms: number;
  readonly found: string | null;
}

interface Row {
  readonly scenario: string;
  readonly cells: Readonly<Record<string, Cell>>;
}

/** Every scenario with machines of every origin, with its saboteur, and with the parts that are wrong. */
export async function conformanceMatrix({ json, only }: { json: boolean; only: string[] }): Promise<boolean> {
  await buildSaboteurs();
  const subjects: Subject[] = [];
  for (const way of ways)
    subjects.push(await Subject.load(new URL(`../conformance/${way}.js`, import.meta.url)));
  const rows: Row[] = [];
  for (const scenario of chooseScenarios(only.length > 0 ? only : undefined)) {
    const row = { scenario: scenario.id, cells: await cellsOf(scenario, subjects) };
    rows.push(row);
    for (const [column, cell] of Object.entries(row.cells)) {
      if (cell.text !== '') process.stderr.write(`${row.scenario} × ${column}: ${inWords(cell)}\n`);
    }
  }
  for (const subject of subjects) await subject[Symbol.asyncDispose]();
  const shown = rows.map(({ scenario, cells }) => ({
    scenario,
    ...Object.fromEntries(Object.entries(cells).map(([column, { text }]) => [column, text])),
  }));
  if (json) process.stdout.write(`${JSON.stringify({ name: 'conformance', rows })}\n`);
  else process.stdout.write(`${table(shown)}\n`);
  return rows.every(({ cells }) => Object.values(cells).every(({ holds }) => holds !== false));
}

function inWords({ text, ms, found }: Cell): string {
  return `${text} (${ms} ms)${found === null ? '' : `: ${found.split('\n')[0]}`}`;
}

async function cellsOf(scenario: Scenario, subjects: readonly Subject[]): Promise<Record<string, Cell>> {
  const cells: Record<string, Cell> = {};
  for (const [index, subject] of subjects.entries())
    cells[ways[index] ?? ''] = await plain(scenario, subject);
  const clone = subjects[ways.indexOf('clone')] as Subject;
  cells.sabotaged = await wrong(
    scenario,
    clone,
    () => clone.attempt(scenario, { sabotaged: true }),
    (outcome) => judgeControl(scenario, outcome),
  );
  for (const { name, env, catches } of parts) {
    cells[name] = catches(scenario.id)
      ? await wrong(scenario, clone, () => withEnv(env, () => clone.attempt(scenario)), judgePart)
      : { holds: null, text: '', ms: 0, found: null };
  }
  return cells;
}

const unsupported = (reason: string): Cell => ({ holds: null, text: 'unsupported', ms: 0, found: reason });

async function plain(scenario: Scenario, subject: Subject): Promise<Cell> {
  const lack = subject.lack(scenario);
  if (lack !== null) return unsupported(lack);
  const outcome = await subject.attempt(scenario);
  const failure = judge(outcome);
  return {
    holds: failure === null,
    text: failure === null ? 'passed' : 'FAILED',
    ms: outcome.ms,
    found: failure,
  };
}

/** With a part of the product that is wrong, the product itself may say so before the scenario does. */
function judgePart({ failure, left }: AttemptOutcome): string | null {
  if (left.length > 0) return `left: ${left.join(', ')}`;
  return failure === null ? 'it passed, too' : null;
}

/** @param judgeIt what is wrong with how it went; null when what was wrong has been caught. */
async function wrong(
  scenario: Scenario,
  subject: Subject,
  attempt: () => Promise<AttemptOutcome>,
  judgeIt: (outcome: AttemptOutcome) => string | null,
): Promise<Cell> {
  const lack = subject.lack(scenario);
  if (lack !== null) return unsupported(lack);
  const outcome = await attempt();
  const verdict = judgeIt(outcome);
  const found = verdict ?? outcome.failure;
  return { holds: verdict === null, text: verdict === null ? 'caught' : 'NOT CAUGHT', ms: outcome.ms, found };
}
