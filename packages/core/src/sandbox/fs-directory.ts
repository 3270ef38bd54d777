import { AgentProtocolError, OutputLimitError } from '../errors.js';
import type { FsLine } from './fs-line.js';
import { type GuestEntry, guestEntry } from './fs-types.js';

/** Entries that are taken of one directory; a guest must not be able to fill its host's memory. */
const listLimit = 1_000_000;
/** Entries that are asked for at once. */
const pageEntries = 1024;

/** All entries of a directory of the guest, by name. @throws SandboxFsOpsError; OutputLimitError past a million. */
export async function listDirectory(line: FsLine, path: string): Promise<GuestEntry[]> {
  const subject = { verb: 'list', path };
  const handle = (await line.request('OpenDir', { path }, subject)).map('data').uint('Handle');
  const entries: GuestEntry[] = [];
  for (;;) {
    const answer = await line.request('ReadDir', { handle, limit: pageEntries }, subject);
    const some = answer.map('data').maps('List').map(guestEntry);
    if (some.length === 0) break;
    if (some.length > pageEntries)
      throw new AgentProtocolError(`The agent listed more of ${path} at once than it was asked for.`);
    entries.push(...some);
    if (entries.length > listLimit)
      throw new OutputLimitError(`${path} has more than ${listLimit} entries, the most that are listed.`);
  }
  await line.request('CloseHandle', { handle }, subject);
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}
