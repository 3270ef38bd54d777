// @ts-check
import { existsSync, readFileSync } from 'node:fs';
import { lackingForFuzzing } from './clang.mjs';
import * as debian from './debian.mjs';
import { SetupError } from './errors.mjs';
import { which } from './exec.mjs';

/**
 * @typedef {object} Need
 * @property {string} why
 * @property {string[]} commands what it brings, to be found on PATH
 * @property {string[]} [files] and files that it brings
 * @property {() => string[]} [lacks] and what else of it is not there
 * @property {Record<System, string | undefined>} from what to install it from
 *
 * @typedef {'debian' | 'fedora' | 'arch' | 'alpine' | 'homebrew'} System
 */

const arm = process.arch === 'arm64';

/** @type {Need[]} */
const NEEDS = [
  {
    why: 'the VMM',
    commands: [arm ? 'qemu-system-aarch64' : 'qemu-system-x86_64'],
    from: {
      debian: arm ? 'qemu-system-arm' : 'qemu-system-x86',
      fedora: arm ? 'qemu-system-aarch64-core' : 'qemu-system-x86-core',
      arch: arm ? 'qemu-system-aarch64' : 'qemu-system-x86',
      alpine: arm ? 'qemu-system-aarch64' : 'qemu-system-x86_64',
      homebrew: 'qemu',
    },
  },
  {
    why: 'C++ for the addon and the relay',
    commands: ['gcc', 'g++'],
    from: { debian: 'g++', fedora: 'gcc-c++', arch: 'gcc', alpine: 'g++', homebrew: undefined },
  },
  {
    why: 'builds them',
    commands: ['make'],
    from: { debian: 'make', fedora: 'make', arch: 'make', alpine: 'make', homebrew: 'make' },
  },
  {
    why: 'static programs for guests',
    commands: ['musl-gcc'],
    from: {
      debian: 'musl-tools',
      fedora: 'musl-gcc',
      arch: 'musl',
      alpine: 'musl-dev',
      homebrew: 'filosottile/musl-cross/musl-cross',
    },
  },
  {
    why: 'the kernel interface that the agent is written for',
    commands: [],
    files: process.platform === 'linux' ? ['/usr/include/linux/types.h'] : [],
    from: {
      debian: 'linux-libc-dev',
      fedora: 'kernel-headers',
      arch: 'linux-api-headers',
      alpine: 'linux-headers',
      homebrew: undefined,
    },
  },
  {
    why: "somebody else's reader of our read-only roots",
    commands: ['unsquashfs'],
    from: {
      debian: 'squashfs-tools',
      fedora: 'squashfs-tools',
      arch: 'squashfs-tools',
      alpine: 'squashfs-tools',
      homebrew: 'squashfs',
    },
  },
  {
    why: 'images, and what becomes of them elsewhere',
    commands: process.platform === 'linux' ? ['umoci'] : [],
    from: {
      debian: 'umoci',
      fedora: 'umoci',
      arch: 'umoci',
      alpine: 'umoci',
      homebrew: undefined,
    },
  },
  {
    why: 'extended attributes in tests',
    commands: process.platform === 'linux' ? ['getfattr', 'setfattr'] : [],
    from: { debian: 'attr', fedora: 'attr', arch: 'attr', alpine: 'attr', homebrew: undefined },
  },
  {
    why: 'layers that are compressed with zstd',
    commands: ['zstd'],
    from: { debian: 'zstd', fedora: 'zstd', arch: 'zstd', alpine: 'zstd', homebrew: 'zstd' },
  },
  {
    why: 'writable disks, and their checks',
    commands: ['mke2fs', 'e2fsck', 'debugfs'],
    from: {
      debian: 'e2fsprogs',
      fedora: 'e2fsprogs',
      arch: 'e2fsprogs',
      alpine: 'e2fsprogs e2fsprogs-extra',
      homebrew: 'e2fsprogs',
    },
  },
  {
    why: "the agent's own tests make an initramfs without the rest of the product",
    commands: ['cpio'],
    from: { debian: 'cpio', fedora: 'cpio', arch: 'cpio', alpine: 'cpio', homebrew: 'cpio' },
  },
];

/** What npm test needs beyond that. @type {Need[]} */
const FUZZ_NEEDS = [
  {
    why: 'the fuzz targets',
    commands: ['clang', 'clang++'],
    from: { debian: 'clang', fedora: 'clang', arch: 'clang', alpine: 'clang', homebrew: undefined },
  },
  {
    why: 'libFuzzer and the sanitizers',
    commands: [],
    lacks: lackingForFuzzing,
    from: {
      debian: 'libclang-rt-dev', // in Debian 12, libclang-rt-14-dev
      fedora: 'compiler-rt',
      arch: 'compiler-rt',
      alpine: 'compiler-rt',
      homebrew: undefined,
    },
  },
];

/** What of a need is not on this machine. @param {Need} need */
const lacking = (need) => [
  ...need.commands.filter((command) => which(command) === undefined),
  ...(need.files ?? []).filter((file) => !existsSync(file)),
  ...(need.lacks?.() ?? []),
];

/** @param {Need[]} needs */
function missing(needs) {
  if (!debian.hasApt()) return needs.filter((need) => lacking(need).length > 0);
  const status = debian.statusOf(needs.map((need) => String(need.from.debian)));
  return needs.filter((need) => {
    const state = status.get(String(need.from.debian));
    // What is there without a package (a QEMU of one's own, say) is as good; a half-installed one is not.
    return state === undefined ? lacking(need).length > 0 : state !== 'installed';
  });
}

/** Which of the systems that we know names for this is, if any. @returns {System | undefined} */
function system() {
  if (process.platform === 'darwin') return 'homebrew';
  if (debian.hasApt()) return 'debian';
  let text = '';
  try {
    text = readFileSync('/etc/os-release', 'utf8');
  } catch {}
  const ids = [...text.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].flatMap((match) =>
    (match[1] ?? '').split(' '),
  );
  if (ids.some((id) => ['fedora', 'rhel', 'centos'].includes(id))) return 'fedora';
  return /** @type {const} */ (['arch', 'alpine']).find((name) => ids.includes(name));
}

/** @type {Record<System, string>} */
const INSTALLER = {
  debian: 'apt-get install',
  fedora: 'dnf install',
  arch: 'pacman -S',
  alpine: 'apk add',
  homebrew: 'brew install',
};

/** @param {Need[]} needs */
function elsewhere(needs) {
  const what = needs.flatMap(lacking).join(', ');
  const known = system();
  const others = /** @type {System[]} */ (Object.keys(INSTALLER));
  const lines = (known ? [known] : others).map((name) => {
    const packages = needs.map((need) => need.from[name]).filter((from) => from !== undefined);
    const compiler = name === 'homebrew' && needs.some((need) => need.commands.includes('g++'));
    return `${compiler ? 'xcode-select --install && ' : ''}${INSTALLER[name]} ${packages.join(' ')}`;
  });
  return new SetupError(`not on this machine: ${what}; and there is no apt to install them with`, {
    remedy: `${lines.join('\n     or ')}\nthen start this again`,
  });
}

/**
 * A step that brings what is missing.
 * @param {{ id: string, title: string, all: Need[] }} step
 * @returns {import('./progress.mjs').Step}
 */
const bring = ({ id, title, all }) => ({
  id,
  title,
  why: 'without recommends',
  isDone: () => missing(all).length === 0,
  async run() {
    const needs = missing(all);
    if (!debian.hasApt()) throw elsewhere(needs);
    await debian.install(needs.map((need) => String(need.from.debian)));
    const still = needs.flatMap(lacking);
    if (still.length > 0) {
      throw new SetupError(`not there although their packages are installed: ${still.join(', ')}`, {
        remedy: 'this needs Debian 12 or later (or what is derived from it)',
      });
    }
    return needs.map((need) => `${need.from.debian} (${need.why})`).join(', ');
  },
});

export const packages = bring({ id: 'packages', title: 'Debian packages', all: NEEDS });
export const clang = bring({ id: 'clang', title: 'clang', all: FUZZ_NEEDS });
