import { environmentFrom } from '../engine/environment.js';
import type { StoredImage } from '../image/image-store.js';

/** An image in the local store. */
export class ImageHandle {
  readonly reference: string;
  readonly manifestDigest: string;
  readonly createdAt: Date;

  /** @internal */
  constructor(image: StoredImage) {
    this.reference = image.reference;
    this.manifestDigest = image.manifest.digest;
    this.createdAt = new Date(image.createdAt);
  }
}

/** The images of this machine. */
export const Image = {
  /** @throws ImageNotFoundError */
  async get(reference: string): Promise<ImageHandle> {
    return new ImageHandle(await environmentFrom().images.find(reference));
  },

  async list(): Promise<ImageHandle[]> {
    return environmentFrom()
      .images.list()
      .map((image) => new ImageHandle(image));
  },

  /** Takes an image from an OCI layout directory into the store, named `tag`. @throws ImageError */
  async load(inputPath: string, { tag }: { tag: string }): Promise<ImageHandle[]> {
    return [new ImageHandle(await environmentFrom().images.load(inputPath, tag))];
  },
};
