import { InvalidConfigError } from '../errors.js';
import type { SandboxInit } from '../store/record.js';

/** The guest takes this much; its kernel may take less. */
const limits = { pathBytes: 4095, args: 32_768, env: 2_048 };

/** An init's details, as `initWith` hands them out to be filled in. */
export class InitOptionsBuilder {
  readonly #args: string[] = [];
  readonly #env: Record<string, string> = {};

  arg(arg: string): this {
    this.#args.push(arg);
    return this;
  }
  args(args: Iterable<string>): this {
    this.#args.push(...args);
    return this;
  }
  /** Of the init alone, over `HOME=/`, `TERM=linux` and a `PATH`. */
  env(key: string, value: string): this {
    this.#env[key] = value;
    return this;
  }
  envs(vars: Readonly<Record<string, string>>): this {
    Object.assign(this.#env, vars);
    return this;
  }

  /** @internal */
  build(cmd: string): SandboxInit {
    return { cmd, args: [...this.#args], env: { ...this.#env } };
  }
}

/** @throws InvalidConfigError when no guest could take it for its init. */
export function checkInit(init: SandboxInit): SandboxInit {
  const { cmd, args, env } = init;
  const quoted = JSON.stringify(cmd);
  if (typeof cmd !== 'string' || (cmd !== 'auto' && !cmd.startsWith('/')))
    throw new InvalidConfigError(`init is ${quoted}; it is an absolute path in the guest, or "auto".`);
  if (Buffer.byteLength(cmd) > limits.pathBytes)
    throw new InvalidConfigError(`init is a path of more than ${limits.pathBytes} bytes.`);
  if (args.length > limits.args)
    throw new InvalidConfigError(
      `init has ${args.length} arguments; ${limits.args} are the most that it can have.`,
    );
  if (Object.keys(env).length > limits.env)
    throw new InvalidConfigError(
      `init has ${Object.keys(env).length} environment variables; ${limits.env} are the most that it can have.`,
    );
  for (const text of [cmd, ...args]) {
    if (typeof text !== 'string' || text.includes('\0'))
      throw new InvalidConfigError(`init ${quoted} has an argument that is no text, or has a NUL in it.`);
  }
  for (const [key, value] of Object.entries(env)) {
    if (key === '' || /[=\0]/.test(key) || typeof value !== 'string' || value.includes('\0'))
      throw new InvalidConfigError(
        `${JSON.stringify(key)} cannot be an environment variable of init ${quoted}: names have no "=", nothing has a NUL.`,
      );
  }
  return init;
}
