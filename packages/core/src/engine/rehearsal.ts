import type { ReceivedMessage } from '../agent/connection.js';
import { type AgentConnection, type AgentReady, agentReady } from '../agent/connection.js';
import { AgentProtocolError } from '../errors.js';
import type { SandboxRecord } from '../store/record.js';
import { resumePayload } from './first-frame.js';

/** What most tests begin with. An image that lacks one of these loses nothing but the time that they save. */
const firstCommands = [['true'], ['/bin/sh', '-c', ':']] as const;

/** What every machine comes to: seconds later its kernel writes to its disk what its start has changed, and its stop does. */
const flush = ['sync'] as const;

const noAnswer = 'Its agent was ready, and has not answered';

/** Of a command that says nothing, as many messages as there can be. */
const mostMessages = 16;

/** How long an agent may take. When that is over it is hung up on: it is no good to anybody any more. */
export interface Bounds {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs something in a machine that nobody uses yet, so that what every first command needs is in its memory. Afterwards nothing is
 * on the agent's line: a machine that is frozen then is not frozen within a frame.
 *
 * @throws AgentGoneError, AgentProtocolError, TimeoutError when the machine is no good; the signal's reason.
 */
export function rehearse(connection: AgentConnection, bounds: Bounds): Promise<void> {
  return connection.within(bounds, noAnswer, () => runCommands(connection, firstCommands));
}

/** The same for a machine that others will be copies of: what they need later counts, too. @throws what {@link rehearse} throws. */
export function rehearseForCopies(connection: AgentConnection, bounds: Bounds): Promise<void> {
  return connection.within(bounds, noAnswer, () => runCommands(connection, [...firstCommands, flush]));
}

/** Makes a machine that runs already the one of that sandbox. @throws what {@link rehearse} throws. */
export function renew(
  connection: AgentConnection,
  record: SandboxRecord,
  bounds: Bounds,
): Promise<AgentReady> {
  return connection.within(bounds, noAnswer, async () => {
    const id = connection.newId();
    await connection.send('msb.resume', resumePayload(record), { id });
    const { payload } = await until(connection, id, ['core.ready']);
    return agentReady(payload);
  });
}

async function runCommands(
  connection: AgentConnection,
  commands: readonly (readonly [string, ...string[]])[],
): Promise<void> {
  for (const [cmd, ...args] of commands) {
    const id = await connection.open('core.exec.request', { cmd, args, env: [], stdin: 'null' });
    await until(connection, id, ['core.exec.exited', 'core.exec.failed']);
  }
  const id = connection.newId();
  await connection.send('core.ping', {}, { id });
  await until(connection, id, ['core.pong']);
}

async function until(
  connection: AgentConnection,
  id: number,
  types: readonly string[],
): Promise<ReceivedMessage> {
  for (let count = 0; count < mostMessages; count++) {
    const message = await connection.receive();
    if (message.id === id && types.includes(message.type)) return message;
  }
  throw new AgentProtocolError(
    `The agent did not come to ${types.join(' or ')} in ${mostMessages} messages.`,
  );
}
