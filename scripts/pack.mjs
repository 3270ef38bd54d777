// @ts-check
// npm run pack [-- --json]: builds, then packs every workspace that is not private into build/packs/, for this platform and
// architecture. With --json the last line is the list of them.
import { copyFileSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { removeStale } from './packing/stale.mjs';
import { lacking, publishable, tarballName } from './packing/workspaces.mjs';
import { replaceDirectory } from './setup/content.mjs';
import { runMain, SetupError } from './setup/errors.mjs';
import { run } from './setup/exec.mjs';
import { withLock } from './setup/lock.mjs';
import { npmCommand } from './setup/npm.mjs';
import { inRoot, root } from './setup/paths.mjs';
import { toStderr } from './setup/progress.mjs';
import { passing } from './setup/signals.mjs';
import { inWorkDirectory } from './setup/work-directory.mjs';
import { BUILD, setup } from './setup.mjs';

const packsDir = inRoot('build', 'packs');

async function packAll() {
  const workspaces = publishable();
  const absent = workspaces.flatMap(lacking);
  if (absent.length > 0) {
    throw new SetupError(
      `not packed, since parts are not there: ${absent.map((path) => relative(root, path)).join(', ')}`,
      { remedy: 'pack on Debian 12 or later, where `node scripts/setup.mjs` makes every one of them' },
    );
  }
  for (const { directory } of workspaces) removeStale(directory);
  const [npm, args] = npmCommand();
  await inWorkDirectory(inRoot('build'), async (directory) => {
    const made = join(directory, 'packs');
    mkdirSync(made);
    const folders = workspaces.map((workspace) => `./${relative(root, workspace.directory)}`);
    // Each says what it may be used for; the one text of that is at the root.
    const licenses = workspaces.map((workspace) => join(workspace.directory, 'LICENSE'));
    for (const license of licenses) copyFileSync(inRoot('LICENSE'), license);
    try {
      await run(npm, [...args, 'pack', '--loglevel=error', '--pack-destination', made, ...folders]);
    } finally {
      for (const license of licenses) rmSync(license);
    }
    replaceDirectory(made, packsDir, join(directory, 'old'));
  });
  return workspaces.map(({ name, version }) => {
    const file = join(packsDir, tarballName({ name, version }));
    return { name, version, file, bytes: statSync(file).size };
  });
}

await runMain(async () => {
  const args = process.argv.slice(2);
  const json = args.includes('--json');
  if (args.some((arg) => arg !== '--json')) throw new SetupError('usage: npm run pack [-- --json]');
  delete process.env.MSB_KERNEL; // what this shell's machines boot; with it set-up would make the package none
  await setup({ only: [...BUILD, 'kernel', 'image'] });
  // The same lock: no set-up may build anew what is being packed.
  const packs = await passing(() => withLock(inRoot('build', 'set-up.lock'), toStderr, packAll));
  for (const { file, bytes } of packs) {
    process.stdout.write(`${relative(root, file)}  ${(bytes / 1024).toFixed(0)} KiB\n`);
  }
  if (json) process.stdout.write(`${JSON.stringify(packs)}\n`);
  return 0;
});
