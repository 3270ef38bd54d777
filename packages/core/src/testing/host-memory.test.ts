import { expect, it } from 'vitest';
import { hostMemory, isMemoryShort } from './host-memory.js';

it('asks the host', () => {
  const { totalMib, availableMib } = hostMemory();
  expect(availableMib).toBeGreaterThan(0);
  expect(availableMib).toBeLessThanOrEqual(totalMib);
});

it.each([
  { availableMib: 2000, machineMib: 512, short: false },
  { availableMib: 1999, machineMib: 512, short: true },
  { availableMib: 4000, machineMib: 2000, short: false },
  { availableMib: 3999, machineMib: 2000, short: true },
])('of 8000 MiB, $availableMib available, for machines of $machineMib: short is $short', (row) => {
  expect(isMemoryShort({ totalMib: 8000, availableMib: row.availableMib }, row.machineMib)).toBe(row.short);
});
