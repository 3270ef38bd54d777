import { Sandbox } from '../sandbox/sandbox.js';
import { type Command, onlyName, printJson } from './command.js';

const json = { type: 'boolean' } as const;

export const stop: Command = {
  summary: 'stop a sandbox so that nothing it wrote is lost',
  help: `Usage: msbtest stop [options] NAME

Tells the guest to stop: it ends its processes, writes everything to its disk and powers off. Past the time-out it is
killed instead, and the exit status is 3.

  --timeout MS   how long the guest may take (10000); 0 kills at once
  --json         print how the stop went as JSON`,
  options: { timeout: { type: 'string' }, json },

  async run(invocation) {
    const timeoutMs = invocation.number('timeout') ?? 10_000;
    const handle = await Sandbox.get(onlyName(invocation));
    const result = await handle.stopWithTimeout(timeoutMs);
    if (invocation.flag('json')) printJson(result);
    else
      process.stdout.write(
        `${result.name}: ${result.outcome} in ${Math.round(result.ms)} ms${result.reason ? ` (${result.reason})` : ''}\n`,
      );
    return result.outcome === 'escalated' ? 3 : 0;
  },
};

export const start: Command = {
  summary: 'boot a stopped sandbox again, on the disk it had',
  help: `Usage: msbtest start [--json] NAME

Boots the sandbox and leaves it running.`,
  options: { json },

  async run(invocation) {
    const sandbox = await Sandbox.startDetached(onlyName(invocation));
    if (invocation.flag('json'))
      printJson({ name: sandbox.name, id: sandbox.id, bootMs: sandbox.bootTimes?.totalMs });
    else
      process.stdout.write(
        `${sandbox.name}: running after ${Math.round(sandbox.bootTimes?.totalMs ?? 0)} ms\n`,
      );
    return 0;
  },
};

export const rm: Command = {
  summary: 'remove a sandbox and its disk',
  help: `Usage: msbtest rm [--force] NAME

  -f, --force   kill it first if it runs`,
  options: { force: { type: 'boolean', short: 'f' } },

  async run(invocation) {
    const handle = await Sandbox.get(onlyName(invocation));
    if (invocation.flag('force')) await handle.kill();
    await handle.remove();
    return 0;
  },
};
