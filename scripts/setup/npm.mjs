// @ts-check
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { SetupError } from './errors.mjs';
import { run, which } from './exec.mjs';
import { inRoot } from './paths.mjs';

/** @typedef {{ version?: string, integrity?: string, optional?: boolean, link?: boolean }} Locked */

/** @param {string} path @returns {Record<string, Locked>} */
const packagesOf = (path) => JSON.parse(readFileSync(path, 'utf8')).packages ?? {};

/**
 * Whether node_modules is what package-lock.json asks for. npm writes what it installed, last of all, to a lock file of
 * its own: comparing the two needs no stamp, and is right too after somebody's own `npm install`.
 * @param {string} wantedPath package-lock.json
 * @param {string} installedPath node_modules/.package-lock.json
 */
export function isInstalled(wantedPath, installedPath) {
  if (!existsSync(installedPath)) return false;
  const wanted = packagesOf(wantedPath);
  const installed = packagesOf(installedPath);
  for (const [path, { version, integrity, optional, link }] of Object.entries(wanted)) {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) continue; // the workspaces themselves
    const found = installed[path];
    // Absent optional packages are those of other platforms.
    if (!found && optional) continue;
    if (!found || found.version !== version || found.integrity !== integrity || found.link !== link)
      return false;
  }
  return Object.keys(installed).every((path) => path in wanted);
}

/** npm, as a command and its first arguments. @returns {[string, string[]]} */
export function npmCommand() {
  const { npm_execpath: running } = process.env;
  // Under `npm start` this is the npm that runs; it need not be on PATH.
  if (running && /npm-cli\.c?js$/.test(running) && existsSync(running)) return [process.execPath, [running]];
  const npm = which('npm');
  if (npm) return [npm, []];
  throw new SetupError('npm is not on PATH', { remedy: 'install npm (it comes with Node.js)' });
}

/**
 * The versions of Node that the end-to-end tests need are npm packages, each of which wants to be `node` here. In npm's scripts, this one
 * would then be found before the user's.
 */
const foreignNode = inRoot('node_modules', '.bin', 'node');

const isAsLocked = () =>
  isInstalled(inRoot('package-lock.json'), inRoot('node_modules', '.package-lock.json'));

/** @type {import('./progress.mjs').Step} */
export const npm = {
  id: 'npm',
  title: 'npm packages',
  why: 'what package-lock.json names',
  isDone: () => !existsSync(foreignNode) && isAsLocked(),
  async run() {
    rmSync(foreignNode, { force: true });
    if (isAsLocked()) return 'as they should be';
    const [command, args] = npmCommand();
    // Said here, because a parent npm hands its own --silent down, which would hide the reason of a failure.
    await run(
      command,
      [...args, 'ci', '--loglevel=error', '--no-fund', '--no-audit', '--no-progress', '--no-update-notifier'],
      {
        telling: (output) => output.split(/^npm error Clean install a project$/m)[0] ?? output, // without its usage
        remedy:
          'if package.json was changed, `npm install` brings package-lock.json up to date; else check the network',
      },
    );
    rmSync(foreignNode, { force: true });
    const count = Object.keys(packagesOf(inRoot('node_modules', '.package-lock.json'))).length;
    return `${count} packages`;
  },
};
