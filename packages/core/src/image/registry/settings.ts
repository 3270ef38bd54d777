import { InvalidConfigError } from '../../errors.js';
import type { ImageReference } from '../reference.js';

/** Who asks a registry. */
export type RegistryAuth =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string };

/** What somebody says of the registry of one image. */
export interface RegistryConfig {
  /** Absent: what Docker's configuration has for the registry. */
  readonly auth?: RegistryAuth | undefined;
  /** Plain HTTP. Absent: only where `MSB_REGISTRY_INSECURE` says so, and on the loopback. */
  readonly insecure?: boolean | undefined;
  /** PEM; certificate authorities that are trusted beside the usual. */
  readonly caCerts?: readonly Uint8Array[] | undefined;
}

/** `either`: TLS, and where nobody speaks that, plain; for the loopback only. */
export type Transport = 'https' | 'http' | 'either';

/** One place that has the images of a registry: a mirror, or the registry itself. */
export interface Endpoint {
  /** As messages and Docker's configuration name it. */
  readonly name: string;
  /** Host and port. */
  readonly host: string;
  readonly transport: Transport;
  /** The repository's name there. */
  readonly repository: string;
  readonly auth: RegistryAuth | undefined;
}

/** Docker's own registry is known by this name, and answers at another. */
const apiHosts: Readonly<Record<string, string>> = { 'docker.io': 'registry-1.docker.io' };

/**
 * Where an image is to be looked for, in that order: at the mirrors of `MSB_REGISTRY_MIRRORS`, then at the registry itself.
 *
 * @throws InvalidConfigError for a variable that is malformed.
 */
export function endpointsOf(
  { registry, repository }: ImageReference,
  config: RegistryConfig,
  env: NodeJS.ProcessEnv,
): Endpoint[] {
  const insecure = listOf(env.MSB_REGISTRY_INSECURE);
  const host = apiHosts[registry] ?? registry;
  const plain = config.insecure ?? insecure.includes(registry);
  const own: Endpoint = {
    name: registry,
    host,
    transport: plain ? 'http' : transportOf(host),
    repository,
    auth: config.auth,
  };
  return [...mirrorsOf(registry, env.MSB_REGISTRY_MIRRORS, repository, insecure), own];
}

function mirrorsOf(
  registry: string,
  variable: string | undefined,
  repository: string,
  insecure: readonly string[],
): Endpoint[] {
  return listOf(variable).flatMap((entry) => {
    const equals = entry.indexOf('=');
    const url = equals > 0 ? mirrorUrl(entry.slice(equals + 1)) : null;
    if (!url) {
      throw new InvalidConfigError(
        `MSB_REGISTRY_MIRRORS has ${JSON.stringify(withoutSecret(entry))}; an entry looks like docker.io=https://mirror.example, ` +
          'and entries are separated by commas.',
      );
    }
    if (entry.slice(0, equals) !== registry) return [];
    const prefix = url.pathname.replaceAll(/^\/+|\/+$/g, '');
    return {
      name: url.host,
      host: url.host,
      transport: url.protocol === 'http:' || insecure.includes(url.host) ? 'http' : 'https',
      repository: prefix === '' ? repository : `${prefix}/${repository}`,
      auth: undefined, // what was said is for the registry and nobody else
    } satisfies Endpoint;
  });
}

function mirrorUrl(text: string): URL | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url?.username === '' && url.password === '' && url.search === '' && url.hash === '';
  return isPlain && (url.protocol === 'https:' || url.protocol === 'http:') ? url : null;
}

/** Whoever writes credentials into an address finds them in no message. */
function withoutSecret(entry: string): string {
  return entry.replace(/\/\/[^/]*@/, '//…@');
}

function listOf(variable: string | undefined): string[] {
  return (variable ?? '').split(/[,\s]+/).filter((entry) => entry !== '');
}

function transportOf(host: string): Transport {
  return isLoopback(new URL(`https://${host}`).hostname) ? 'either' : 'https';
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
