/**
 * Whether what we have can be used where somebody expects what `microsandbox` has. Their classes have private members, which makes
 * them nominal, so they are read as ours wherever they occur in a type: `Classes` says which of ours takes the place of which.
 */

/** Pairs of a type of theirs and the one of ours that takes its place. */
export type Classes = readonly (readonly [theirs: unknown, ours: unknown])[];

/** A function of ours fits if it takes their arguments and its result serves as theirs; anything else, if it serves as theirs. */
export type Fits<Ours, Theirs, C extends Classes> = [Theirs] extends [(...args: infer A) => infer R]
  ? [Ours] extends [(...args: infer B) => infer S]
    ? [AsOurs<A, C>] extends [B]
      ? Gives<S, R, C>
      : false
    : false
  : Gives<Ours, Theirs, C>;

/** Like {@link Fits}, for what has two overloads. */
export type FitsBoth<Ours, Theirs, C extends Classes> = Theirs extends {
  (...args: infer A1): infer R1;
  (...args: infer A2): infer R2;
}
  ? [Ours] extends [(...args: Tuple<AsOurs<A1, C>>) => AsOurs<R1, C>]
    ? [Ours] extends [(...args: Tuple<AsOurs<A2, C>>) => AsOurs<R2, C>]
      ? true
      : false
    : false
  : false;

/** Whether ours can be read where theirs is expected. */
export type Gives<Ours, Theirs, C extends Classes> = [Ours] extends [AsOurs<Theirs, C>] ? true : false;

/** Whether what was written for theirs can be given to ours. */
export type Takes<Ours, Theirs, C extends Classes> = [AsOurs<Theirs, C>] extends [Ours] ? true : false;

/** Their type with our classes in it. A result of nothing may be one of something. */
type AsOurs<T, C extends Classes> = unknown extends T
  ? T
  : IsSame<T, void> extends true
    ? unknown
    : T extends Plain
      ? T
      : Lookup<T, C> extends { found: infer O }
        ? O
        : T extends (...args: infer A) => infer R
          ? (...args: Tuple<AsOurs<A, C>>) => AsOurs<R, C>
          : T extends Promise<infer R>
            ? Promise<AsOurs<R, C>>
            : T extends AsyncIterator<infer E>
              ? AsyncIterator<AsOurs<E, C>>
              : { [K in keyof T]: AsOurs<T[K], C> };

type Plain =
  | string
  | number
  | boolean
  | bigint
  | symbol
  | null
  | undefined
  | Uint8Array
  | Date
  | Error
  | AbortSignal;

type Lookup<T, C extends Classes> = C extends readonly [infer First, ...infer Rest]
  ? First extends readonly [infer Theirs, infer Ours]
    ? IsSame<T, Theirs> extends true
      ? { found: Ours }
      : Rest extends Classes
        ? Lookup<T, Rest>
        : never
    : never
  : null;

type Tuple<T> = T extends readonly unknown[] ? T : never;
type IsSame<A, B> = (<G>() => G extends A ? 1 : 2) extends <G>() => G extends B ? 1 : 2 ? true : false;

/** Compiles only where the verdict is the expected one. */
export type Expect<Expected extends boolean, Verdict extends Expected> = Verdict;
