import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { loadLayered } from './layered-image.js';
import { checkout } from './saboteurs.js';

/** Where the image of {@link loadTestInit} has it; the last part is what `/proc/1/comm` says. */
export const testInit = '/sbin/test-init';

/** Loads the base image with an init on top that can be told, by its first argument, how to behave. */
export async function loadTestInit(
  tag: string,
  config: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  execFileSync('make', ['-s', '-C', `${checkout}/agentd`, 'build/test-init'], { timeout: 60_000 });
  const program = readFileSync(`${checkout}/agentd/build/test-init`);
  await loadLayered(tag, { [testInit]: program, '/init': program }, config);
}
