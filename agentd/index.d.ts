// SPDX-License-Identifier: Apache-2.0

/** Absolute path of the guest agent's binary: /init of every microVM. */
export declare const agentdPath: string;
