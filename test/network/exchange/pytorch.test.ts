import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RandomStream } from '../../../src/random';
import { projectRoot } from '../../shared-data';
import { smallNetwork, smallSize } from '../../small-model';
import { temporaryFolder } from '../../temporary-folder';
import { relativeError } from './fixture';

const folder = temporaryFolder();

/** The Python of DEEPYEAST_PYTHON, else python3, where it has torch and safetensors. */
const python = [process.env.DEEPYEAST_PYTHON, 'python3'].find(
  (command) => command && spawnSync(command, ['-c', 'import torch, safetensors']).status === 0,
);

test('the Python of docs/models.md gives the posteriors of the network', async ({ skip }) => {
  const snippet = /^```python\n([\s\S]*?)^```$/m.exec(readFileSync(join(projectRoot, 'docs/models.md'), 'utf8'))?.[1];
  expect(snippet?.trim().split('\n').length).toBeLessThanOrEqual(20);
  if (python === undefined) return skip('no Python with torch and safetensors (DEEPYEAST_PYTHON names one)');
  const classes = ['a', 'b', 'c'];
  const network = await smallNetwork(classes);
  await network.save(folder.path('model.safetensors'));
  const random = new RandomStream(8, 'simulation', 0, 0);
  const pixels = Uint8Array.from({ length: 3 * smallSize * smallSize * 2 }, (_, i) => random.word(i) >>> 24);
  const { posteriors } = await network.predict(pixels);
  await network.close();
  writeFileSync(folder.path('cells.bin'), pixels);
  const harness = `${snippet}
import sys, torch
network, classes = load(sys.argv[1])
cells = torch.frombuffer(bytearray(open(sys.argv[2], "rb").read()), dtype=torch.uint8).reshape(3, ${smallSize}, ${smallSize}, 2)
print(json.dumps({"posteriors": network(cells).flatten().tolist(), "classes": classes}))
`;
  const run = spawnSync(python, ['-c', harness, folder.path('model.safetensors'), folder.path('cells.bin')], {
    encoding: 'utf8',
  });
  expect(run.stderr).toBe('');
  const result = JSON.parse(run.stdout);
  expect(result.classes).toEqual(classes);
  expect(relativeError(result.posteriors, posteriors)).toBeLessThan(1e-5);
});
