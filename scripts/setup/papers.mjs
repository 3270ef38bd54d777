// @ts-check
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './errors.mjs';
import { run } from './exec.mjs';

/** The one without which the others say nothing; written last. */
export const README = 'README.md';

/**
 * Writes what has to go along when a Debian package's files are passed on: its copyright file, the licenses that this
 * names, and where the sources are.
 * @param {import('./debian.mjs').Unpacked} unpacked
 * @param {string} directory
 * @param {string} what the files that are passed on, as the beginning of a sentence
 */
export async function writePapers({ file, root }, directory, what) {
  const field = async (/** @type {string} */ name) => (await run('dpkg-deb', ['-f', file, name])).trim();
  const [name, version, arch] = [await field('Package'), await field('Version'), await field('Architecture')];

  const copyright = join(root, 'usr', 'share', 'doc', name, 'copyright');
  if (!existsSync(copyright)) throw new SetupError(`${name} has no copyright file where it was expected`);
  mkdirSync(directory, { recursive: true });
  copyFileSync(copyright, join(directory, 'copyright'));
  const licenses = readFileSync(copyright, 'utf8').matchAll(
    /\/usr\/share\/common-licenses\/([\w-]+(?:\.\d+)*)/g,
  );
  for (const [path, license = ''] of licenses) copyFileSync(path, join(directory, license));

  const sources = sourcesOf(name, version, await field('Source'), await field('Built-Using'));
  const list = sources.map(
    ([source, its]) => `- ${source} ${its}: <https://snapshot.debian.org/package/${source}/${its}/>`,
  );
  const text = `# ${name} ${version}

${what} from Debian's package ${name},
version ${version}, for ${arch}.
\`copyright\` is Debian's own for it; beside it are the licenses that it names.

The sources, by source package and version; on Debian also by \`apt-get source NAME=VERSION\`:

${list.join('\n')}
`;
  writeFileSync(join(directory, README), text);
}

/**
 * The source packages of a binary one: its own, and those whose binaries went into it, as a static program's libraries.
 * @param {string} name
 * @param {string} version
 * @param {string} source as in its control file: empty if they are the package's own
 * @param {string} builtUsing
 * @returns {[name: string, version: string][]}
 */
function sourcesOf(name, version, source, builtUsing) {
  const [, own = name, ownVersion = version] = /^(\S+)(?: \((\S+)\))?$/.exec(source) ?? [];
  const used = [...builtUsing.matchAll(/(\S+) \(= ([^)\s]+)\)/g)];
  return [
    [own, ownVersion],
    ...used.map(([, its = '', one = '']) => /** @type {[string, string]} */ ([its, one])),
  ];
}
