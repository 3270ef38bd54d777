// @ts-check
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { inRoot } from '../setup/paths.mjs';

/**
 * @typedef {object} Target
 * @property {string} name
 * @property {string} what whose bytes it reads, in a line
 * @property {string} part the directory that has its sources, and beside them the kept corpus
 * @property {string[]} sources relative to that
 * @property {string[]} flags for the compiler
 * @property {number} maxLength of an input, bytes: what is longer only runs slower
 * @property {string} [dictionary] relative to the part's test/fuzz
 */

/** @param {string[]} names */
const agentdSources = (...names) => names.map((name) => `src/${name}.c`);
/** @param {string[]} names */
const relaySources = (...names) => names.map((name) => `relay/${name}.cc`);

const AGENTD = ['-std=c11', '-D_GNU_SOURCE', '-DAGENT_VERSION="0"', '-Isrc', '-Itest/fuzz'];
const RELAY = ['-std=c++17', '-Wshadow'];

/** What runs whole in agentd-agent; the rest of src/ is what world.c stands in for. */
const AGENT = agentdSources(
  ...['agent', 'buf', 'cbor', 'child', 'decode', 'dispatch', 'env', 'errname', 'failure', 'flow', 'fs'],
  ...['fs_messages', 'fs_slots', 'fs_spawn', 'init_plan', 'loop'],
  ...['messages_in', 'messages_out', 'output', 'plan', 'port', 'pty', 'renewal', 'rlimits', 'session'],
  ...['session_stdin', 'shutdown', 'tcp', 'transit', 'uevent', 'users', 'wire'],
);

/** @type {readonly Target[]} */
export const TARGETS = [
  {
    name: 'agentd-messages',
    what: "the host's stream, cut anywhere: frames, envelopes, CBOR, every reader of a message",
    part: 'agentd',
    sources: [
      ...['test/fuzz/messages_fuzz.c', 'test/fuzz/frames.c'],
      ...agentdSources(
        'messages_in',
        'messages_out',
        'fs_messages',
        'errname',
        'decode',
        'wire',
        'cbor',
        'buf',
      ),
    ],
    flags: AGENTD,
    maxLength: 2048,
    dictionary: 'protocol.dict',
  },
  {
    name: 'agentd-agent',
    what: 'the agent, whole: its host, its commands, connections, file servers, time, and shortages',
    part: 'agentd',
    sources: ['test/fuzz/agent_fuzz.c', 'test/fuzz/world.c', 'test/fuzz/frames.c', ...AGENT],
    flags: [...AGENTD, '-include', 'test/fuzz/fence.h'],
    maxLength: 1024,
    dictionary: 'protocol.dict',
  },
  {
    name: 'agentd-plan',
    what: "a command's plan, and an init's: the request, /etc/passwd, /etc/group, environments, limits",
    part: 'agentd',
    sources: [
      'test/fuzz/plan_fuzz.c',
      ...agentdSources(
        'messages_in',
        'decode',
        'cbor',
        'plan',
        'failure',
        'users',
        'rlimits',
        'env',
        'init_plan',
      ),
    ],
    flags: AGENTD,
    maxLength: 1024,
    dictionary: 'protocol.dict',
  },
  {
    name: 'agentd-mountinfo',
    what: "the kernel's /proc/self/mountinfo and device events, an image's access control lists",
    part: 'agentd',
    sources: ['test/fuzz/mountinfo_fuzz.c', ...agentdSources('mountinfo', 'uevent', 'file', 'clock', 'acls')],
    flags: AGENTD,
    maxLength: 512,
  },
  {
    name: 'relay-frames',
    what: "the guest's stream, cut anywhere: frames, and what the log takes out of messages",
    part: 'native',
    sources: [
      'test/fuzz/frames_fuzz.cc',
      ...relaySources('frame', 'byte_queue', 'cbor', 'messages', 'exec_message'),
    ],
    flags: RELAY,
    maxLength: 1024,
  },
  {
    name: 'relay-hub',
    what: 'clients and an agent that lie, flood, stall and go',
    part: 'native',
    sources: [
      'test/fuzz/hub_fuzz.cc',
      ...relaySources('frame', 'hub', 'client', 'byte_queue', 'agent_line', 'cbor', 'messages'),
    ],
    flags: [...RELAY, '-include', 'test/fuzz/small_queues.hh'],
    maxLength: 512,
  },
  {
    name: 'relay-start',
    what: 'the command line, the bootstrap frame from a file or a pipe, the leash',
    part: 'native',
    sources: [
      'test/fuzz/start_fuzz.cc',
      ...relaySources('frame', 'byte_queue', 'bootstrap', 'options', 'leash'),
    ],
    flags: RELAY,
    maxLength: 512,
  },
  {
    name: 'relay-console',
    what: "the guest's console, into a log of bounded size",
    part: 'native',
    sources: ['test/fuzz/log_fuzz.cc', ...relaySources('bounded_log')],
    flags: RELAY,
    maxLength: 256,
  },
  {
    name: 'relay-log',
    what: "the machine's log: whatever its commands and its console say, and files that a dead relay has left",
    part: 'native',
    sources: [
      'test/fuzz/exec_log_fuzz.cc',
      ...relaySources('exec_log', 'log_segment', 'log_lines', 'frame', 'byte_queue'),
      'src/util/errno_name.cc',
    ],
    flags: RELAY,
    maxLength: 512,
  },
  {
    name: 'fork-order',
    what: 'orders to fork a machine, and the descriptors that come with them',
    part: 'native',
    sources: ['test/fuzz/order_fuzz.c', 'fork/order.c', 'fork/failure.c'],
    flags: ['-std=gnu11'],
    maxLength: 512,
  },
];

/** @param {Target} target */
export const keptCorpus = ({ part, name }) => inRoot(part, 'test', 'fuzz', 'corpus', name);

/** What is made, and found, of a target. @param {Target} target @param {string[]} parts */
export const inBuild = ({ name }, ...parts) => inRoot('build', 'fuzz', name, ...parts);

/** All files that decide what its program is. @param {Target} target */
export function inputsOf({ part, sources }) {
  const directories = new Set(
    ['test/fuzz', 'src', 'src/util', 'relay', 'fork'].map((name) => inRoot(part, name)),
  );
  const headers = [...directories].flatMap((directory) =>
    filesIn(directory)
      .filter((name) => /\.hh?$/.test(name))
      .map((name) => join(directory, name)),
  );
  return [...sources.map((source) => inRoot(part, source)), ...headers];
}

/** @param {string} directory */
function filesIn(directory) {
  try {
    return readdirSync(directory).sort();
  } catch {
    return []; // the other part's
  }
}
