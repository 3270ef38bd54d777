import { expect, it } from 'vitest';
import { Sandbox } from '../sandbox/sandbox.js';
import { templateNews } from './template-news.js';

it('says once what is made, as somebody would have written it', async () => {
  const said: string[] = [];
  const tell = templateNews((line) => said.push(line));
  for (const [image, cpus] of [['msb-base', 1] as const, ['mirror.gcr.io/library/alpine:3.20', 2] as const]) {
    const config = await Sandbox.builder('news').image(image).cpus(cpus).memory(256).build();
    tell(config, { state: 'making' });
    tell(config, { state: 'made', ms: 2000 });
  }
  expect(said).toEqual([
    'Making the template of msb-base, 1 cpu, 256 MiB: once for each kind of machine.',
    'Making the template of mirror.gcr.io/library/alpine:3.20, 2 cpus, 256 MiB: once for each kind of machine.',
  ]);
});
