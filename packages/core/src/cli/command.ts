import { type ParseArgsConfig, parseArgs } from 'node:util';

/** One of msbtest's subcommands. */
export interface Command {
  /** What stands behind its name in the list. */
  readonly summary: string;
  /** The whole help. */
  readonly help: string;
  readonly options: NonNullable<ParseArgsConfig['options']>;
  /** @returns the exit status. */
  run(invocation: Invocation): Promise<number>;
}

/** What the user typed, taken apart. */
export interface Invocation {
  readonly positionals: readonly string[];
  /** What follows `--`: a command for the guest, untouched. */
  readonly rest: readonly string[];
  text(option: string): string | undefined;
  texts(option: string): readonly string[];
  flag(option: string): boolean;
  /** The values of some options, in the order in which they were typed. */
  inOrder(options: readonly string[]): readonly { readonly option: string; readonly value: string }[];
  /** @throws UsageError when it is not a whole number. */
  number(option: string): number | undefined;
}

/** The command line is wrong; the message says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Takes the arguments of a subcommand apart. @throws UsageError */
export function parseInvocation(command: Command, args: readonly string[]): Invocation {
  const end = args.indexOf('--');
  const own = end < 0 ? args : args.slice(0, end);
  let parsed: {
    values: Record<string, unknown>;
    positionals: string[];
    tokens: { kind: string; name?: string; value?: string | undefined }[];
  };
  try {
    const how = { options: command.options, allowPositionals: true, strict: true, tokens: true } as const;
    parsed = parseArgs({ args: [...own], ...how });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const { values, positionals, tokens } = parsed;
  return {
    positionals,
    rest: end < 0 ? [] : args.slice(end + 1),
    text: (option) => values[option] as string | undefined,
    texts: (option) => (values[option] as string[] | undefined) ?? [],
    flag: (option) => values[option] === true,
    inOrder: (options) =>
      tokens.flatMap(({ name, value }) =>
        name !== undefined && value !== undefined && options.includes(name) ? [{ option: name, value }] : [],
      ),
    number: (option) => {
      const text = values[option] as string | undefined;
      if (text === undefined) return undefined;
      if (!/^\d+$/.test(text)) throw new UsageError(`--${option} takes a whole number, not "${text}".`);
      return Number(text);
    },
  };
}

/** The one positional argument that a command takes. @throws UsageError */
export function onlyName({ positionals, rest }: Invocation): string {
  const [name, ...others] = positionals;
  if (name === undefined || others.length > 0 || rest.length > 0)
    throw new UsageError('It takes the name of one sandbox.');
  return name;
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
