import { openFile } from '../host/descriptor.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';
import { goOn } from '../vmm/freezing.js';
import type { Qmp } from '../vmm/qmp.js';
import type { CloneSource } from './clone-source.js';
import type { Shape } from './shape.js';
import { newVmm, type StartVmm } from './spawn-relay.js';
import type { Template } from './template.js';
import type { Templates } from './templates.js';

/** Clones by a VMM of their own, which reads the template's state and maps its memory. */
export class FrozenSource implements CloneSource {
  readonly forks = false;
  readonly #templates: Templates;
  readonly #template: Template;
  readonly #shape: Shape;

  constructor(templates: Templates, template: Template, shape: Shape) {
    this.#templates = templates;
    this.#template = template;
    this.#shape = shape;
  }

  get upper(): string {
    return this.#template.upper;
  }

  vmm(directory: SandboxDirectory, qmp: Qmp): StartVmm {
    const { memory, state } = this.#template;
    const descriptors = [qmp.theirs, openFile(memory, 'r'), openFile(state, 'r')];
    return newVmm(this.#shape.command({ kind: 'clone' }, directory), descriptors);
  }

  goOn(qmp: Qmp): Promise<void> {
    return goOn(qmp);
  }

  async failed(sandbox: string, error: Error): Promise<void> {
    this.#templates.discard(this.#template);
    process.emitWarning(
      `Sandbox "${sandbox}" boots instead of being cloned: ${error.message} The template is discarded; it is made anew next time.`,
      { code: 'MSB_CLONE_FAILED' },
    );
  }
}
