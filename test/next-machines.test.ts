import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { NextMachines } from '@msbtest/core/testing';
import { expect, it } from 'vitest';
import { placesForTests } from './support/places.js';
import { usePrivateHome } from './support/vm.js';

usePrivateHome();

/** A size that no other test asks for, so that its reservations are told from those of whoever else uses this host. */
const unusual = { memory: 143 };

const entries = (directory: string, shape: RegExp) =>
  readdirSync(directory).filter((name) => shape.test(name)).length;
const waiting = () => entries(join(placesForTests().home, 'sandboxes'), /^\.new-/);
const reserved = () => entries(join(placesForTests().cache, 'slots'), /^ahead-143m-/);

it('keeps two machines ready while there is memory, with a place for each', async () => {
  const memory = { totalMib: 8000, availableMib: 8000 };
  const next = new NextMachines(() => memory);
  const counts = async () => {
    next.foresee([{ ...unusual, coldBoot: true }, unusual, unusual, unusual]);
    await next.pool?.settled();
    return { waiting: waiting(), reserved: reserved() };
  };
  try {
    expect(await counts()).toEqual({ waiting: 2, reserved: 2 });
    memory.availableMib = 1999;
    expect(await counts()).toEqual({ waiting: 0, reserved: 0 });
    memory.availableMib = 8000;
    expect(await counts()).toEqual({ waiting: 2, reserved: 2 });
  } finally {
    await next.end();
  }
  expect({ waiting: waiting(), reserved: reserved() }).toEqual({ waiting: 0, reserved: 0 });
});

it('does nothing for machines that are to boot', () => {
  const next = new NextMachines();
  next.foresee([{ coldBoot: true }]);
  expect(next.pool).toBeUndefined();
});
