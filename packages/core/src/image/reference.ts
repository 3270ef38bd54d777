import { InvalidConfigError } from '../errors.js';

/** An image's full name: `registry/repository:tag` or `registry/repository@digest`. */
export interface ImageReference {
  readonly registry: string;
  readonly repository: string;
  readonly tag: string | null;
  readonly digest: string | null;
}

const defaultRegistry = 'docker.io';

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const repositoryPattern = new RegExp(`^${component}(?:/${component})*$`);
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
/** Others than sha256 are in the grammar; no registry has images by them, and nothing here could check them. */
const digestPattern = /^sha256:[0-9a-f]{64}$/;
const registryPattern =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?$/;

/**
 * Reads a reference the way container tools do: no registry means `docker.io`, one name there means `library/name`, neither tag nor
 * digest means `latest`, and `index.docker.io` is an old name of `docker.io`.
 *
 * @throws InvalidConfigError
 */
export function parseReference(text: string): ImageReference {
  const [withoutDigest = '', digest = null, ...rest] = text.split('@');
  if (rest.length > 0 || (digest !== null && !digestPattern.test(digest)))
    throw malformed(text, 'its digest');
  const slash = withoutDigest.indexOf('/');
  const first = slash < 0 ? '' : withoutDigest.slice(0, slash);
  // What stands before the first slash is a registry only if it looks like a host.
  const hasRegistry = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const registry = hasRegistry && first !== 'index.docker.io' ? first : defaultRegistry;
  const remainder = hasRegistry ? withoutDigest.slice(slash + 1) : withoutDigest;
  const colon = remainder.lastIndexOf(':');
  const tag = colon < 0 ? null : remainder.slice(colon + 1);
  const name = colon < 0 ? remainder : remainder.slice(0, colon);
  const repository = registry === defaultRegistry && !name.includes('/') ? `library/${name}` : name;
  if (!registryPattern.test(registry)) throw malformed(text, 'its registry');
  if (!repositoryPattern.test(repository) || repository.length > 255) throw malformed(text, 'its name');
  // Container tools take such a name for an image's id; here it could only be a mistake.
  if (!hasRegistry && /^[0-9a-f]{64}$/.test(name)) throw malformed(text, 'its name, a bare digest,');
  if (tag !== null && !tagPattern.test(tag)) throw malformed(text, 'its tag');
  return { registry, repository, tag: tag ?? (digest === null ? 'latest' : null), digest };
}

/** The one spelling of a reference. */
export function formatReference({ registry, repository, tag, digest }: ImageReference): string {
  return `${registry}/${repository}${tag === null ? '' : `:${tag}`}${digest === null ? '' : `@${digest}`}`;
}

function malformed(text: string, part: string): InvalidConfigError {
  return new InvalidConfigError(
    `"${text}" is not an image reference: ${part} is malformed. One looks like [registry/]name[:tag] or name@sha256:…`,
  );
}
