import type { SandboxRecord } from '../store/record.js';
import type { CloneSource } from './clone-source.js';
import type { Environment } from './environment.js';
import { FrozenSource } from './frozen-source.js';
import { liveTemplate, notedClone } from './live-templates.js';
import type { Shape } from './shape.js';
import { type TemplateOptions, templateFor } from './template-for.js';

/**
 * What a machine of that shape can be cloned from, the best first; whoever takes the next says that the one before was no good.
 *
 * @param record of the sandbox that the machine is for.
 * @throws as {@link templateFor} does.
 */
export async function* cloneSources(
  environment: Environment,
  shape: Shape,
  record: SandboxRecord,
  options: TemplateOptions,
): AsyncGenerator<CloneSource, void> {
  const template = await templateFor(environment, shape, record, options);
  if (!template) return;
  const live = await liveTemplate(environment, template);
  if (live) yield live;
  notedClone(environment, template, shape, record);
  yield new FrozenSource(environment.templates, template, shape);
}
