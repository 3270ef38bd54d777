// SPDX-License-Identifier: Apache-2.0

/**
 * Absolute path of a directory with `vmlinuz`, `kernel.json` (version, architecture, modules in the order in which they are loaded)
 * and `modules/`. In a checkout it is there once set-up has made it.
 */
export declare const kernelDirectory: string;

/** An image that is there without having been loaded. */
export interface BaseImage {
  /** Absolute path of an OCI image layout directory. In a checkout it is there once set-up has made it. */
  readonly layout: string;
  /** Its full name. */
  readonly reference: string;
}

/** A small root: busybox, and the few files that programs expect of a system. */
export declare const baseImage: BaseImage;
