import type { Readable } from 'node:stream';
import type { Descriptor } from './layout.js';

/**
 * Where an image comes from: a registry, a directory, an archive. It finds and hands out; what it hands out is checked by who stores it.
 */
export interface ImageSource extends AsyncDisposable {
  /** How messages call it, such as a path or a registry's host. */
  readonly name: string;

  /**
   * The manifest of the variant for an architecture, as OCI names those; a source without manifests makes one up.
   *
   * @throws ImageError
   */
  manifest(architecture: string, signal?: AbortSignal): Promise<Descriptor>;

  /**
   * The bytes of a blob, of a manifest too, from `offset` on. A stream with more bytes, with fewer or with others than the descriptor says
   * is the storing side's to refuse.
   *
   * @throws ImageError
   */
  open(blob: Descriptor, offset: number, signal: AbortSignal): Promise<Readable>;
}
