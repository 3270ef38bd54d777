/** What fit.ts takes for a fit and what not, on small types: were it to take anything, the table would hold for nothing. */
import type { Expect, Fits, FitsBoth, Gives, Takes } from './fit.js';

declare class Theirs {
  protected inner: string;
  name: string;
}
declare class TheirBuilder {
  protected inner: string;
  add(): this;
}
declare class Ours {
  protected inner: string;
  name: string;
  ours: number;
}
declare class OurBuilder {
  protected inner: string;
  add(): this;
}
type Classes = [[Theirs, Ours], [TheirBuilder, OurBuilder]];

export type Fitting = [
  Expect<true, Fits<() => Ours, () => Theirs, Classes>>,
  Expect<true, Fits<() => Promise<Ours[]>, () => Promise<Theirs[]>, Classes>>,
  Expect<true, Fits<() => { one: Ours; more: 1 }, () => { one: Theirs | null }, Classes>>,
  Expect<true, Fits<(a: string | number, b?: boolean) => 1, (a: string) => number, Classes>>,
  Expect<true, Fits<() => Promise<string>, () => Promise<void>, Classes>>,
  Expect<
    true,
    Fits<(f: (b: OurBuilder) => OurBuilder) => 1, (f: (b: TheirBuilder) => TheirBuilder) => 1, Classes>
  >,
  Expect<true, FitsBoth<(a: string | number) => 1, { (a: string): 1; (a: number): 1 }, Classes>>,
];

export type NotFitting = [
  // Another class than the one that takes its place, or theirs itself.
  Expect<false, Fits<() => OurBuilder, () => Theirs, Classes>>,
  Expect<false, Fits<() => Theirs, () => Theirs, Classes>>,
  // Takes less: a narrower argument, fewer arguments, more that must be there.
  Expect<false, Fits<(a: 'x') => 1, (a: string) => 1, Classes>>,
  Expect<false, Fits<() => 1, (a: string) => 1, Classes>>,
  Expect<false, Fits<(a: string, b: string) => 1, (a: string) => 1, Classes>>,
  Expect<false, FitsBoth<(a: string) => 1, { (a: string): 1; (a: number): 1 }, Classes>>,
  Expect<
    false,
    Fits<(f: (b: Ours) => OurBuilder) => 1, (f: (b: TheirBuilder) => TheirBuilder) => 1, Classes>
  >,
  // Gives less: more than theirs may be, not at once, nothing.
  Expect<false, Fits<() => string | null, () => string, Classes>>,
  Expect<false, Fits<() => Promise<string>, () => string, Classes>>,
  Expect<false, Fits<() => undefined, () => number, Classes>>,
  Expect<false, Fits<() => Promise<{ one: OurBuilder }>, () => Promise<{ one: Theirs }>, Classes>>,
  Expect<false, Gives<{ a: 1 }, { a: 1; b: 2 }, Classes>>,
  Expect<false, Takes<{ a: 1; b: 2 }, { a: 1 }, Classes>>,
];

// And an expectation that is wrong does not compile.
export type Wrong = [
  // @ts-expect-error: it does not fit
  Expect<true, Fits<() => string, () => number, Classes>>,
  // @ts-expect-error: it does
  Expect<false, Fits<() => number, () => number, Classes>>,
];
