import { type ExecFileSyncOptions, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { small } from './vm.js';

const quiet: ExecFileSyncOptions = { stdio: ['ignore', 'ignore', 'pipe'] };

/** An image of these layers, files with tars, as umoci makes it: an OCI layout in `directory`. */
export function umociImage(directory: string, layers: readonly string[]): void {
  execFileSync('umoci', ['init', '--layout', directory], quiet);
  execFileSync('umoci', ['new', '--image', `${directory}:latest`], quiet);
  for (const layer of layers)
    execFileSync('umoci', ['raw', 'add-layer', '--image', `${directory}:latest`, layer], quiet);
}

/** What umoci makes of an image. @returns where its root is. */
export function umociUnpack(layout: string, bundle: string): string {
  execFileSync('umoci', ['unpack', '--image', `${layout}:latest`, bundle], quiet);
  return join(bundle, 'rootfs');
}

/**
 * A directory as lines, one for each path and one for each extended attribute, sorted: kind, mode, owner, size, device, time, link target,
 * digest of the content, and which paths are one file. Times are whole seconds, and those of this hour are left out: what no layer
 * describes has the time of its making.
 */
export function describeTree(root: string): string[] {
  const lines: string[] = [];
  const first = new Map<bigint, string>();
  const recent = BigInt(Math.floor(Date.now() / 1000) - 3600);
  const visit = (path: Buffer, shown: string): void => {
    const stat = lstatSync(path, { bigint: true });
    const seconds = stat.mtimeNs >= 0n ? stat.mtimeNs / 1_000_000_000n : 0n;
    const known = stat.isDirectory() ? undefined : first.get(stat.ino);
    first.set(stat.ino, known ?? shown);
    const facts = [
      stat.mode.toString(8),
      `${stat.uid}:${stat.gid}`,
      seconds > recent ? 'now' : seconds,
      stat.isDirectory() ? '' : `links ${stat.nlink}`,
      stat.isFile() ? `${stat.size} ${createHash('sha256').update(readFileSync(path)).digest('hex')}` : '',
      stat.isSymbolicLink() ? readlinkSync(path, 'buffer').toString('latin1') : '',
      stat.isBlockDevice() || stat.isCharacterDevice() ? `device ${stat.rdev}` : '',
      known ? `is ${known}` : '',
    ];
    lines.push(JSON.stringify([shown, ...facts.filter((fact) => fact !== '').map(String)]));
    if (!stat.isDirectory()) return;
    const names = readdirSync(path, 'buffer').sort(Buffer.compare);
    for (const name of names)
      visit(Buffer.concat([path, Buffer.from('/'), name]), `${shown}/${name.toString('latin1')}`);
  };
  visit(Buffer.from(root), '');
  return [...lines, ...xattrLines(root)].sort();
}

/** Without what the root of a squashfs of ours carries for the machine. */
function xattrLines(root: string): string[] {
  const dump = execFileSync('getfattr', [...everyXattr, '-m', '-', '.'], {
    cwd: root,
    encoding: 'latin1',
    maxBuffer: 2 ** 28,
  });
  return linesOf(dump).filter((line) => !line.includes(' trusted.overlay.msb.'));
}

const everyXattr = ['-R', '-P', '-h', '-d', '-e', 'hex'];

function linesOf(dump: string): string[] {
  return dump.split('\n\n').flatMap((block) => {
    const [name, ...attributes] = block.split('\n').filter((line) => line !== '');
    return attributes.map((line) => `xattr ${name} ${line}`);
  });
}

/**
 * The access control lists of an image's root in a machine, as {@link describeTree} has them: the squashfs tools know nothing of them. The machine
 * gets the host's getfattr for that.
 */
export async function accessListsIn(image: string): Promise<string[]> {
  await using sandbox = await small('access-lists').image(image).ephemeral(true).create();
  const guest = '/run/host';
  const fs = sandbox.fs();
  await fs.mkdir(guest);
  const needed = execFileSync('ldd', ['/usr/bin/getfattr'], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  for (const path of [...needed, '/usr/bin/getfattr'])
    await fs.copyFromHost(realpathSync(path), `${guest}/${basename(path)}`);
  const loader = basename(needed.find((path) => basename(path).startsWith('ld-')) ?? '');
  const args = ['--library-path', guest, `${guest}/getfattr`, ...everyXattr, '-m', '^system.posix_acl', '.'];
  const output = await sandbox.execWith(`${guest}/${loader}`, (options) => options.cwd('/').args(args));
  // Processes come and go while it looks at /proc.
  const problems = output.stderr().split('\n');
  const serious = problems.filter((line) => line !== '' && !line.includes(' ./proc/'));
  if (output.code > 1 || serious.length > 0) throw new Error(`getfattr: ${serious.join('\n')}`);
  return linesOf(Buffer.from(output.stdoutBytes()).toString('latin1'));
}
