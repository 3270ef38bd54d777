import { monotonicMs } from '../host/clock.js';
import type { PullProgress } from '../image/pull-progress.js';

/** A terminal is not drawn on more often than somebody can see. */
const drawMs = 80;
const barWidth = 24;
/** Layers that are shown at once, those that move; an image may have hundreds. */
const maxBars = 12;

/** What is written to, such as stderr. */
interface Screen {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

type Layer = { readonly digest: string; readonly total: number; done: number };

/** Shows a pull: on a terminal bars that move, elsewhere a line for what has happened. An image that is here shows nothing. */
export class PullDisplay implements Disposable {
  readonly #out: Screen;
  readonly #layers = new Map<number, Layer>();
  #drawn = 0;
  #drawnMs = Number.NEGATIVE_INFINITY;

  constructor(out: Screen) {
    this.#out = out;
  }

  readonly show = (progress: PullProgress): void => {
    if (progress.kind === 'layerDownloadProgress') {
      const { layerIndex, digest, downloadedBytes, totalBytes } = progress;
      this.#layers.set(layerIndex, { digest, total: totalBytes ?? downloadedBytes, done: downloadedBytes });
      this.#draw();
      return;
    }
    if (progress.kind === 'layerDownloadComplete') this.#layers.delete(progress.layerIndex);
    const line = lineOf(progress);
    if (line !== undefined) this.#say(line);
  };

  [Symbol.dispose](): void {
    this.#erase();
  }

  #say(line: string): void {
    this.#erase();
    this.#out.write(`${line}\n`);
    this.#drawnMs = Number.NEGATIVE_INFINITY;
    this.#draw();
  }

  #draw(): void {
    if (!this.#out.isTTY || monotonicMs() - this.#drawnMs < drawMs) return;
    this.#erase();
    const width = Math.max(1, (this.#out.columns ?? 80) - 1); // a line that wraps could not be taken back
    const lines = [...this.#layers.values()].slice(0, maxBars).map((layer) => barOf(layer).slice(0, width));
    if (lines.length === 0) return;
    this.#out.write(`${lines.join('\n')}\n`);
    this.#drawn = lines.length;
    this.#drawnMs = monotonicMs();
  }

  #erase(): void {
    if (this.#drawn > 0) this.#out.write(`\u001b[${this.#drawn}A\u001b[J`);
    this.#drawn = 0;
  }
}

/** What is said of an event; undefined where nothing is. */
function lineOf(progress: PullProgress): string | undefined {
  switch (progress.kind) {
    case 'resolved': {
      const { reference, manifestDigest, layerCount, totalDownloadBytes } = progress;
      const layers = layerCount === 1 ? '1 layer' : `${layerCount} layers`;
      const rest = totalDownloadBytes
        ? `${bytesText(totalDownloadBytes)} to download`
        : 'nothing to download';
      return `${reference}: ${manifestDigest}, ${layers}, ${rest}`;
    }
    case 'layerDownloadComplete':
      return `${short(progress.digest)} ${bytesText(progress.downloadedBytes)}, complete`;
    case 'stitchMergingTrees':
      return 'Making the root file system';
    case 'complete':
      return `${progress.reference}: complete`;
    default:
      return undefined;
  }
}

function barOf({ digest, total, done }: Layer): string {
  const filled = total > 0 ? Math.min(barWidth, Math.floor((done / total) * barWidth)) : barWidth;
  const bar = `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`;
  return `${short(digest)} ${bar} ${bytesText(done)} of ${bytesText(total)}`;
}

const short = (digest: string) => digest.replace(/^sha256:/, '').slice(0, 12);

/** Bytes as somebody would say it. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
