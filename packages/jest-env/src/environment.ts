import { join } from 'node:path';
import type { Circus } from '@jest/types';
import { InvalidConfigError } from '@msbtest/core';
import { checkMachineOptions, type MachineOptions, mergeMachineOptions } from '@msbtest/core/testing';
import { TestEnvironment as NodeEnvironment } from 'jest-environment-node';
import { msbTest } from './test.js';
import { TestFile } from './test-file.js';

type Config = ConstructorParameters<typeof NodeEnvironment>[0];

/** Where jest keeps, in the global object of a file, how often it tries a failed test again. */
const retryTimes = Symbol.for('RETRY_TIMES');

/**
 * Jest's environment for Node, with `test.msb`. It stands outside of the context in which the test file is run, and so sees what
 * happens to a test before the test's time begins and after it has ended, whatever the test does.
 */
export class TestEnvironment extends NodeEnvironment {
  readonly #file: TestFile;
  /** How often blocks have been run again as a whole. */
  readonly #retried = new WeakMap<Circus.DescribeBlock, number>();

  /** @throws InvalidConfigError when an option in the configuration or in the file's docblock is wrong. */
  constructor(...[config, context]: ConstructorParameters<typeof NodeEnvironment>) {
    const { projectConfig } = config;
    const { msb, ...testEnvironmentOptions } = projectConfig.testEnvironmentOptions;
    // Jest's own environment would make a global of every option.
    super({ ...config, projectConfig: { ...projectConfig, testEnvironmentOptions } }, context);
    const defaults = mergeMachineOptions(
      checkMachineOptions(msb, 'testEnvironmentOptions.msb'),
      docblockOptions(context.docblockPragmas.msb),
    );
    const evidence = join(projectConfig.rootDir, '.jest', 'msb');
    this.#file = new TestFile(context.testPath, projectOf(config), defaults, evidence);
  }

  /** With `msbtest`, by which the file's `import '@msbtest/core'` leads to the process's one instance of it. */
  override exportConditions(): string[] {
    return [...super.exportConditions(), 'msbtest'];
  }

  /** Jest calls it for everything that happens, and waits for it where it waits for tests. */
  handleTestEvent(event: Circus.Event, state: Circus.State): Promise<void> | undefined {
    switch (event.name) {
      case 'setup': {
        const { test } = event.runtimeGlobals;
        const msb = msbTest(test, this.#file);
        Object.assign(test, { msb });
        // `@types/jest` has one type for all of these; `fit` and `xit` are among them.
        Object.assign(test.only, { msb: msb.only });
        Object.assign(test.skip, { msb: msb.skip });
        Object.assign(test.failing, { msb: msb.failing });
        Object.assign(test.concurrent, { msb: msb.concurrent });
        return undefined;
      }
      case 'add_test':
        this.#file.locate(event.fn, event.asyncError);
        return undefined;
      case 'run_start':
        this.#file.begin(state);
        return undefined;
      case 'test_started':
        return this.#file.start(event.test);
      case 'test_done':
        return this.#file.end(event.test, this.#isLast(event.test, state));
      case 'describe_retry':
        this.#retried.set(event.describeBlock, (this.#retried.get(event.describeBlock) ?? 0) + 1);
        return undefined;
      case 'run_finish':
        return this.#file.finish().then((errors) => void state.unhandledErrors.push(...errors));
      default:
        return undefined;
    }
  }

  override async teardown(): Promise<void> {
    await this.#file.finish(); // jest did not come to the end of the file
    await super.teardown();
  }

  /** Whether jest will not run the test again if it has failed by now. */
  #isLast(test: Circus.TestEntry, { describeRetryOptions }: Circus.State): boolean {
    let retriedAsWhole = false;
    for (let block: Circus.DescribeBlock | undefined = test.parent; block; block = block.parent) {
      const options = describeRetryOptions?.get(block); // not there before jest 30.5
      if (!options) continue;
      retriedAsWhole = true;
      if ((this.#retried.get(block) ?? 0) < options.numRetries) return false;
    }
    const retries = Number((this.global as Record<symbol, unknown>)[retryTimes] ?? 0);
    return retriedAsWhole || test.invocations > retries;
  }
}

/** What a project is called: by its display name, or, where there are several and it has none, by the beginning of its id. */
function projectOf({ globalConfig, projectConfig }: Config): { name: string; id: string } {
  const { id, displayName } = projectConfig;
  return { id, name: displayName?.name ?? (globalConfig.projects.length > 1 ? id.slice(0, 6) : '') };
}

/** What a file says at its top: `@msb {"memory": 1024}`. */
function docblockOptions(pragma: string | string[] | undefined): MachineOptions {
  const where = '@msb in the docblock';
  if (pragma === undefined) return {};
  if (Array.isArray(pragma)) throw new InvalidConfigError(`${where}: it is there ${pragma.length} times.`);
  let options: unknown;
  try {
    options = JSON.parse(pragma);
  } catch (error) {
    throw new InvalidConfigError(`${where}: ${pragma} is no JSON.`, { cause: error });
  }
  return checkMachineOptions(options, where);
}
