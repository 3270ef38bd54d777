/** What is changed of an image's configuration. What is not named stays. */
export interface ImageSettings {
  /** Over what there is, name by name. */
  readonly env?: Readonly<Record<string, string>>;
  readonly workdir?: string;
  readonly user?: string;
  /** In the place of the image's; its arguments then go, too, unless `cmd` says others. */
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  /** Over what there is, name by name. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Such as `SIGQUIT`. */
  readonly stopSignal?: string;
}

/** An image's configuration, as OCI has it, with what is changed of it. */
export function applySettings(
  document: Record<string, unknown>,
  { env, workdir, user, entrypoint, cmd, labels, stopSignal }: ImageSettings,
): Record<string, unknown> {
  const config = (document.config ?? {}) as {
    readonly Env?: string[] | null;
    readonly Labels?: object | null;
  };
  const changed = {
    ...(env && { Env: envOver(config.Env ?? [], env) }),
    ...(workdir !== undefined && { WorkingDir: workdir }),
    ...(user !== undefined && { User: user }),
    ...(entrypoint && { Entrypoint: entrypoint, Cmd: null }),
    ...(cmd && { Cmd: cmd }),
    ...(labels && { Labels: { ...config.Labels, ...labels } }),
    ...(stopSignal !== undefined && { StopSignal: stopSignal }),
  };
  return Object.keys(changed).length === 0 ? document : { ...document, config: { ...config, ...changed } };
}

/** A variable keeps its place, since whoever reads them may read them in order. */
function envOver(entries: readonly string[], env: Readonly<Record<string, string>>): string[] {
  const nameOf = (entry: string) => entry.split('=', 1)[0] ?? '';
  const names = new Set(entries.map(nameOf));
  const kept = entries.map((entry) => {
    const value = Object.hasOwn(env, nameOf(entry)) ? env[nameOf(entry)] : undefined;
    return value === undefined ? entry : `${nameOf(entry)}=${value}`;
  });
  const added = Object.entries(env).filter(([name]) => !names.has(name));
  return [...kept, ...added.map(([name, value]) => `${name}=${value}`)];
}
