import { environmentFrom } from '../engine/environment.js';
import { pulled } from '../image/pull.js';
import { PullPolicies, type PullPolicy } from '../image/pull-progress.js';
import { RegistryConfigBuilder } from '../sandbox/registry-config.js';
import { type Command, printJson, UsageError } from './command.js';
import { PullDisplay } from './pull-display.js';

export const pull: Command = {
  summary: 'take images from their registries',
  help: `Usage: msbtest pull [options] REFERENCE...

Takes images from their registries into the local store, and makes their root file systems, so that they are there when a sandbox is
made of them. Credentials are those of Docker's configuration (DOCKER_CONFIG, ~/.docker/config.json).

  --if-missing   do not ask the registry for an image that is here
  --insecure     plain HTTP
  --ca FILE      a certificate authority that is trusted too, in PEM; may be repeated
  --json         print the images as JSON

Environment: MSB_REGISTRY_MIRRORS registry=URL,… asked first; MSB_REGISTRY_INSECURE HOST,… that are plain; HTTP_PROXY, HTTPS_PROXY,
NO_PROXY.`,
  options: {
    'if-missing': { type: 'boolean' },
    insecure: { type: 'boolean' },
    ca: { type: 'string', multiple: true },
    json: { type: 'boolean' },
  },

  async run(invocation) {
    if (invocation.positionals.length === 0) throw new UsageError('It takes REFERENCES of images.');
    const registry = new RegistryConfigBuilder();
    if (invocation.flag('insecure')) registry.insecure();
    for (const path of invocation.texts('ca')) registry.caCertsPath(path);
    const policy: PullPolicy = invocation.flag('if-missing') ? 'if-missing' : 'always';
    const images = [];
    for (const reference of invocation.positionals) {
      using display = new PullDisplay(process.stderr);
      const image = await pulled(environmentFrom().images, reference, {
        policy,
        registry: registry.build(),
        onProgress: display.show,
      });
      images.push({ reference: image.reference, manifestDigest: image.digest });
      if (!invocation.flag('json')) process.stdout.write(`${image.reference} ${image.digest}\n`);
    }
    if (invocation.flag('json')) printJson(images);
    return 0;
  },
};

/** @throws UsageError */
export function pullPolicy(text: string): PullPolicy {
  const policy = PullPolicies.find((one) => one === text);
  if (policy) return policy;
  throw new UsageError(`--pull takes ${PullPolicies.join(', ')}, not "${text}".`);
}
