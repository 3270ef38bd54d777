import { MissedRotationError } from '../errors.js';
import { LogReader } from '../store/log-reader.js';
import { checkTail, type LogEntry, type LogReadOptions, LogSelection } from './log-entry.js';

/** A guest that floods its log while it is read takes away what was to come next. */
const attempts = 5;

/**
 * What a log holds, oldest first.
 *
 * @throws InvalidConfigError; MissedRotationError when the guest writes faster than this reads, time and again.
 */
export function readLogs(directory: string, options: LogReadOptions): LogEntry[] {
  const selection = new LogSelection(options);
  const tail = checkTail(options.tail);
  for (let attempt = 1; ; attempt++) {
    try {
      return read(directory, selection, tail);
    } catch (error) {
      // From what is the oldest now: entries with a gap among them would be a lie.
      if (!(error instanceof MissedRotationError) || attempt === attempts) throw error;
    }
  }
}

function read(directory: string, selection: LogSelection, tail: number): LogEntry[] {
  using reader = new LogReader(directory);
  let entries: LogEntry[] = [];
  for (let item = reader.next(); item; item = reader.next()) {
    const entry = selection.entry(item);
    if (entry) entries.push(entry);
    if (entries.length >= 2 * tail + 1024) entries = entries.slice(-tail);
  }
  return tail === 0 ? [] : entries.slice(-tail);
}
