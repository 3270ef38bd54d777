import type { PullProgress } from '../image/pull-progress.js';
import type { SandboxConfig } from '../store/record.js';
import { brief } from './template-news.js';

/** Tells a person why the first machine of an image waits for the network. */
export function pullNews(log: ((line: string) => void) | undefined) {
  return ({ image }: SandboxConfig, progress: PullProgress): void => {
    if (progress.kind !== 'resolved' || !progress.totalDownloadBytes) return;
    const { layerCount, totalDownloadBytes } = progress;
    const layers = layerCount === 1 ? '1 layer' : `${layerCount} layers`;
    log?.(
      `Pulling ${brief(image)}, ${megabytes(totalDownloadBytes)} to download of ${layers}: once for this machine.`,
    );
  };
}

const megabytes = (bytes: number) => `${Math.max(0.1, bytes / 1e6).toFixed(1)} MB`;
