/// <reference types="vitest/config" />
import './vitest-types.js';
import { join } from 'node:path';
import { checkMachineOptions, type MachineOptions, TestRun } from '@msbtest/core/testing';
import type { Vite, Vitest } from 'vitest/node';
import { MsbReporter } from './reporter.js';

/** One for each vitest, whatever the number of its projects. */
const runs = new WeakMap<Vitest, Promise<TestRun>>();

/**
 * The vitest plugin: asks the machine once for the whole run, gives the run a home of its own that is empty at its end or fails it,
 * tags microVM tests `msb`, and ends the run with their count.
 *
 * @param defaults the machine of every microVM test, unless the test or its suite says otherwise.
 * @throws InvalidConfigError when an option is wrong.
 */
export function msb(defaults: MachineOptions = {}): Vite.Plugin {
  const checked = checkMachineOptions(defaults, 'msb() in the vitest configuration');
  return {
    name: 'msb',
    async configureVitest({ vitest, project }) {
      const { gate, env } = await runOf(vitest);
      const evidence = join(project.config.root, '.vitest', 'msb');
      project.provide('msb', { gate, defaults: checked, evidence });
      project.config.env = { ...project.config.env, ...env };
      project.config.tags ??= [];
      if (!project.config.tags.some(({ name }) => name === 'msb')) {
        project.config.tags.push({ name: 'msb', description: 'tests with a microVM of their own' });
      }
    },
  };
}

function runOf(vitest: Vitest): Promise<TestRun> {
  const run = runs.get(vitest) ?? begin(vitest);
  runs.set(vitest, run);
  return run;
}

async function begin(vitest: Vitest): Promise<TestRun> {
  const run = await TestRun.open();
  vitest.onClose(() => run[Symbol.asyncDispose]());
  vitest.config.reporters.push(new MsbReporter(run) as never);
  return run;
}
