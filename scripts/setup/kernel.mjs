// @ts-check
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { busybox } from './busybox.mjs';
import { readIfThere, writeAtomically } from './content.mjs';
import * as debian from './debian.mjs';
import { SetupError } from './errors.mjs';
import { run, which } from './exec.mjs';
import { modinfo, moduleName, prerequisites } from './modinfo.mjs';
import { cacheDir } from './paths.mjs';

/** Grows when what kernel.json says, or what lies beside it, changes. */
const FORMAT = 1;

/** In the order in which a guest loads them. A kernel that has one built in needs no module for it. */
const WANTED = {
  /** to find its disks and its agent's line, and to mount its root */
  boot: ['virtio_mmio', 'virtio_blk', 'virtio_console', 'overlay', 'squashfs', 'ext4'],
  extra: ['erofs', 'virtio_net', 'virtio_rng'],
};

/** @typedef {'boot' | 'extra'} Needed */

/**
 * @typedef {object} Module
 * @property {string} name
 * @property {string} file relative to kernel.json
 * @property {string[]} depends the modules of this list that have to be loaded before
 * @property {Needed} needed
 */

const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
const kernelsDir = () => join(cacheDir(), 'kernels');

function isPrepared() {
  const version = readIfThere(join(kernelsDir(), 'default'))?.trim();
  if (!version) return false;
  const directory = join(kernelsDir(), version);
  const text = readIfThere(join(directory, 'kernel.json'));
  if (text === undefined) return false;
  const kernel = JSON.parse(text);
  return (
    kernel.format === FORMAT &&
    JSON.stringify(kernel.wanted) === JSON.stringify(WANTED) &&
    ['vmlinuz', ...kernel.modules.map((/** @type {Module} */ { file }) => file)].every((file) =>
      existsSync(join(directory, file)),
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
  await (xz ? run(xz, ['-d', packed]) : run(await busybox(), ['xz', '-d', packed]));
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
  const take = async (
    /** @type {string} */ name,
    /** @type {Needed} */ needed,
    /** @type {string} */ wantedBy,
  ) => {
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
    for (const other of depends) await take(other, needed, name);
    taken.push({ name, file, depends, needed });
  };
  // All of boot before any of extra: what both need is then marked as needed to boot.
  for (const needed of /** @type {const} */ (['boot', 'extra'])) {
    for (const name of WANTED[needed]) await take(name, needed, 'every guest');
  }
  return taken;
}

/** Removes what earlier set-ups, ended half-way, left; not what another one may be at right now. */
function sweep() {
  for (const name of readdirSync(kernelsDir())) {
    const path = join(kernelsDir(), name);
    if (/^\.(set-up|trash)-/.test(name) && Date.now() - statSync(path).mtimeMs > 3_600_000) {
      rmSync(path, { recursive: true, force: true });
    }
  }
}

async function prepare() {
  if (!debian.hasApt()) {
    throw new SetupError('the guests boot a kernel of Debian, and there is no apt to bring it', {
      remedy: 'set MSB_KERNEL to a kernel of your own',
    });
  }
  const name = await kernelPackage();
  mkdirSync(kernelsDir(), { recursive: true });
  sweep();
  const temporary = mkdtempSync(join(kernelsDir(), '.set-up-'));
  try {
    const unpacked = await debian.downloadAndUnpack(name, temporary);
    const release = name.replace(/^linux-image-/, '');
    const modules = ['lib/modules', 'usr/lib/modules']
      .map((path) => join(unpacked, path, release))
      .find(existsSync);
    const image = join(unpacked, 'boot', `vmlinuz-${release}`);
    if (!modules || !existsSync(image))
      throw new SetupError(`${name} has no kernel ${release} where it was expected`);

    const made = join(temporary, 'kernel');
    mkdirSync(made);
    copyFileSync(image, join(made, 'vmlinuz'));
    const kernel = {
      format: FORMAT,
      version: release,
      package: `${name} ${debian.listedField(name, 'Version')}`,
      arch: process.arch,
      wanted: WANTED,
      modules: await takeModules(modules, made),
    };
    writeFileSync(join(made, 'kernel.json'), `${JSON.stringify(kernel, null, 2)}\n`);

    const directory = join(kernelsDir(), release);
    if (existsSync(directory)) renameSync(directory, join(temporary, 'old'));
    try {
      renameSync(made, directory);
    } catch (error) {
      // Another checkout's set-up was faster; the locks are of each checkout, the cache is everybody's.
      if (!['EEXIST', 'ENOTEMPTY'].includes(String(/** @type {NodeJS.ErrnoException} */ (error).code)))
        throw error;
    }
    writeAtomically(join(kernelsDir(), 'default'), `${release}\n`);
    return `${kernel.version}, ${kernel.modules.length} modules`;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** @type {import('./progress.mjs').Step} */
export const kernel = {
  id: 'kernel',
  title: 'kernel',
  why: 'what the guests boot',
  isDone: () => Boolean(process.env.MSB_KERNEL) || isPrepared(),
  run: prepare,
};
