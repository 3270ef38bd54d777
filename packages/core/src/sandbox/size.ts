declare const mebibytes: unique symbol;

/** A size in MiB, as `memory()` and `rootDisk()` take it: a number that says what it is of. */
export type Mebibytes = number & { readonly [mebibytes]: 'Mebibytes' };

export const KiB = (n: number): Mebibytes => (n / 1024) as Mebibytes;
export const MiB = (n: number): Mebibytes => n as Mebibytes;
export const GiB = (n: number): Mebibytes => (n * 1024) as Mebibytes;
export const TiB = (n: number): Mebibytes => (n * 1024 * 1024) as Mebibytes;
