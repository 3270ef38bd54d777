import { Sandbox } from '../sandbox/sandbox.js';
import { type Command, UsageError } from './command.js';
import {
  commandOptions,
  commandOptionsHelp,
  guestCommand,
  runGuestCommand,
  ttyOptionHelp,
} from './guest-command.js';

export const exec: Command = {
  summary: 'run a command in a sandbox',
  help: `Usage: msbtest exec [options] NAME [--] COMMAND [ARG...]

Runs COMMAND in the sandbox NAME, passes on its output and exit status (128 + n when signal n ended it). A sandbox that is
stopped is started for it, and stopped again.

  -e, --env K=V      an environment variable; may be repeated
  -w, --workdir DIR  where COMMAND runs
  -u, --user USER    who runs it
${commandOptionsHelp}
  -i, --interactive  pass our stdin on to it
${ttyOptionHelp}

Examples: msbtest exec -it web -- sh
          tar c . | msbtest exec -i web -- tar x -C /srv`,
  options: commandOptions,

  async run(invocation) {
    const [name] = invocation.positionals;
    if (name === undefined) throw new UsageError('It takes the NAME of a sandbox and a COMMAND.');
    const command = guestCommand(invocation);
    const handle = await Sandbox.get(name);
    const isRunning = handle.status !== 'stopped' && handle.status !== 'crashed';
    await using sandbox = isRunning ? await handle.connect() : await handle.start();
    return await runGuestCommand(sandbox, command, invocation);
  },
};
