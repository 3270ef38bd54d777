import { msbtestProvider, type Provider } from '@msbtest/core/conformance';
import { createBy, signsOf, type Way } from '../support/ways.js';

/** Our sandboxes, all of which come to run in one way when they are made. */
export function providerOf(way: Way): Provider {
  return msbtestProvider({
    name: `msbtest, ${way}`,
    create: async (builder) => {
      const sandbox = await createBy(way, builder);
      const origin = sandbox.bootTimes?.origin;
      if (origin === signsOf(way).origin) return sandbox;
      await sandbox[Symbol.asyncDispose]();
      throw new Error(`A machine that was to come as ${way} came as ${origin}.`);
    },
  });
}
