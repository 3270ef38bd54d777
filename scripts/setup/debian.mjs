// @ts-check
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './errors.mjs';
import { ask, commandLine, run, which } from './exec.mjs';
import { cacheDir } from './paths.mjs';
import { inWorkDirectory } from './work-directory.mjs';

/** Debian, and what is made of it: where apt brings what is missing. */
export const hasApt = () => which('apt-get') !== undefined && which('dpkg-query') !== undefined;

const APT_OPTIONS = ['-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::Retries=2', '-q', '-y'];
const APT_ENV = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };

/**
 * What dpkg says of packages: `installed`, or some state on the way there after an interruption; nothing about those
 * that it does not have.
 * @param {string[]} names
 */
export function statusOf(names) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's placeholders
  const format = '${binary:Package} ${db:Status-Status}\n';
  // It exits 1 when it has not all of them, and answers for the others.
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', format, ...names], { encoding: 'utf8' });
  /** @type {Map<string, string>} */
  const status = new Map();
  for (const [, name = '', state = ''] of stdout.matchAll(/^([^:\s]+)\S* (\S+)$/gm)) {
    if (state !== 'not-installed' && state !== 'config-files') status.set(name, state);
  }
  return status;
}

/** Whether apt's lists, as they are, can say where the package comes from. @param {string} name */
const isListed = (name) =>
  (ask('apt-cache', ['show', '--no-all-versions', name]) ?? '').includes('\nFilename:');

let updated = false;

/** apt-get update, but only if a package is not in the lists. @param {string[]} names */
export async function ensureListed(names) {
  if (names.every(isListed)) return;
  await update();
  const unknown = names.filter((name) => !isListed(name));
  if (unknown.length > 0) {
    throw new SetupError(`apt knows no package ${unknown.join(', ')}, even after apt-get update`, {
      remedy:
        'check that /etc/apt/sources.list(.d) names the main archive of this Debian release (12 or later)',
    });
  }
}

async function update() {
  if (updated) return;
  await asRoot('apt-get', [...APT_OPTIONS, 'update'], 'check the network and /etc/apt/sources.list(.d)');
  updated = true;
}

/** @param {string[]} names */
export async function install(names) {
  await ensureListed(names);
  // --no-remove: set-up adds to a machine; if something would have to go, its owner decides.
  const args = [...APT_OPTIONS, '--no-install-recommends', '--no-remove', 'install', ...names];
  const remedy = `run it by hand, as root, to see more: apt-get --no-install-recommends install ${names.join(' ')}`;
  try {
    await asRoot('apt-get', args, remedy);
  } catch (error) {
    // Lists older than the archive name files that are no longer there.
    if (updated || !(error instanceof SetupError && error.message.includes('404  Not Found'))) throw error;
    await update();
    await asRoot('apt-get', args, remedy);
  }
}

/** @param {string} command @param {string[]} args @param {string} remedy */
async function asRoot(command, args, remedy) {
  const options = { env: APT_ENV, remedy, keepLock: false };
  if (process.getuid?.() === 0) return run(command, args, options);

  const environment = Object.entries(APT_ENV).map(([name, value]) => `${name}=${value}`);
  const asked = ['env', ...environment, command, ...args];
  const sudo = which('sudo');
  // With a terminal sudo may ask there for a password; without one it must not wait for what nobody will type.
  if (sudo && ask(sudo, ['-n', 'true']) !== undefined) return run(sudo, ['-n', ...asked], options);
  if (sudo && process.stdin.isTTY) return run(sudo, asked, options);
  throw new SetupError(
    `${commandLine(command, args)} needs root: this is user ${process.getuid?.()}, and ${
      sudo ? 'sudo would ask for a password, but there is no terminal' : 'there is no sudo'
    }`,
    { remedy: `as root: ${commandLine(command, args)}; then start this again` },
  );
}

/** A field of what apt's lists say about a package. @param {string} name @param {string} field */
export function listedField(name, field) {
  const text = ask('apt-cache', ['show', '--no-all-versions', name]) ?? '';
  return new RegExp(`^${field}: (.*)$`, 'm').exec(text)?.[1];
}

const keptDir = () => join(cacheDir(), 'debian');

/** @param {string} path */
const hashOf = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

/**
 * A package's file, without installing it: the one that was fetched before, if it is still what apt's lists name, else
 * the archive's. Either way its hash comes from lists whose signatures apt has checked.
 * @param {string} name
 */
async function packageFile(name) {
  const keptAs = (/** @type {string} */ hash) => join(keptDir(), `${name}_${hash.slice(0, 16)}.deb`);
  const listed = listedField(name, 'SHA256');
  if (listed && existsSync(keptAs(listed)) && hashOf(keptAs(listed)) === listed) return keptAs(listed);
  return inWorkDirectory(keptDir(), async (directory) => {
    const downloaded = await download(name, directory);
    const file = keptAs(hashOf(downloaded));
    renameSync(downloaded, file);
    return file;
  });
}

/** @param {string} name @param {string} directory */
async function download(name, directory) {
  const remedy = 'check the network and /etc/apt/sources.list(.d); apt-get update may help';
  const get = () => run('apt-get', ['-q', 'download', name], { cwd: directory, env: APT_ENV, remedy });
  try {
    await get();
  } catch (error) {
    if (updated || !(error instanceof SetupError && error.message.includes('404  Not Found'))) throw error;
    await update();
    await get();
  }
  const file = readdirSync(directory).find((entry) => entry.startsWith(`${name}_`) && entry.endsWith('.deb'));
  if (!file) throw new SetupError(`apt-get download ${name} left no package in ${directory}`);
  return join(directory, file);
}

/** @typedef {{ file: string, root: string }} Unpacked a package's file, and the directory that has what was in it */

/**
 * Brings a package, without installing it, and unpacks it.
 * @param {string} name
 * @param {string} root where to; must not be there
 * @returns {Promise<Unpacked>}
 */
export async function unpack(name, root) {
  await ensureListed([name]);
  const file = await packageFile(name);
  await run('dpkg-deb', ['-x', file, root]);
  return { file, root };
}
