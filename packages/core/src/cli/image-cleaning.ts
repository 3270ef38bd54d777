import { Image } from '../sandbox/image.js';
import { type Command, printJson, UsageError } from './command.js';
import { bytesText } from './pull-display.js';

export const rmi: Command = {
  summary: 'remove images',
  help: `Usage: msbtest rmi [--force] REFERENCE...

Removes images from the local store, with what belongs to no other image. One that a sandbox was made of stays.

  -f, --force   remove it all the same; the sandbox keeps its root`,
  options: { force: { type: 'boolean', short: 'f' } },

  async run(invocation) {
    if (invocation.positionals.length === 0) throw new UsageError('It takes REFERENCES of images.');
    for (const reference of invocation.positionals)
      await Image.remove(reference, { force: invocation.flag('force') });
    return 0;
  },
};

export const prune: Command = {
  summary: 'remove the images that no sandbox needs',
  help: `Usage: msbtest prune [--json]

Removes every image that no sandbox was made of, and what was left of pulls that did not end. The base image, msb-base, comes back
when it is next used.

  --json   print what was removed as JSON`,
  options: { json: { type: 'boolean' } },

  async run(invocation) {
    if (invocation.positionals.length > 0) throw new UsageError('It takes no arguments.');
    const report = await Image.prune();
    if (invocation.flag('json')) printJson(report);
    else
      process.stdout.write(
        `Removed images: ${report.imageRefsRemoved}, freed: ${bytesText(report.bytesReclaimed)}\n`,
      );
    return 0;
  },
};
