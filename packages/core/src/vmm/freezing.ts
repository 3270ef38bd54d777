import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from '../host/clock.js';
import { type Qmp, VmmControlError } from './qmp.js';
import { vmmDescriptors } from './vmm.js';

/** The guest's memory is in a file of its own already, and only the rest is written. */
const capabilities = ['x-ignore-shared', 'events'].map((capability) => ({ capability, state: true }));

/** The state of processors and devices takes some hundred kilobytes; what is larger has the guest's memory in it. */
const mostStateBytes = 16 * 1024 * 1024;

/** Who has connected is accepted in the event loop's next round. */
const lateClientMs = 1_000;

/**
 * Stops a machine that was started as a template, for good, and writes its state into a new file.
 *
 * @param socket where that passes through; the path of a socket that is not there yet, in a directory of ours.
 * @throws VmmControlError; the error of the file system.
 */
export async function freeze(qmp: Qmp, file: string, socket: string): Promise<void> {
  const server = createServer({ pauseOnConnect: true }).listen(socket);
  try {
    await once(server, 'listening');
    const stopped = Promise.all([
      qmp.execute('migrate-set-capabilities', { capabilities }),
      qmp.event('MIGRATION', 'completed'),
      qmp.execute('migrate', { uri: `unix:${socket}` }),
    ]);
    await Promise.all([stopped, store(server, file, stopped)]);
  } finally {
    server.close();
  }
}

/** Writes what the first client sends, unless the other thing fails, or is long done, before one has come. */
async function store(server: Server, file: string, other: Promise<unknown>): Promise<void> {
  const client = await Promise.race([once(server, 'connection'), other.then(lateClient)]);
  if (!client) throw new VmmControlError('QEMU reports that it has written its state, and has not.');
  const [socket] = client as [Socket];
  await pipeline(socket, bounded, createWriteStream(file, { flags: 'wx', mode: 0o600 }));
}

/** QEMU connects before it reports that it is done, but we may hear of the two in another order. */
function lateClient(): Promise<null> {
  return new Promise((resolve) => setTimeout(() => resolve(null), lateClientMs).unref());
}

async function* bounded(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > mostStateBytes)
      throw new VmmControlError(`QEMU writes a state of more than ${mostStateBytes} bytes.`);
    yield chunk;
  }
}

/** Has a machine that was started as a clone go on from its template's state; may be ordered before it exists. @throws VmmControlError */
export async function goOn(qmp: Qmp): Promise<void> {
  await Promise.all([
    qmp.execute('migrate-set-capabilities', { capabilities }),
    qmp.event('RESUME'),
    qmp.execute('migrate-incoming', { uri: `fd:${vmmDescriptors.state}` }),
  ]);
}
