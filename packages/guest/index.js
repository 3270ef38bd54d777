// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from 'node:url';

const built = (name) => fileURLToPath(new URL(`./build/${name}`, import.meta.url));

/** A directory with `vmlinuz`, `kernel.json` and `modules/`. */
export const kernelDirectory = built('kernel');

/** The image that is there without having been loaded: an OCI layout, and its name. */
export const baseImage = {
  layout: built('image'),
  reference: 'docker.io/library/msb-base:latest',
};
