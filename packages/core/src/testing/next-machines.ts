import { join } from 'node:path';
import { environmentFrom } from '../engine/environment.js';
import { MachinePool } from '../engine/pool.js';
import { Sandbox } from '../sandbox/sandbox.js';
import { hostMemory, isMemoryShort } from './host-memory.js';
import { configure, type MachineOptions } from './machine-options.js';
import { ParentWatch } from './parent-watch.js';
import { say } from './say.js';
import { hostShare, Slots } from './slots.js';
import { templateNews } from './template-news.js';

/** One to be taken, and one more that is made while that one's test runs. */
const lookAhead = 2;

/**
 * The machines of the tests that come next in this process or worker thread, made while others run. What is foreseen belongs to a
 * test file, and so {@link end} is called at its end: what nobody has taken by then is gone afterwards.
 */
export class NextMachines {
  readonly #memory: typeof hostMemory;
  #begun: { readonly pool: MachinePool; readonly parent: ParentWatch } | undefined;
  #largestMib = 0;

  /** @param memory asks the host what it has. */
  constructor(memory: typeof hostMemory = hostMemory) {
    this.#memory = memory;
  }

  /** Where to look for a machine first; undefined while nothing is foreseen. */
  get pool(): MachinePool | undefined {
    return this.#begun?.pool;
  }

  /** Tells what the next tests with a machine of their own will ask for, the soonest first. One that is to boot cannot be ready. */
  foresee(next: Iterable<MachineOptions>): void {
    const configs = [];
    for (const options of next) {
      if (options.coldBoot) continue;
      configs.push(configure(Sandbox.builder('next'), options).ephemeral(true).checked());
      if (configs.length === lookAhead) break;
    }
    if (configs.length === 0 && !this.#begun) return;
    this.#begun ??= { pool: this.#open(), parent: new ParentWatch() };
    this.#largestMib = Math.max(0, ...configs.map(({ memoryMib }) => memoryMib));
    this.#begun.pool.foresee(configs);
  }

  /** Gives up what was foreseen; resolves when nothing is left of it. */
  async end(): Promise<void> {
    const begun = this.#begun;
    this.#begun = undefined;
    try {
      await begun?.pool[Symbol.asyncDispose]();
    } finally {
      begun?.parent[Symbol.dispose]();
    }
  }

  #open(): MachinePool {
    const environment = environmentFrom();
    const capacity = hostShare(environment.accelerator === 'tcg');
    const slots = new Slots(join(environment.places.cache, 'slots'), capacity);
    return new MachinePool(environment, {
      leave: (config) => slots.reserve(config),
      isMemoryShort: () => isMemoryShort(this.#memory(), this.#largestMib),
      onTemplate: templateNews(say),
    });
  }
}

export const nextMachines = new NextMachines();
