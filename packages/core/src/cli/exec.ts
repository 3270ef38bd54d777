import { Sandbox } from '../sandbox/sandbox.js';
import { type Command, UsageError } from './command.js';
import { commandOptions, guestCommand, runGuestCommand } from './guest-command.js';

export const exec: Command = {
  summary: 'run a command in a running sandbox',
  help: `Usage: msbtest exec [options] NAME [--] COMMAND [ARG...]

Runs COMMAND in the sandbox NAME, passes on its output and exit status (128 + n when signal n ended it).

  -e, --env K=V      an environment variable; may be repeated
  -w, --workdir DIR  where COMMAND runs
  -u, --user USER    who runs it
  -i, --interactive  pass our stdin on to it
  -t, --tty          run it at our terminal: keys, colours, window size; -i is implied

Examples: msbtest exec -it web -- sh
          tar c . | msbtest exec -i web -- tar x -C /srv`,
  options: commandOptions,

  async run(invocation) {
    const [name] = invocation.positionals;
    if (name === undefined) throw new UsageError('It takes the NAME of a sandbox and a COMMAND.');
    const command = guestCommand(invocation);
    const sandbox = await (await Sandbox.get(name)).connect();
    return runGuestCommand(sandbox, command, invocation);
  },
};
