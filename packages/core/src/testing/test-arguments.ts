import { InvalidConfigError } from '../errors.js';
import { checkMachineOptions, type MachineOptions, machineOptionNames } from './machine-options.js';

/** What somebody wrote between the parentheses of a test, after its name. */
export interface TestArguments<RunnerOptions> {
  readonly machine: MachineOptions;
  /** What the test runner itself can be told; a number among the arguments is its `timeout`. */
  readonly runner: Partial<RunnerOptions> & { readonly timeout?: number };
  readonly body: ((...args: never[]) => unknown) | undefined;
}

/**
 * Reads options, a function and a time-out, each at most once, in the orders that test runners allow; and tells the machine's
 * options from the runner's.
 *
 * @param where what to call the test in errors, such as `test.msb("boots")`.
 * @throws InvalidConfigError for what is none of these.
 */
export function parseTestArguments<RunnerOptions extends object>(
  where: string,
  args: readonly unknown[],
  runnerOptionNames: readonly (keyof RunnerOptions & string)[],
): TestArguments<RunnerOptions> {
  const body = args.find((value) => typeof value === 'function');
  const options = args.find((value) => typeof value === 'object' && value !== null);
  const timeout = args.find((value) => typeof value === 'number');
  const known = [body, options, timeout].filter((value) => value !== undefined);
  if (args.filter((value) => value !== undefined).length > known.length) {
    throw new InvalidConfigError(
      `${where} takes options, then a function; see ${machineOptionNames.join(', ')}.`,
    );
  }
  const runner: Record<string, unknown> = timeout === undefined ? {} : { timeout };
  const machine: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options ?? {})) {
    if ((runnerOptionNames as readonly string[]).includes(name)) runner[name] ??= value;
    else machine[name] = value;
  }
  return {
    machine: checkMachineOptions(machine, where),
    runner: runner as TestArguments<RunnerOptions>['runner'],
    body: body as TestArguments<RunnerOptions>['body'],
  };
}
