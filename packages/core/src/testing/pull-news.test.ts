import { expect, it } from 'vitest';
import { Sandbox } from '../sandbox/sandbox.js';
import { pullNews } from './pull-news.js';

it('says once what is downloaded, and nothing where nothing is', async () => {
  const said: string[] = [];
  const tell = pullNews((line) => said.push(line));
  const config = await Sandbox.builder('news').image('alpine').build();
  const resolved = { kind: 'resolved', reference: config.image, manifestDigest: 'sha256:0' } as const;
  tell(config, { kind: 'resolving', reference: config.image });
  tell(config, { ...resolved, layerCount: 1, totalDownloadBytes: 3_456_789 });
  tell(config, { ...resolved, layerCount: 2, totalDownloadBytes: 0 });
  tell(config, { kind: 'complete', reference: config.image, layerCount: 1 });
  expect(said).toEqual(['Pulling alpine, 3.5 MB to download of 1 layer: once for this machine.']);
});
