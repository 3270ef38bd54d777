// @ts-check
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { kernelDirectory } from '../../packages/guest/index.js';
import { findBusybox } from '../setup/busybox.mjs';
import { inRoot } from '../setup/paths.mjs';

/**
 * What the agent's tests in real machines have to be told: they know nothing of the rest of the product.
 * @returns {Promise<Record<string, string>>}
 */
export async function agentdVmEnv() {
  const busybox = findBusybox()?.program;
  const { measureTscKhz } = await import(pathToFileURL(inRoot('native/index.js')).href);
  return {
    AGENTD_TEST_KERNEL: join(kernelDirectory, 'vmlinuz'),
    AGENTD_TEST_MODULES: join(kernelDirectory, 'modules'),
    AGENTD_TEST_TSC_KHZ: `${Math.round(measureTscKhz())}`,
    PATH: [busybox && dirname(busybox), process.env.PATH].filter(Boolean).join(':'),
  };
}
