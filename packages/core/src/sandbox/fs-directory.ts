import { AgentProtocolError, OutputLimitError } from '../errors.js';
import type { FsLine } from './fs-line.js';
import { type GuestEntry, guestEntry } from './fs-types.js';

/** Entries that are taken of one directory; a guest must not be able to fill its host's memory. */
const listLimit = 1_000_000;
/** And what their names may come to, in UTF-16 code units. */
const namesLimit = 64 * 1024 * 1024;
/** Entries that are asked for at once. */
const pageEntries = 1024;

/** All entries of a directory of the guest, by name. @throws SandboxFsOpsError; OutputLimitError past a million. */
export async function listDirectory(line: FsLine, path: string): Promise<GuestEntry[]> {
  const subject = { verb: 'list', path };
  const handle = (await line.request('OpenDir', { path }, subject)).map('data').uint('Handle');
  const entries: GuestEntry[] = [];
  let names = 0;
  for (;;) {
    const answer = await line.request('ReadDir', { handle, limit: pageEntries }, subject);
    const some = answer.map('data').maps('List').map(guestEntry);
    if (some.length === 0) break;
    if (some.length > pageEntries)
      throw new AgentProtocolError(`The agent listed more of ${path} at once than it was asked for.`);
    entries.push(...some);
    names += some.reduce((sum, entry) => sum + entry.path.length, 0);
    if (entries.length > listLimit || names > namesLimit)
      throw new OutputLimitError(
        `${path} has more than ${listLimit} entries, or names longer than ${namesLimit} characters in all: the most that is listed.`,
      );
  }
  await line.request('CloseHandle', { handle }, subject);
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}
