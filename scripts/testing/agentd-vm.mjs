// @ts-check
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findBusybox } from '../setup/busybox.mjs';
import { cacheDir, inRoot } from '../setup/paths.mjs';

/**
 * What the agent's tests in real machines have to be told: they know nothing of the rest of the product.
 * @returns {Promise<Record<string, string>>}
 */
export async function agentdVmEnv() {
  const kernels = join(cacheDir(), 'kernels');
  const kernel = join(kernels, readFileSync(join(kernels, 'default'), 'utf8').trim());
  const busybox = findBusybox();
  const { measureTscKhz } = await import(pathToFileURL(inRoot('native/index.js')).href);
  return {
    AGENTD_TEST_KERNEL: join(kernel, 'vmlinuz'),
    AGENTD_TEST_MODULES: join(kernel, 'modules'),
    AGENTD_TEST_TSC_KHZ: `${Math.round(measureTscKhz())}`,
    PATH: [busybox && dirname(busybox), process.env.PATH].filter(Boolean).join(':'),
  };
}
