import { agentdPath } from '@msbtest/agentd';
import { type AcceleratorChoice, acceleratorChoice } from '../host/hypervisor.js';
import { relayPath } from '../host/native.js';
import { type Places, placesFromEnv } from '../host/paths.js';
import { ImageStore } from '../image/image-store.js';
import { SandboxStore } from '../store/sandbox-store.js';
import { Templates } from './templates.js';

/** Everything that one call needs to know about where it runs; made from the environment once, then passed along. */
export interface Environment {
  readonly places: Places;
  readonly accelerator: AcceleratorChoice;
  readonly relay: string;
  readonly agent: string;
  readonly sandboxes: SandboxStore;
  readonly images: ImageStore;
  readonly templates: Templates;
}

/** Reads `MSB_HOME`, `MSB_CACHE`, `MSB_RUNTIME_DIR`, `MSB_ACCEL`, `MSB_RELAY` and `MSB_AGENTD`. */
export function environmentFrom(env: NodeJS.ProcessEnv = process.env): Environment {
  const places = placesFromEnv(env);
  return {
    places,
    accelerator: acceleratorChoice(env),
    relay: env.MSB_RELAY || relayPath,
    agent: env.MSB_AGENTD || agentdPath,
    sandboxes: new SandboxStore(places),
    images: new ImageStore(places),
    templates: new Templates(places),
  };
}
