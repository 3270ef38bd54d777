import { InvalidConfigError } from '../errors.js';
import { checkMachineOptions, type MachineOptions, machineOptionNames } from './machine-options.js';

/** What somebody wrote between the parentheses of a test, after its name. */
export interface TestArguments<RunnerOptions> {
  /** What to call the test in errors: `test.msb("boots")`. */
  readonly where: string;
  readonly machine: MachineOptions;
  /** What the test runner itself can be told; a number among the arguments is its `timeout`. */
  readonly runner: Partial<RunnerOptions> & { readonly timeout?: number };
  readonly body: ((...args: never[]) => unknown) | undefined;
}

/**
 * Reads options, a function and a time-out, each at most once, in the orders that test runners allow; and tells the machine's
 * options from the runner's.
 *
 * @param caller the name of the function that was called.
 * @param name of the test; runners take functions and classes for it, too.
 * @throws InvalidConfigError for what is none of these.
 */
export function parseTestArguments<RunnerOptions extends object>(
  caller: string,
  name: unknown,
  args: readonly unknown[],
  runnerOptionNames: readonly (keyof RunnerOptions & string)[],
): TestArguments<RunnerOptions> {
  const where = `${caller}("${typeof name === 'function' ? name.name : name}")`;
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
  const limit: unknown = runner.timeout;
  if (limit !== undefined && !(typeof limit === 'number' && limit >= 0)) {
    throw new InvalidConfigError(
      `${where}: timeout is ${JSON.stringify(limit)}; it is a number of milliseconds.`,
    );
  }
  return {
    where,
    machine: checkMachineOptions(machine, where),
    runner: runner as TestArguments<RunnerOptions>['runner'],
    body: body as TestArguments<RunnerOptions>['body'],
  };
}
