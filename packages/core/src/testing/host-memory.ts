import { freemem, totalmem } from 'node:os';

const mib = 1024 ** 2;

/** What this process may have of the host's memory: all of it, or less where a control group limits it. */
export function hostMemoryMib(): number {
  return (isLimited() ? process.constrainedMemory() : totalmem()) / mib;
}

function isLimited(): boolean {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem();
}

/** Of all that there is, what could be had without anything being swapped out. */
export interface HostMemory {
  readonly totalMib: number;
  readonly availableMib: number;
}

/**
 * On Linux `freemem` is the kernel's own estimate, MemAvailable. A control group's memory counts as used where it is page cache, too: so
 * there it looks scarcer than it is.
 */
export function hostMemory(): HostMemory {
  const available = isLimited() ? Math.min(freemem(), process.availableMemory()) : freemem();
  return { totalMib: hostMemoryMib(), availableMib: available / mib };
}

/**
 * Whether there is too little memory for machines of that size that only wait. What they save is some tenths of a second each; what
 * they could cost is the page cache, from which all machines come, and in the end the run. So a quarter stays free for everybody
 * else, the same that {@link hostShare} leaves, and beside the two that wait there is always room for the next that run.
 */
export function isMemoryShort({ totalMib, availableMib }: HostMemory, machineMib: number): boolean {
  return availableMib < Math.max(totalMib / 4, 2 * machineMib);
}
