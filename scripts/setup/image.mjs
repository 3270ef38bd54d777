// @ts-check
import { build, isBuilt } from '../../fixtures/images/build.mjs';

/** @type {import('./progress.mjs').Step} */
export const image = {
  id: 'image',
  title: 'base image',
  why: 'the root that guests have unless told otherwise',
  isDone: isBuilt,
  async run() {
    const { reference, digest } = await build();
    return `${reference} ${digest.slice(0, 19)}`;
  },
};
