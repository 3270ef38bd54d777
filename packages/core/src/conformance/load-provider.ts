import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { InvalidConfigError } from '../index.js';
import { capabilities, type Provider } from './provider.js';

/** The URL of a provider's module, from a path, which may be relative to the working directory, or from a URL. */
export function providerModule(where: string | URL): string {
  if (where instanceof URL) return where.href;
  return /^(file|data):/.test(where) ? where : pathToFileURL(resolve(where)).href;
}

/**
 * Loads a provider from its module's default export.
 *
 * @throws InvalidConfigError where there is none, where it is none, and where this Node cannot load it.
 */
export async function loadProvider(module: string): Promise<Provider> {
  const path = module.startsWith('file:') ? fileURLToPath(module) : null;
  if (path !== null && !existsSync(path)) throw new InvalidConfigError(`There is no provider in ${path}.`);
  if (path !== null && /\.[cm]?ts$/.test(path) && !stripsTypes()) {
    throw new InvalidConfigError(
      `${path} is TypeScript, which Node ${process.versions.node} does not load. Use Node 22.18 or newer, or name the .js that it is compiled to.`,
    );
  }
  let loaded: { readonly default?: unknown };
  try {
    loaded = (await import(module)) as { readonly default?: unknown };
  } catch (cause) {
    throw new InvalidConfigError(`The provider ${path ?? module} cannot be loaded: ${messageOf(cause)}`, {
      cause,
    });
  }
  return check(loaded.default, path ?? module);
}

function check(provider: unknown, where: string): Provider {
  const wrong = whatIsWrong(provider as Partial<Provider> | null | undefined);
  if (wrong !== null) throw new InvalidConfigError(`${where} is not a provider: ${wrong}.`);
  return provider as Provider;
}

function whatIsWrong(provider: Partial<Provider> | null | undefined): string | null {
  if (typeof provider !== 'object' || provider === null) return 'its default export is no object';
  if (typeof provider.name !== 'string' || provider.name === '') return 'it has no name';
  if (typeof provider.probe !== 'function') return 'it has no probe()';
  if (typeof provider.create !== 'function') return 'it has no create()';
  if (typeof provider.capabilities !== 'object' || provider.capabilities === null)
    return 'it has no capabilities';
  const known = Object.keys(capabilities);
  const unknown = Object.keys(provider.capabilities).filter((name) => !known.includes(name));
  // One that is misspelt would be reported as missing, and nobody would look.
  if (unknown.length > 0)
    return `there is no capability ${unknown.map((name) => `"${name}"`).join(', ')}; there are ${known.join(', ')}`;
  for (const [capability, has] of Object.entries(provider.capabilities)) {
    if (has !== true && (typeof has !== 'string' || has === ''))
      return `its capability "${capability}" is ${JSON.stringify(has)}; it is true, or a text that says why not`;
  }
  return null;
}

/** Node's own word; absent in those that cannot. */
function stripsTypes(): boolean {
  return Boolean((process.features as { readonly typescript?: unknown }).typescript);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
