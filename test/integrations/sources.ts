/** How a project is written for a runner, where that differs: the rest of a row's files is the same for all. */
export interface Sources {
  /** The name of a test file: `a.test.ts` for `a`. */
  testFile(name: string): string;
  /** The files that configure the project. */
  configuration(options?: Configuration): Readonly<Record<string, string>>;
  /** A line that gets names from a module into a test file. */
  imports(names: string, from: string): string;
  /** A line that gets `test`, with `test.msb`, and what belongs to it into a test file. */
  api(names: string): string;
  /** Where evidence of failures goes. */
  readonly evidence: string;
}

export interface Configuration {
  /** The machine of every microVM test, as the inside of an object; 256 MiB unless told. */
  readonly machine?: string;
  /** More settings of the runner's. */
  readonly settings?: string;
  /** Without the part of the integration that a user may leave out: vitest's plugin, jest's reporter. */
  readonly bare?: boolean;
}
