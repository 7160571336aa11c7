import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeepYeastError, loadRecipe, parseRecipe, recipes } from '../../src/index';
import { perturbationNames } from '../../src/training/perturbations';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepyeast-recipe-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(text: string): string {
  const path = join(folder, 'recipe.json');
  writeFileSync(path, text);
  return path;
}

describe('recipes', () => {
  it('has the numbers of the paper', () => {
    expect(recipes.paper).toEqual({
      learningRate: 0.1,
      schedule: { kind: 'step', halveEveryEpochs: 25 },
      batchSize: 100,
      epochs: 300,
      momentum: 0.9,
      momentumForm: 'caffe',
      weightDecay: 0.0005,
      augmentation: 'none',
    });
  });

  it('takes from the paper what a file leaves out', async () => {
    expect(await loadRecipe(file('{}'))).toEqual(recipes.paper);
    expect(await loadRecipe('paper')).toEqual(recipes.paper);
    const { epochs: _, ...rest } = recipes.paper;
    expect(await loadRecipe(file('\ufeff{"iterations": 7, "momentumForm": "pytorch"}'))).toEqual({
      ...rest,
      iterations: 7,
      momentumForm: 'pytorch',
    });
    expect(parseRecipe({ schedule: { kind: 'cosine', warmUpEpochs: 0 } }, 'x').schedule).toEqual({
      kind: 'cosine',
      warmUpEpochs: 0,
    });
  });

  it('changes cells and averages weights in `robust`, not in the paper', async () => {
    const { perturbations, averaging, augmentation } = await loadRecipe('robust');
    expect(augmentation).toBe('flips-and-turns');
    expect(Object.keys(perturbations ?? {})).toEqual(perturbationNames);
    expect(averaging).toMatchObject({ kind: 'exponential', last: 0.25 });
    expect(Object.keys(await loadRecipe('paper'))).not.toContain('perturbations');
  });

  it('fills what an averaging leaves out', () => {
    expect(parseRecipe({ averaging: { kind: 'stochastic', last: 0.5 } }, 'x').averaging).toEqual({
      kind: 'stochastic',
      last: 0.5,
      everyEpochs: 0.5,
      statisticsBatches: 50,
    });
  });

  it('reads what it writes', () => {
    for (const recipe of Object.values(recipes)) {
      const text = JSON.stringify(recipe);
      expect(JSON.stringify(parseRecipe(JSON.parse(text), 'x'))).toBe(text);
    }
  });

  it.each([
    [{ learningrate: 0.1 }, /no field "learningrate"; did you mean "learningRate"\?/],
    [{ batch: 10 }, /did you mean "batchSize"\?/],
    [{ learningRate: -1 }, /learningRate is -1; expected a number above 0/],
    [{ learningRate: '0.1' }, /learningRate is "0.1"; expected a number/],
    [{ batchSize: 2.5 }, /batchSize is 2.5; expected a whole number/],
    [{ epochs: 0 }, /epochs is 0; expected/],
    [{ epochs: 1, iterations: 1 }, /both epochs and iterations/],
    [{ iterations: 0 }, /iterations is 0; expected/],
    [{ momentum: 1 }, /momentum is 1; expected a number from 0 to less than 1/],
    [{ momentumForm: 'coffee' }, /momentumForm is "coffee"; expected caffe or pytorch; did you mean "caffe"\?/],
    [{ augmentation: 'flip' }, /augmentation is "flip"; expected none or flips-and-turns/],
    [{ schedule: { kind: 'cosin' } }, /schedule: kind is "cosin"; expected .*did you mean "cosine"\?/],
    [{ schedule: { kind: 'step', warmUpEpochs: 1 } }, /schedule: there is no field "warmUpEpochs"/],
    [{ schedule: { kind: 'step' } }, /halveEveryEpochs is undefined; expected/],
    [{ schedule: 'step' }, /schedule: found "step", expected an object/],
    [{ perturbations: { zom: [1, 2] } }, /perturbations: there is no field "zom"; did you mean "zoom"\?/],
    [
      { perturbations: { zoom: [1.2, 0.9] } },
      /zoom is \[1.2,0.9\]; expected \[least, most\]: two numbers from 0.1 to 10/,
    ],
    [{ perturbations: { blur: 1 } }, /blur is 1; expected \[least, most\]/],
    [{ perturbations: { shift: -1 } }, /shift is -1; expected a number from 0/],
    [{ perturbations: 'all' }, /perturbations: found "all", expected an object/],
    [{ averaging: { kind: 'swa' } }, /averaging: kind is "swa"; expected exponential or stochastic/],
    [{ averaging: { kind: 'exponential', everyEpochs: 1 } }, /averaging: there is no field "everyEpochs"/],
    [{ averaging: { kind: 'stochastic', last: 0 } }, /last is 0; expected a number above 0, at most 1/],
    [[], /found \[\], expected an object/],
    [null, /found null, expected an object/],
  ])('answers %j', (value, message) => {
    expect(() => parseRecipe(value, 'the recipe')).toThrow(message);
    expect(() => parseRecipe(value, 'the recipe')).toThrow(expect.objectContaining({ code: 'recipe-invalid' }));
  });

  it('names the file, and what is not JSON or not there', async () => {
    await expect(loadRecipe(file('{"momentun": 0.9}'))).rejects.toThrow(/recipe\.json: .*did you mean "momentum"/);
    await expect(loadRecipe(file('{'))).rejects.toThrow(/recipe\.json is not JSON/);
    await expect(loadRecipe(join(folder, 'none.json'))).rejects.toThrow(
      /no recipe .*none\.json; expected paper, robust or/,
    );
    await expect(loadRecipe(folder)).rejects.toMatchObject({ code: 'io-error' });
  });

  it('answers any JSON with a recipe or a typed error', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.jsonValue(), fc.record({ schedule: fc.jsonValue(), batchSize: fc.jsonValue() })),
        (value) => {
          try {
            expect(parseRecipe(value, 'x')).toMatchObject({ momentum: expect.any(Number) });
          } catch (error) {
            expect(error).toBeInstanceOf(DeepYeastError);
            expect((error as DeepYeastError).code).toBe('recipe-invalid');
          }
        },
      ),
    );
  });
});
