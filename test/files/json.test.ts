import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deepestJson, parseJson } from '../../src/files/parse-json';
import { parseSafetensorsHeader } from '../../src/files/safetensors';
import { Dataset, readRegistry } from '../../src/index';
import { run } from '../cli/in-process';
import { madeCells, writeMadeDataset } from '../small-model';
import { temporaryFolder } from '../temporary-folder';

const folder = temporaryFolder();
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const refused = { code: 'dataset-invalid', message: expect.stringMatching(/nested more than 100 levels deep/) };

test('a text is read as JSON.parse reads it, or is an error with the code', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (text) => {
      expect(parseJson(text, 'it', 'dataset-invalid')).toEqual(JSON.parse(text));
    }),
    { seed: 1 },
  );
  expect(parseJson('\ufeff{"a": [1]}', 'it', 'dataset-invalid')).toEqual({ a: [1] });
  expect(() => parseJson('{"a": ', 'it', 'registry-invalid')).toThrow(
    expect.objectContaining({ code: 'registry-invalid' }),
  );
});

test('depth is counted outside of texts, and is limited', () => {
  const brackets = '[{"\\';
  expect(parseJson(JSON.stringify(brackets.repeat(1000)), 'it', 'dataset-invalid')).toBe(brackets.repeat(1000));
  expect(parseJson(nested(deepestJson), 'it', 'dataset-invalid')).toBeInstanceOf(Array);
  for (const text of [nested(deepestJson + 1), '['.repeat(50_000), `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`]) {
    expect(() => parseJson(text, 'it', 'dataset-invalid')).toThrow(expect.objectContaining(refused));
  }
  // An escaped quote ends no text.
  expect(() => parseJson(`["\\\\", ${nested(200)}]`, 'it', 'dataset-invalid')).toThrow(
    expect.objectContaining(refused),
  );
  expect(parseJson(`["\\"${'['.repeat(200)}"]`, 'it', 'dataset-invalid')).toHaveLength(1);
});

describe('JSON nested 50,000 deep is refused wherever a file of it is read:', () => {
  const deep = nested(50_000);

  test('dataset.json, by the library and by every command', async () => {
    const data = folder.path('data');
    writeMadeDataset(data, madeCells(8, 2), ['a', 'b']);
    writeFileSync(
      join(data, 'dataset.json'),
      `{"classes": ["a", "b"], "channels": ["rfp", "gfp"], "provenance": ${deep}}`,
    );
    await expect(Dataset.open(data)).rejects.toMatchObject(refused);
    const { status, stderr } = await run('split', data, '--into', 'x=0.5,y=0.5', '--out', folder.path('out'));
    expect({ status, stderr }).toEqual({ status: 3, stderr: expect.stringContaining('error [dataset-invalid]') });
  });

  test('a recipe, a registry, a run, features', async () => {
    writeFileSync(folder.path('deep.json'), `{"learningRate": ${deep}}`);
    await expect(readRegistry(folder.path('deep.json'))).rejects.toMatchObject({ code: 'registry-invalid' });
    writeMadeDataset(folder.path('data'), madeCells(8, 2), ['a', 'b']);
    const training = ['train', '--training', folder.path('data'), '--out', folder.path('run')];
    const recipe = await run(...training, '--recipe', folder.path('deep.json'));
    expect(recipe.stderr).toContain('error [recipe-invalid]');
    mkdirSync(folder.path('run'));
    writeFileSync(folder.path('run/recipe.json'), deep);
    expect((await run(...training, '--resume')).stderr).toContain('error [run-invalid]');
    mkdirSync(folder.path('features'));
    writeFileSync(folder.path('features/features.npy'), '');
    writeFileSync(folder.path('features/features.json'), deep);
    const forest = await run('forest', 'train', '--features', folder.path('features'), '--out', folder.path('f'));
    expect(forest.stderr).toContain('error [dataset-invalid]');
    writeFileSync(folder.path('features/features.json'), 'null');
    const nothing = await run('forest', 'train', '--features', folder.path('features'), '--out', folder.path('f'));
    expect(nothing.stderr).toContain('holds no JSON object');
  });

  test('the header of a model', () => {
    const json = Buffer.from(`{"a": {"dtype": ${deep}, "shape": [], "data_offsets": [0, 4]}}`);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    const bytes = Buffer.concat([length, json, Buffer.alloc(4)]);
    expect(() => parseSafetensorsHeader(bytes, bytes.length, 'm.safetensors')).toThrow(
      expect.objectContaining({ code: 'model-invalid' }),
    );
  });
});
