import { closeSync, openSync } from 'node:fs';
import { native } from './native.js';

/** An open file or socket that belongs to whoever has this object. */
export interface Descriptor extends Disposable {
  readonly fd: number;
}

/** Opens a file; one that is made has mode 0600. */
export function openFile(path: string, flags: string): Descriptor {
  const fd = openSync(path, flags, 0o600);
  return { fd, [Symbol.dispose]: once(() => closeSync(fd)) };
}

/** Takes over what the addon has opened. */
export function ownDescriptor(fd: number): Descriptor {
  return { fd, [Symbol.dispose]: once(() => native.closeFd(fd)) };
}

/** A number that was closed is soon another file's; it must not be closed twice. */
function once(close: () => void): () => void {
  let open = true;
  return () => {
    if (open) close();
    open = false;
  };
}

/** Several that are closed together. */
export class Descriptors implements Disposable {
  readonly #all: Descriptor[] = [];

  add(descriptor: Descriptor): number {
    this.#all.push(descriptor);
    return descriptor.fd;
  }

  /** A pair of connected sockets. */
  pair(): { readonly ours: number; readonly theirs: number } {
    const [ours, theirs] = native.socketPair();
    return { ours: this.add(ownDescriptor(ours)), theirs: this.add(ownDescriptor(theirs)) };
  }

  [Symbol.dispose](): void {
    for (const descriptor of this.#all.splice(0)) descriptor[Symbol.dispose]();
  }
}
