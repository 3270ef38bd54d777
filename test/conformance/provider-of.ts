import { msbtestProvider, type Provider } from '@msbtest/core/conformance';
import { createBy } from '../support/ways.js';

export type Origin = 'cold' | 'clone' | 'pool';

/** Our sandboxes, all of which come to run in one way when they are made; clones are forks from the second on, as anybody's are. */
export function providerOf(origin: Origin): Provider {
  return msbtestProvider({
    name: `msbtest, ${origin}`,
    create: async (builder) => {
      const sandbox = await (origin === 'clone' ? builder.create() : createBy(origin, builder));
      const came = sandbox.bootTimes?.origin;
      if (came === origin) return sandbox;
      await sandbox[Symbol.asyncDispose]();
      throw new Error(`A machine that was to come as ${origin} came as ${came}.`);
    },
  });
}
