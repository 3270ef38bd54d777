import { diskError } from '../disk/upper.js';
import { monotonicMs } from '../host/clock.js';
import type { SandboxRecord } from '../store/record.js';
import type { BootOptions } from './cold-boot.js';
import type { Environment } from './environment.js';
import { isUnfreezable, makeTemplate } from './make-template.js';
import type { Shape } from './shape.js';
import type { Template } from './template.js';

/** What somebody who waits for a template is told. */
export type TemplateProgress = { readonly state: 'making' } | { readonly state: 'made'; readonly ms: number };

export interface TemplateOptions extends BootOptions {
  /** Hears of a template that has to be made first. */
  readonly onTemplate?: ((progress: TemplateProgress) => void) | undefined;
}

/**
 * The template of a shape; where there is none it is made, once for all who want it.
 *
 * @param record of the sandbox that wants it.
 * @returns null where there are no templates, or this one cannot be frozen, of which there is a warning.
 * @throws BootFailedError when it does not boot, as the sandbox would not; IoError; the signal's reason.
 */
export async function templateFor(
  environment: Environment,
  shape: Shape,
  record: SandboxRecord,
  options: TemplateOptions,
): Promise<Template | null> {
  const { templates } = environment;
  const { name } = record.config;
  const key = shape.templateKey();
  if (key === null) return null;
  const found = templates.find(key);
  if (found) return found;
  const begin = monotonicMs();
  options.onTemplate?.({ state: 'making' });
  try {
    const bounds = { timeoutMs: options.timeoutMs, signal: options.signal };
    const template = await templates.make(
      key,
      (directory) => makeTemplate(environment, shape, record, directory, bounds),
      bounds,
    );
    options.onTemplate?.({ state: 'made', ms: monotonicMs() - begin });
    return template;
  } catch (error) {
    if (!isUnfreezable(error)) throw diskError(`Sandbox "${name}" could not be made`, error);
    process.emitWarning(
      `Sandbox "${name}" boots instead of being cloned: no template could be made. ${error.message}`,
      {
        code: 'MSB_TEMPLATE_FAILED',
      },
    );
    return null;
  }
}
