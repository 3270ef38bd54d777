import type { Qmp } from './qmp.js';
import { vmmDescriptors } from './vmm.js';

/** The guest's memory is in a file of its own already, and only the rest is written. */
const capabilities = ['x-ignore-shared', 'events'].map((capability) => ({ capability, state: true }));
const theState = { uri: `fd:${vmmDescriptors.state}` };

/** Stops a machine that was started as a template, for good, and writes its state. @throws VmmControlError */
export async function freeze(qmp: Qmp): Promise<void> {
  await Promise.all([
    qmp.execute('migrate-set-capabilities', { capabilities }),
    qmp.event('MIGRATION', 'completed'),
    qmp.execute('migrate', theState),
  ]);
}

/** Has a machine that was started as a clone go on from its template's state; may be ordered before it exists. @throws VmmControlError */
export async function goOn(qmp: Qmp): Promise<void> {
  await Promise.all([
    qmp.execute('migrate-set-capabilities', { capabilities }),
    qmp.event('RESUME'),
    qmp.execute('migrate-incoming', theState),
  ]);
}
