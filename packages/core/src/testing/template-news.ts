import type { TemplateProgress } from '../engine/template-for.js';
import type { SandboxConfig } from '../store/record.js';

/** Tells a person why the first machine of a kind takes seconds. */
export function templateNews(log: ((line: string) => void) | undefined) {
  return ({ image, cpus, memoryMib }: SandboxConfig, { state }: TemplateProgress): void => {
    if (state !== 'making') return;
    const processors = cpus === 1 ? '1 cpu' : `${cpus} cpus`;
    log?.(
      `Making the template of ${brief(image)}, ${processors}, ${memoryMib} MiB: once for each kind of machine.`,
    );
  };
}

/** An image's reference without what nobody writes. */
export function brief(reference: string): string {
  return reference.replace(/^docker\.io\/(library\/)?/, '').replace(/:latest$/, '');
}
