import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { InvalidConfigError } from '../../errors.js';
import { askProgram } from '../../host/ask-program.js';
import { findExecutable } from '../../host/executables.js';
import { errnoOf } from '../../host/native.js';

/** What opens a registry. `from` says where it was found, for messages; it has no secret. */
export type Credentials =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string; readonly from: string }
  /** A token that other tokens are to be had for. */
  | { readonly kind: 'identity'; readonly token: string; readonly from: string }
  /** A token as it is. */
  | { readonly kind: 'bearer'; readonly token: string; readonly from: string };

/** What was found for a registry. */
export interface Found {
  readonly credentials: Credentials | null;
  /** Where there was nothing, for the message to whoever is refused. */
  readonly looked: string;
}

/** A helper may have to ask a key ring, or somebody's finger. */
const helperTimeoutMs = 60_000;
const maxHelperBytes = 256 * 1024;
const maxConfigBytes = 4 * 1024 * 1024;

/** Under which Docker keeps what belongs to its own registry. */
const dockerHubKey = 'https://index.docker.io/v1/';

type Fields = Record<string, unknown>;

/**
 * What Docker's configuration (`$DOCKER_CONFIG/config.json`, `~/.docker/config.json`) has for a registry: of its own helper
 * (`credHelpers`), of the common one (`credsStore`), or written down (`auths`).
 *
 * @throws InvalidConfigError for a configuration that is no JSON, a helper that is not installed, or one that fails.
 */
export async function dockerCredentials(registry: string, env: NodeJS.ProcessEnv): Promise<Found> {
  const path = join(env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker'), 'config.json');
  const config = read(path);
  if (!config) return { credentials: null, looked: `there is no ${path}` };
  const own = fields(config.credHelpers)[registry];
  const helper = typeof own === 'string' && own !== '' ? own : config.credsStore;
  if (typeof helper === 'string' && helper !== '') {
    const credentials = await askHelper(helper, registry, path, env);
    if (credentials) return { credentials, looked: credentials.from };
    if (helper === own) return { credentials: null, looked: `docker-credential-${helper} has none for it` };
  }
  const credentials = written(fields(config.auths), registry, path);
  return { credentials, looked: credentials?.from ?? `${path} has none for it` };
}

function read(path: string): Fields | null {
  try {
    if (statSync(path).size > maxConfigBytes)
      throw new InvalidConfigError(`${path} is no configuration of Docker's: it is larger than 4 MiB.`);
    return fields(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
    if (error instanceof InvalidConfigError) throw error;
    // What JSON.parse says quotes the text, and that is secret.
    if (error instanceof SyntaxError) throw new InvalidConfigError(`${path} is not JSON. Mend or remove it.`);
    throw new InvalidConfigError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function written(auths: Fields, registry: string, path: string): Credentials | null {
  for (const [key, value] of Object.entries(auths)) {
    if (!isFor(key, registry)) continue;
    const credentials = entry(fields(value), path);
    if (credentials) return credentials;
  }
  return null;
}

/** Keys are hosts, with a scheme and a path where old versions of Docker have written them. */
function isFor(key: string, registry: string): boolean {
  const host = key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  if (registry === 'docker.io')
    return key === dockerHubKey || host === 'docker.io' || host === 'index.docker.io';
  return host === registry;
}

function entry(value: Fields, from: string): Credentials | null {
  if (isText(value.identitytoken)) return { kind: 'identity', token: value.identitytoken, from };
  if (isText(value.registrytoken)) return { kind: 'bearer', token: value.registrytoken, from };
  if (isText(value.auth)) {
    const decoded = Buffer.from(value.auth, 'base64').toString('utf8').replace(/\0+$/, '');
    const colon = decoded.indexOf(':');
    if (colon <= 0) throw new InvalidConfigError(`${from} has an "auth" that is no base64 of name:password.`);
    return { kind: 'basic', username: decoded.slice(0, colon), password: decoded.slice(colon + 1), from };
  }
  if (isText(value.username) && typeof value.password === 'string')
    return { kind: 'basic', username: value.username, password: value.password, from };
  return null;
}

async function askHelper(
  helper: string,
  registry: string,
  config: string,
  env: NodeJS.ProcessEnv,
): Promise<Credentials | null> {
  const name = `docker-credential-${helper}`;
  // It becomes the name of a program.
  const file = /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(helper) ? findExecutable(name, env) : undefined;
  if (!file)
    throw new InvalidConfigError(
      `${config} has credentials for ${registry} in ${JSON.stringify(name)}, and there is no such program on PATH. Install it, or take it out.`,
    );
  const server = registry === 'docker.io' ? dockerHubKey : registry;
  const answer = await askProgram(file, ['get'], server, {
    env,
    timeoutMs: helperTimeoutMs,
    maxBytes: maxHelperBytes,
  });
  if (answer.code !== 0) {
    if (/credentials not found/i.test(answer.stdout)) return null;
    throw new InvalidConfigError(
      `${name} get failed for ${server} (${answer.ending}). Try it by hand: echo ${server} | ${name} get`,
    );
  }
  let value: Fields;
  try {
    value = fields(JSON.parse(answer.stdout));
  } catch {
    throw new InvalidConfigError(`What ${name} says of ${server} is not JSON.`); // and may be a secret
  }
  if (!isText(value.Secret)) return null;
  if (value.Username === '<token>') return { kind: 'identity', token: value.Secret, from: name };
  return isText(value.Username)
    ? { kind: 'basic', username: value.Username, password: value.Secret, from: name }
    : null;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
