import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The checkout, from the compiled file and from the source alike. */
export const checkout = fileURLToPath(
  new URL(import.meta.url.includes('/test/dist/') ? '../../..' : '../..', import.meta.url),
);

const buildTimeoutMs = 180_000;

/** Parts of the product that are wrong in exactly one way. */
export const saboteurs = {
  /** A relay that ends the VMM as soon as it sees `core.shutdown`. */
  relay: `${checkout}/native/build/msb-relay-end-on-shutdown`,
  /** An agent that powers off without a sync, and claims to have done everything. */
  agent: `${checkout}/agentd/build/agentd-no-sync`,
  /** An agent that is given randomness at boot, and fails to take it when its machine is resumed as a clone. */
  agentThatCannotRenew: `${checkout}/agentd/build/agentd-unrenewable`,
  /** An agent that never says a word. */
  silentAgent: `${checkout}/agentd/build/agent-silent`,
  /** An agent that is ready, and then says nothing any more. */
  muteAgent: `${checkout}/agentd/build/agent-mute`,
  /** An agent that writes bytes which are no frames. */
  garbageAgent: `${checkout}/agentd/build/agent-garbage`,
  /** An agent that does to its host what a command's first argument says. */
  hostileAgent: `${checkout}/agentd/build/agent-hostile`,
} as const;

/** Builds them from the product's own sources with one file exchanged. */
export async function buildSaboteurs(): Promise<void> {
  await make(
    'native',
    `RELAY_POLICY=${checkout}/test/saboteurs/relay_end_on_shutdown.cc`,
    `OUT=${saboteurs.relay}`,
  );
  await make('agentd', `TEARDOWN=${checkout}/test/saboteurs/teardown_no_sync.c`, `OUT=${saboteurs.agent}`);
  await make(
    'agentd',
    `ENTROPY=${checkout}/test/saboteurs/entropy_fails_in_clones.c`,
    `OUT=${saboteurs.agentThatCannotRenew}`,
  );
  await compile('agent_silent.c', saboteurs.silentAgent);
  await compile('agent_mute.c', saboteurs.muteAgent);
  await compile('agent_garbage.c', saboteurs.garbageAgent);
  await compile('agent_hostile.c', saboteurs.hostileAgent);
}

async function compile(source: string, output: string): Promise<void> {
  await run('musl-gcc', ['-static', '-Os', '-o', output, `${checkout}/test/saboteurs/${source}`]);
}

async function make(directory: string, ...variables: string[]): Promise<void> {
  await run('make', ['-C', `${checkout}/${directory}`, ...variables]);
}

async function run(program: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(program, args, { timeout: buildTimeoutMs });
}
