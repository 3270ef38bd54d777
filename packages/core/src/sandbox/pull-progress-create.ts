import type { PullProgress } from '../image/pull-progress.js';
import type { Sandbox } from './sandbox.js';

/** One thing that a pull has to tell. */
export type PullProgressEvent = PullProgress;

/**
 * What a pull has to tell, until the image is ready. Who reads slowly misses steps of a layer, and not the last of them; so what waits
 * to be read is little.
 */
export class PullProgressStream implements AsyncIterable<PullProgressEvent> {
  readonly #waiting: PullProgressEvent[] = [];
  #wake: () => void = () => {};
  #ended = false;

  /** @internal */
  readonly push = (event: PullProgressEvent): void => {
    if (event.kind === 'layerDownloadProgress') {
      const index = this.#waiting.findIndex(
        (other) => other.kind === 'layerDownloadProgress' && other.layerIndex === event.layerIndex,
      );
      if (index >= 0) this.#waiting.splice(index, 1);
    }
    this.#waiting.push(event);
    this.#wake();
  };

  /** @internal */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The next event; null at the end. One at a time waits for it. */
  async recv(): Promise<PullProgressEvent | null> {
    for (;;) {
      const event = this.#waiting.shift();
      if (event) return event;
      if (this.#ended) return null;
      const wakeBefore = this.#wake;
      await new Promise<void>((resolve) => {
        this.#wake = () => {
          wakeBefore();
          resolve();
        };
      });
      this.#wake = () => {};
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<PullProgressEvent, void, undefined> {
    for (let event = await this.recv(); event; event = await this.recv()) yield event;
  }
}

/** A sandbox that is being made, and what the pull of its image has to tell. */
export class PullProgressCreate implements AsyncIterable<PullProgressEvent> {
  readonly progress = new PullProgressStream();
  readonly #sandbox: Promise<Sandbox>;

  /** @internal */
  constructor(create: (listener: (event: PullProgressEvent) => void) => Promise<Sandbox>) {
    const ended = (event: PullProgressEvent) => {
      this.progress.push(event);
      if (event.kind === 'complete') this.progress.end();
    };
    this.#sandbox = create(ended).finally(() => this.progress.end());
    this.#sandbox.catch(() => {}); // told by awaitSandbox
  }

  [Symbol.asyncIterator](): AsyncIterator<PullProgressEvent> {
    return this.progress[Symbol.asyncIterator]();
  }

  /** The sandbox, when it is up. @throws what `create()` throws. */
  awaitSandbox(): Promise<Sandbox> {
    return this.#sandbox;
  }
}
