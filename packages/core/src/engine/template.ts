import { join } from 'node:path';

/** A machine that was frozen when its agent was ready: the files of which clones are made. None of them is ever written again. */
export class Template {
  constructor(
    readonly key: string,
    readonly path: string,
  ) {}

  /** The guest's memory, as large as that is and sparse; clones map it copy-on-write. */
  get memory(): string {
    return join(this.path, 'memory');
  }
  /** The state of its processors and devices. */
  get state(): string {
    return join(this.path, 'state');
  }
  /** The writable disk, as it was at that moment. */
  get upper(): string {
    return join(this.path, 'upper.ext4');
  }
}
