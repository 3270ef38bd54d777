// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from 'node:url';

/** The guest agent's binary: /init of every microVM. */
export const agentdPath = fileURLToPath(new URL('./build/agentd', import.meta.url));
