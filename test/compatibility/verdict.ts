/** What somebody who comes from `microsandbox` finds here. `same` is never claimed: it is what the compiler finds and nobody contradicts. */
export type Verdict =
  /** Takes what theirs takes and gives what theirs gives, and more. */
  | { readonly kind: 'richer'; readonly note: string }
  /** There is one, and it is not the same: code for theirs may have to be changed. */
  | { readonly kind: 'differs'; readonly note: string }
  | { readonly kind: 'not yet'; readonly note: string }
  /** There will be none; `instead` is what we have for the purpose. */
  | { readonly kind: 'never'; readonly note: string; readonly instead: readonly string[] };

export const richer = (how: string): Verdict => ({ kind: 'richer', note: how });
export const differs = (why: string): Verdict => ({ kind: 'differs', note: why });
export const notYet = (note = ''): Verdict => ({ kind: 'not yet', note });
/** @param instead names of ours: an export, or a member as the table writes it. */
export const never = (why: string, ...instead: string[]): Verdict => ({ kind: 'never', note: why, instead });
