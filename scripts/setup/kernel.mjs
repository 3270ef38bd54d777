// @ts-check
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { kernelDirectory } from '../../packages/guest/index.js';
import { busybox } from './busybox.mjs';
import { readIfThere, replaceDirectory } from './content.mjs';
import * as debian from './debian.mjs';
import { SetupError } from './errors.mjs';
import { run, which } from './exec.mjs';
import { modinfo, moduleName, prerequisites } from './modinfo.mjs';
import { README, writePapers } from './papers.mjs';
import { inWorkDirectory } from './work-directory.mjs';

/** Grows when what kernel.json says, or what lies beside it, changes. */
const FORMAT = 2;

/**
 * What a guest needs to find its disks and its agent's line and to mount its root, in the order in which it loads them. A kernel
 * that has one built in needs no module for it.
 */
const WANTED = ['virtio_mmio', 'virtio_blk', 'virtio_console', 'overlay', 'squashfs', 'ext4'];

/**
 * @typedef {object} Module
 * @property {string} name
 * @property {string} file relative to kernel.json
 * @property {string[]} depends the modules of this list that have to be loaded before
 */

const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';

function isPrepared() {
  const text = readIfThere(join(kernelDirectory, 'kernel.json'));
  if (text === undefined) return false;
  const kernel = JSON.parse(text);
  return (
    kernel.format === FORMAT &&
    kernel.arch === process.arch &&
    JSON.stringify(kernel.wanted) === JSON.stringify(WANTED) &&
    ['vmlinuz', README, ...kernel.modules.map((/** @type {Module} */ { file }) => file)].every((file) =>
      existsSync(join(kernelDirectory, file)),
    )
  );
}

/** The package of the newest kernel for virtual machines. */
async function kernelPackage() {
  const meta = `linux-image-cloud-${arch}`;
  await debian.ensureListed([meta]);
  const depends = debian.listedField(meta, 'Depends') ?? '';
  const name = /\blinux-image-\d\S*/.exec(depends)?.[0];
  if (!name) throw new SetupError(`${meta} depends on no kernel: '${depends}'`);
  return name;
}

/**
 * Every module below a directory by its name.
 * @param {string} directory
 * @param {Map<string, string>} [found]
 */
function modulesBelow(directory, found = new Map()) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    const name = /^(.+)\.ko(\.xz|\.zst|\.gz)?$/.exec(entry.name)?.[1];
    if (entry.isDirectory()) modulesBelow(path, found);
    else if (name && entry.isFile()) found.set(moduleName(name), path);
  }
  return found;
}

/** Copies a module, decompressed: guests load it as it lies. @param {string} path @param {string} to */
async function copyModule(path, to) {
  if (path.endsWith('.ko')) return copyFileSync(path, to);
  if (!path.endsWith('.xz'))
    throw new SetupError(`${basename(path)}: compressed in a way that set-up does not know`);
  const packed = `${to}.xz`;
  copyFileSync(path, packed);
  const xz = which('xz');
  await (xz ? run(xz, ['-d', packed]) : run((await busybox()).program, ['xz', '-d', packed]));
}

/**
 * Takes the wanted modules, and whatever they depend on, each after what it depends on.
 * @param {string} from /lib/modules/<release> of the package
 * @param {string} to
 */
async function takeModules(from, to) {
  const available = modulesBelow(from);
  const builtin = new Set(
    (readIfThere(join(from, 'modules.builtin')) ?? '')
      .split('\n')
      .filter(Boolean)
      .map((path) => moduleName(basename(path, '.ko'))),
  );
  mkdirSync(join(to, 'modules'));

  /** @type {Module[]} */
  const taken = [];
  const take = async (/** @type {string} */ name, /** @type {string} */ wantedBy) => {
    if (builtin.has(name) || taken.some((module) => module.name === name)) return;
    const path = available.get(name);
    if (!path)
      throw new SetupError(
        `this kernel has no ${name}, neither built in nor as a module; ${wantedBy} needs it`,
      );
    const file = join('modules', `${name}.ko`);
    await copyModule(path, join(to, file));
    const { hard, soft } = prerequisites(modinfo(readFileSync(join(to, file))));
    const depends = [...hard, ...soft.filter((other) => available.has(other))].filter(
      (other) => !builtin.has(other),
    );
    for (const other of depends) await take(other, name);
    taken.push({ name, file, depends });
  };
  for (const name of WANTED) await take(name, 'every guest');
  return taken;
}

async function prepare() {
  if (!debian.hasApt()) {
    throw new SetupError('the guests boot a kernel of Debian, and there is no apt to bring it', {
      remedy: 'set MSB_KERNEL to a kernel of your own',
    });
  }
  const name = await kernelPackage();
  return inWorkDirectory(dirname(kernelDirectory), async (directory) => {
    const unpacked = await debian.unpack(name, join(directory, 'unpacked'));
    const release = name.replace(/^linux-image-/, '');
    const modules = ['lib/modules', 'usr/lib/modules']
      .map((path) => join(unpacked.root, path, release))
      .find(existsSync);
    const image = join(unpacked.root, 'boot', `vmlinuz-${release}`);
    if (!modules || !existsSync(image))
      throw new SetupError(`${name} has no kernel ${release} where it was expected`);

    const made = join(directory, 'made');
    await writePapers(unpacked, made, '`vmlinuz` and what is in `modules/`, decompressed, are');
    copyFileSync(image, join(made, 'vmlinuz'));
    const kernel = {
      format: FORMAT,
      version: release,
      arch: process.arch,
      wanted: WANTED,
      modules: await takeModules(modules, made),
    };
    writeFileSync(join(made, 'kernel.json'), `${JSON.stringify(kernel, null, 2)}\n`);
    replaceDirectory(made, kernelDirectory, join(directory, 'old'));
    return `${kernel.version}, ${kernel.modules.length} modules`;
  });
}

/** @type {import('./progress.mjs').Step} */
export const kernel = {
  id: 'kernel',
  title: 'kernel',
  why: 'what the guests boot',
  isDone: () => Boolean(process.env.MSB_KERNEL) || isPrepared(),
  run: prepare,
};
