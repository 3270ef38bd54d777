import type { ReceivedMessage } from '../agent/connection.js';
import { AgentProtocolError, ExecFailedError, type ExecFailureKind } from '../errors.js';

const failureKinds: readonly string[] = [
  'not_found',
  'permission_denied',
  'not_executable',
  'bad_cwd',
  'bad_args',
  'resource_limit',
  'user_setup_failed',
  'out_of_memory',
  'pty_setup_failed',
] satisfies ExecFailureKind[];

/** Why a command did not start, from the first message about it that is not `core.exec.started`. */
export function startError(command: string, { type, payload }: ReceivedMessage): Error {
  if (type === 'core.exec.failed') {
    const kind = payload.text('kind');
    return new ExecFailedError(
      `"${command}" could not be started in the sandbox: ${payload.text('message')}`,
      {
        kind: failureKinds.includes(kind) ? (kind as ExecFailureKind) : 'other',
        errnoName: payload.optionalText('errno_name') ?? null,
        stage: payload.optionalText('stage') ?? null,
      },
    );
  }
  if (type === 'core.error')
    return new AgentProtocolError(`The agent refused to run "${command}": ${payload.text('message')}`);
  return new AgentProtocolError(`The agent answered the request to run "${command}" with ${type}.`);
}
