import type { CreateOptions, ExecOptions, ExecResult, ProvidedSandbox, Provider } from './provider.js';

/** Something with some of its members exchanged. */
export function exchange<T extends object>(target: T, changes: Partial<T>): T {
  return new Proxy(target, {
    get(_, key) {
      if (Object.hasOwn(changes, key)) return changes[key as keyof T];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

type Changes = (
  sandbox: ProvidedSandbox,
  came: 'created' | 'by name' | 'started again',
) => Partial<ProvidedSandbox>;

/** A provider all of whose sandboxes have some members exchanged, in whatever way one comes by them. */
export function withSandboxes(provider: Provider, changes: Changes): Provider {
  const changed = (sandbox: ProvidedSandbox, came: Parameters<Changes>[1]): ProvidedSandbox => {
    const { startAgain } = sandbox;
    const again = startAgain && {
      startAgain: async () => changed(await startAgain.call(sandbox), 'started again'),
    };
    return exchange(sandbox, { ...again, ...changes(sandbox, came) });
  };
  const { get } = provider;
  return exchange(provider, {
    create: async (options) => changed(await provider.create(options), 'created'),
    ...(get && { get: async (name: string) => changed(await get.call(provider, name), 'by name') }),
  });
}

/** A provider that makes its sandboxes with other options than it was asked for. */
export function withOptions(provider: Provider, change: (options: CreateOptions) => CreateOptions): Provider {
  return exchange(provider, { create: (options) => provider.create(change(options)) });
}

/** A provider whose commands' results are changed. */
export function withResults(
  provider: Provider,
  change: (result: ExecResult, command: readonly string[], sandbox: ProvidedSandbox) => ExecResult,
): Provider {
  return withSandboxes(provider, (sandbox) => ({
    exec: async (command, options) => change(await sandbox.exec(command, options), command, sandbox),
  }));
}

/** A provider that runs other commands than it was given. */
export function withCommands(
  provider: Provider,
  change: (command: readonly string[], options: ExecOptions) => readonly [readonly string[], ExecOptions],
): Provider {
  return withSandboxes(provider, (sandbox) => ({
    exec: (command, options = {}) => sandbox.exec(...change(command, options)),
  }));
}

/** A provider whose graceful stop is none. */
export function stopThatKills(provider: Provider, came?: Parameters<Changes>[1]): Provider {
  return withSandboxes(provider, (sandbox, how) =>
    came !== undefined && how !== came
      ? {}
      : {
          stop: async () => {
            await sandbox.kill();
            return { outcome: 'graceful' };
          },
        },
  );
}

/** A provider of sandboxes with next to no walls: what one is told to do, the others do, too. */
export function mirrored(provider: Provider): Provider {
  const all: ProvidedSandbox[] = [];
  return withSandboxes(provider, (sandbox) => {
    all.push(sandbox);
    return {
      exec: async (command, options) => {
        const result = await sandbox.exec(command, options);
        for (const other of all) {
          if (other === sandbox) continue;
          const there = command.map((part) => part.replaceAll(sandbox.directory, other.directory));
          await other.exec(there, options);
        }
        return result;
      },
    };
  });
}
