import type { ImageStore, PreparedImage, PrepareOptions } from './image-store.js';
import type { PullPolicy } from './pull-progress.js';
import type { RegistryConfig } from './registry/settings.js';

/** How an image is to come, where somebody has said so. */
export interface PullRequest extends PrepareOptions {
  /** Default `if-missing`. */
  readonly policy?: PullPolicy | undefined;
  readonly registry?: RegistryConfig | undefined;
}

/**
 * An image as something to boot, from its registry if need be.
 *
 * @throws ImageNotFoundError, ImageError, HttpError, IoError, TimeoutError, InvalidConfigError; the signal's reason.
 */
export async function pulled(
  images: ImageStore,
  reference: string,
  { registry, ...options }: PullRequest,
): Promise<PreparedImage> {
  await images.pull(reference, {
    ...options,
    open: async (parsed) => {
      const { RegistrySource } = await import('./registry/registry-source.js'); // an HTTP client that most processes never need
      return new RegistrySource(parsed, registry);
    },
  });
  return images.prepare(reference, options);
}
