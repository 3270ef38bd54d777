import type { Comparison, Shared } from './comparison.js';
import type { Export, ExportKind, Surface } from './surface.js';
import type { Verdict } from './verdict.js';

/** One thing of theirs, and what became of it here. */
export interface Row {
  /** As in {@link Member}; a whole export by its name. */
  readonly id: string;
  /** The export that it belongs to. */
  readonly export: string;
  readonly exportKind: ExportKind;
  readonly verdict: Verdict['kind'] | 'same';
  readonly note: string;
  /** What the compiler says of it; null for what we lack. */
  readonly shared: Shared | null;
}

export interface Table {
  readonly rows: readonly Row[];
  /** Where the judgements and the declarations contradict each other; empty for a table that holds. */
  readonly problems: readonly string[];
}

/** Judgements by what they are about: a member, or an export, which then is about all of its members that have none of their own. */
export type Verdicts = Readonly<Record<string, Verdict>>;

/** Joins what the compiler has found with what only people can judge. */
export function tableOf(comparison: Comparison, verdicts: Verdicts): Table {
  const rows: Row[] = [];
  const problems: string[] = [];
  const used = new Set<string>();
  for (const their of comparison.theirs.values()) {
    for (const id of idsOf(their)) {
      const shared = comparison.shared.get(id) ?? null;
      const key = verdictKey(id, their, comparison.ours, verdicts);
      if (key !== null) used.add(key);
      const judged = key === null ? null : (verdicts[key] ?? null);
      const problem = contradiction(id, shared, judged);
      if (problem !== null) problems.push(problem);
      rows.push({
        id,
        export: their.name,
        exportKind: their.kind,
        verdict: judged?.kind ?? 'same',
        note: judged ? noteOf(judged) : '',
        shared,
      });
    }
  }
  for (const key of Object.keys(verdicts))
    if (!used.has(key))
      problems.push(`${key}: there is a verdict, but the package has no such thing any more.`);
  for (const [key, verdict] of Object.entries(verdicts)) {
    if (verdict.kind !== 'never') continue;
    for (const name of verdict.instead)
      if (!has(comparison.ours, name))
        problems.push(`${key}: its verdict names ${name}, which we do not have.`);
  }
  return { rows, problems };
}

function noteOf(verdict: Verdict): string {
  if (verdict.kind !== 'never' || verdict.instead.length === 0) return verdict.note;
  return `${verdict.note} Instead: ${verdict.instead.map((name) => `\`${name}\``).join(', ')}.`;
}

/** A class is its members; what has none, or is more than them, is a row itself. */
function idsOf({ kind, name, members }: Export): string[] {
  const isMembersOnly = (kind === 'class' || kind === 'object') && members.size > 0;
  return [...(isMembersOnly ? [] : [name]), ...members.keys()];
}

/** An export's verdict is about members that we lack, and never about those that we have. */
function verdictKey(id: string, their: Export, ours: Surface, verdicts: Verdicts): string | null {
  if (Object.hasOwn(verdicts, id)) return id;
  const covers = id === their.name || !ours.has(their.name);
  return covers && Object.hasOwn(verdicts, their.name) ? their.name : null;
}

function contradiction(id: string, shared: Shared | null, verdict: Verdict | null): string | null {
  if (!shared) {
    if (verdict === null) return `${id}: we do not have it, and no verdict says why.`;
    if (verdict.kind === 'richer' || verdict.kind === 'differs')
      return `${id}: the verdict is "${verdict.kind}", but we do not have it.`;
    return null;
  }
  if (verdict?.kind === 'not yet' || verdict?.kind === 'never')
    return `${id}: the verdict is "${verdict.kind}", but we have it.`;
  if (!shared.fits && verdict?.kind !== 'differs')
    return `${id}: its type does not fit theirs, so the verdict has to say how it differs.`;
  if (!shared.isEqual && verdict === null)
    return `${id}: its type is not quite theirs, so there has to be a verdict.`;
  return null;
}

/** Whether we export a name, or have a member of that id. */
function has(ours: Surface, name: string): boolean {
  return ours.has(name) || [...ours.values()].some(({ members }) => members.has(name));
}
