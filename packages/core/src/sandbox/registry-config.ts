import { readFileSync } from 'node:fs';
import { InvalidConfigError } from '../errors.js';
import type { RegistryAuth, RegistryConfig } from '../image/registry/settings.js';

/** How {@link RegistryAuth} may say who asks. */
export type RegistryAuthKind = RegistryAuth['kind'];

export const RegistryAuthKinds: readonly RegistryAuthKind[] = ['anonymous', 'basic'];

/** Says how the registry of an image is to be talked to, as `registry()` of a builder hands it out to be filled in. */
export class RegistryConfigBuilder {
  #auth: RegistryAuth | undefined;
  #insecure: boolean | undefined;
  readonly #caCerts: Uint8Array[] = [];
  readonly #caPaths: string[] = [];

  /**
   * Who asks; default what Docker's configuration has for the registry. It is sent when the registry asks for it, to the registry and to
   * the token server that it names, and is written down nowhere.
   */
  auth(auth: RegistryAuth): this {
    this.#auth = auth;
    return this;
  }
  /** Plain HTTP, without TLS. A registry on the loopback may be plain anyway. */
  insecure(): this {
    this.#insecure = true;
    return this;
  }
  /** A certificate authority in PEM that is trusted beside the usual; may be called several times. */
  caCerts(pem: Uint8Array): this {
    this.#caCerts.push(pem);
    return this;
  }
  /** The same from a file, which is read when the sandbox is made. */
  caCertsPath(path: string): this {
    this.#caPaths.push(path);
    return this;
  }

  /** @throws InvalidConfigError */
  build(): RegistryConfig {
    return {
      auth: checkAuth(this.#auth),
      insecure: this.#insecure,
      caCerts: [...this.#caCerts, ...this.#caPaths.map(read)].map(checkPem),
    };
  }
}

function checkAuth(auth: RegistryAuth | undefined): RegistryAuth | undefined {
  if (auth === undefined || auth.kind === 'anonymous') return auth;
  const { kind, username, password } = auth;
  if (kind !== 'basic')
    throw new InvalidConfigError(
      `registry's auth is of the kind ${JSON.stringify(kind)}; there are ${RegistryAuthKinds.join(', ')}.`,
    );
  if (
    typeof username !== 'string' ||
    typeof password !== 'string' ||
    username === '' ||
    username.includes(':')
  )
    throw new InvalidConfigError("registry's auth has a username without colons and a password, both texts.");
  return auth;
}

function read(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new InvalidConfigError(
      `registry's certificates ${path} cannot be read: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

function checkPem(pem: Uint8Array): Uint8Array {
  if (Buffer.from(pem).includes('-----BEGIN CERTIFICATE-----')) return pem;
  throw new InvalidConfigError("registry's caCerts is not PEM: there is no certificate in it.");
}
