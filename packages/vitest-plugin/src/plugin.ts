/// <reference types="vitest/config" />
import './vitest-types.js';
import { join } from 'node:path';
import {
  checkMachineOptions,
  decideGate,
  type Gate,
  type MachineOptions,
  RunHome,
  requiredError,
} from '@msbtest/core/testing';
import type { Vite, Vitest } from 'vitest/node';
import { MsbReporter } from './reporter.js';

/** One run of vitest, whatever the number of its projects. */
interface Run {
  readonly gate: Gate;
  readonly home: RunHome;
}

const runs = new WeakMap<Vitest, Promise<Run>>();

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
      const { gate, home } = await runOf(vitest);
      const evidence = join(project.config.root, '.vitest', 'msb');
      project.provide('msb', { gate, defaults: checked, evidence });
      project.config.env = { ...project.config.env, ...home.env };
      project.config.tags ??= [];
      if (!project.config.tags.some(({ name }) => name === 'msb')) {
        project.config.tags.push({ name: 'msb', description: 'tests with a microVM of their own' });
      }
    },
  };
}

function runOf(vitest: Vitest): Promise<Run> {
  const run = runs.get(vitest) ?? begin(vitest);
  runs.set(vitest, run);
  return run;
}

async function begin(vitest: Vitest): Promise<Run> {
  const gate = decideGate();
  if (!gate.open && gate.mode === 'require') throw requiredError(gate);
  const home = await RunHome.open();
  const abandon = () => home.abandon();
  process.once('exit', abandon);
  vitest.onClose(async () => {
    process.off('exit', abandon);
    await home[Symbol.asyncDispose]();
  });
  vitest.config.reporters.push(new MsbReporter(gate, home) as never);
  return { gate, home };
}
