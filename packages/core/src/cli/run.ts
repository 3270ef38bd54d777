import { randomBytes } from 'node:crypto';
import { Sandbox } from '../sandbox/sandbox.js';
import type { SecurityProfile } from '../store/record.js';
import { type Command, printJson, UsageError } from './command.js';
import {
  commandOptions,
  commandOptionsHelp,
  guestCommand,
  runGuestCommand,
  splitPair,
  ttyOptionHelp,
} from './guest-command.js';
import { addPatches, patchOptions, patchOptionsHelp } from './patch-options.js';
import { pullPolicy } from './pull.js';
import { PullDisplay } from './pull-display.js';

export const run: Command = {
  summary: 'make a sandbox from an image and run a command in it',
  help: `Usage: msbtest run [options] IMAGE [--] [COMMAND [ARG...]]

Boots a fresh microVM from IMAGE, which is pulled if it is not on this machine, runs COMMAND and passes on its output and exit status. Without --name or --detach the
sandbox is removed when COMMAND ends.

  --name NAME        keep it, stopped, under this name
  -d, --detach       leave it running and print its name; COMMAND is optional then
  --replace          take NAME over from a sandbox that has it
  --pull WHEN        always, if-missing (the default) or never
  --cpus N           virtual processors (1)
  --memory MIB       memory (512)
  --init PATH        what is PID 1 in the agent's place; auto finds one
  --security PROFILE default, or restricted: the guest's root is bounded, as a container's is
  --idle-timeout S   stop it when nobody has used it for so many seconds
  --max-duration S   stop it when it has run for so many seconds
${patchOptionsHelp}
  -e, --env K=V      an environment variable; may be repeated
  -w, --workdir DIR  where COMMAND runs
  -u, --user USER    who runs it
${commandOptionsHelp}
  -i, --interactive  pass our stdin on to it
${ttyOptionHelp}
  --json             with --detach: print the sandbox as JSON

Examples: msbtest run msb-base -- sh -c 'uname -a; df -h /'
          msbtest run -it msb-base -- sh`,
  options: {
    ...commandOptions,
    ...patchOptions,
    name: { type: 'string' },
    detach: { type: 'boolean', short: 'd' },
    replace: { type: 'boolean' },
    pull: { type: 'string' },
    cpus: { type: 'string' },
    memory: { type: 'string' },
    init: { type: 'string' },
    security: { type: 'string' },
    'idle-timeout': { type: 'string' },
    'max-duration': { type: 'string' },
    json: { type: 'boolean' },
  },

  async run(invocation) {
    const [image] = invocation.positionals;
    if (image === undefined) throw new UsageError('It takes an IMAGE to boot.');
    const command = guestCommand(invocation);
    const detach = invocation.flag('detach');
    if (!detach && command.length === 0) throw new UsageError('It takes a COMMAND to run, or --detach.');
    const name = invocation.text('name') ?? `run-${randomBytes(4).toString('hex')}`;
    const ephemeral = !detach && invocation.text('name') === undefined;
    const builder = Sandbox.builder(name).image(image).ephemeral(ephemeral);
    const [cpus, memory] = [invocation.number('cpus'), invocation.number('memory')];
    builder.patch((patches) => addPatches(patches, invocation));
    if (cpus !== undefined) builder.cpus(cpus);
    const policy = invocation.text('pull');
    if (policy !== undefined) builder.pullPolicy(pullPolicy(policy));
    if (memory !== undefined) builder.memory(memory);
    const init = invocation.text('init');
    if (init !== undefined) builder.init(init);
    const security = invocation.text('security');
    if (security !== undefined) builder.security(security as SecurityProfile); // the builder looks at it
    const [idle, duration] = [invocation.number('idle-timeout'), invocation.number('max-duration')];
    if (idle !== undefined) builder.idleTimeout(idle);
    if (duration !== undefined) builder.maxDuration(duration);
    if (invocation.flag('replace')) builder.replace();
    if (detach) for (const pair of invocation.texts('env')) builder.env(...splitPair(pair));
    using display = new PullDisplay(process.stderr);
    await using sandbox = await builder.create({ onPull: display.show });
    const status = command.length > 0 ? await runGuestCommand(sandbox, command, invocation) : 0;
    if (detach) {
      await sandbox.detach();
      if (invocation.flag('json'))
        printJson({ name, id: sandbox.id, bootMs: sandbox.bootTimes?.totalMs, status });
      else process.stdout.write(`${name}\n`);
    }
    return status;
  },
};
