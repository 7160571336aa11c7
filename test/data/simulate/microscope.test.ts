import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { pixels, size } from '../../../src/data/simulate/canvas';
import { Draws } from '../../../src/data/simulate/draws';
import {
  applyToCounts,
  applyToScene,
  type MicroscopeTraits,
  microscopeTraits,
} from '../../../src/data/simulate/microscope';
import { enlarge } from '../../../src/data/simulate/optics';
import { createScene } from '../../../src/data/simulate/scene';
import { simulate } from '../../../src/index';
import { temporaryFolder } from '../../temporary-folder';

const folder = temporaryFolder();

/** A microscope that changes nothing. */
const neutral: MicroscopeTraits = {
  zoom: 1,
  blur: 0,
  gamma: [1, 1],
  noise: [0, 0],
  noiseBlur: 0,
  texture: 0,
  textureWidth: 2,
  autofluorescence: 0,
  fromVacuoles: 0,
  printed: false,
};
const draws = () => new Draws(1, 'microscope pixels', 0);

/** A bright disc with a dark hole on a dim background. */
function disc(): Float32Array {
  return Float32Array.from({ length: pixels }, (_, i) => {
    const radius = Math.hypot((i % size) - 31.5, Math.floor(i / size) - 31.5);
    return radius < 4 ? 60 : radius < 15 ? 200 : 50;
  });
}

function correlationOfNeighbours(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let [product, square] = [0, 0];
  for (let i = 0; i < pixels - 1; i++) {
    product += ((values[i] as number) - mean) * ((values[i + 1] as number) - mean);
    square += ((values[i] as number) - mean) ** 2;
  }
  return product / square;
}

const deviationOf = (values: Float32Array) =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

describe('counts', () => {
  test('a microscope that changes nothing leaves them as they are', () => {
    const layer = disc();
    applyToCounts(layer, 0, neutral, draws());
    for (const [i, value] of disc().entries()) expect(layer[i]).toBeCloseTo(value, 3);
  });

  test('gamma bends what lies between background and brightest light, each channel by its own', () => {
    const [red, green] = [disc(), disc()];
    const traits = { ...neutral, gamma: [2, 0.5] as const };
    applyToCounts(red, 0, traits, draws());
    applyToCounts(green, 1, traits, draws());
    const middle = 32 * size + 32;
    // (60 - 50) / (200 - 50) to the power of the exponent.
    expect(red[middle]).toBeCloseTo(50 + 150 * (10 / 150) ** 2, 3);
    expect(green[middle]).toBeCloseTo(50 + 150 * (10 / 150) ** 0.5, 3);
    expect(red[0]).toBeCloseTo(50, 3);
    expect(red[32 * size + 42]).toBeCloseTo(200, 3);
  });

  test('noise has the deviation that is asked for, and neighbours agree where it is blurred', () => {
    const noiseOf = (traits: MicroscopeTraits) => {
      const layer = disc();
      applyToCounts(layer, 1, traits, draws());
      return layer.map((value, i) => value - (disc()[i] as number));
    };
    const white = noiseOf({ ...neutral, noise: [0, 0.1] });
    expect(deviationOf(white)).toBeCloseTo(15, 2);
    expect(Math.abs(correlationOfNeighbours(white))).toBeLessThan(0.06);
    const blurred = noiseOf({ ...neutral, noise: [0, 0.1], noiseBlur: 0.7 });
    expect(deviationOf(blurred)).toBeCloseTo(15, 2);
    // exp(-1 / (4 sigma^2)) of Gaussian-blurred white noise, less what the pixel grid cuts off.
    expect(correlationOfNeighbours(blurred)).toBeGreaterThan(0.5);
    expect(correlationOfNeighbours(blurred)).toBeLessThan(0.7);
  });

  test('a crop without light is left alone', () => {
    const dark = new Float32Array(pixels).fill(7);
    applyToCounts(dark, 0, { ...neutral, gamma: [2, 2], noise: [0.1, 0.1] }, draws());
    expect(new Set(dark)).toEqual(new Set([7]));
  });
});

describe('enlarging', () => {
  test('keeps straight slopes straight, around the centre', () => {
    const ramp = Float32Array.from({ length: pixels }, (_, i) => 3 * (i % size) + 2 * Math.floor(i / size));
    enlarge(ramp, 1.25);
    for (const [row, column] of [
      [0, 0],
      [10, 50],
      [63, 63],
    ] as const) {
      const [x, y] = [31.5 + (column - 31.5) / 1.25, 31.5 + (row - 31.5) / 1.25];
      expect(ramp[row * size + column]).toBeCloseTo(3 * x + 2 * y, 2);
    }
  });
});

describe('scenes', () => {
  const sceneOf = () => {
    const scene = createScene();
    scene.red.set(disc());
    scene.haze.set(disc());
    scene.structure.fill(1);
    return scene;
  };

  test('autofluorescence lights the cytosol, or the vacuole, in the green channel alone', () => {
    const inCytosol = sceneOf();
    applyToScene(inCytosol, { ...neutral, autofluorescence: 0.2 }, draws());
    const inVacuoles = sceneOf();
    applyToScene(inVacuoles, { ...neutral, autofluorescence: 0.2, fromVacuoles: 1 }, draws());
    const [hole, body] = [32 * size + 32, 32 * size + 42];
    expect(inCytosol.red).toEqual(sceneOf().red);
    expect(inCytosol.structure).toEqual(sceneOf().structure);
    expect(inCytosol.haze[body]).toBeCloseTo(1.2 * 200, 2);
    expect(inVacuoles.haze[body]).toBeCloseTo(200, 2);
    expect(inVacuoles.haze[hole]).toBeGreaterThan(60 + 0.2 * 60);
  });

  test('texture moves all light of a place together', () => {
    const scene = sceneOf();
    applyToScene(scene, { ...neutral, texture: 0.1 }, draws());
    const factors = scene.structure;
    expect(deviationOf(factors.map((factor) => factor - 1))).toBeCloseTo(0.1, 2);
    for (const [i, value] of disc().entries()) expect(scene.red[i]).toBeCloseTo(value * (factors[i] as number), 2);
  });
});

test('fields of a varied screen differ as microscopes do, within their ranges', () => {
  const all = Array.from({ length: 2000 }, (_, field) => microscopeTraits(5, field));
  const share = (holds: (traits: MicroscopeTraits) => boolean) => all.filter(holds).length / all.length;
  expect(share(({ printed }) => printed)).toBeCloseTo(0.2, 1);
  expect(share(({ zoom }) => zoom === 1)).toBeCloseTo(0.5, 1);
  expect(share(({ noise }) => noise[1] === 0)).toBeCloseTo(0.4, 1);
  for (const { zoom, gamma, noise, texture, autofluorescence } of all) {
    expect(zoom).toBeGreaterThanOrEqual(1);
    expect(zoom).toBeLessThan(1.4);
    for (const exponent of gamma) expect(Math.abs(Math.log(exponent))).toBeLessThanOrEqual(0.5);
    expect(noise[1]).toBeLessThan(0.12);
    expect(texture).toBeLessThan(0.12);
    expect(autofluorescence).toBeLessThan(0.3);
  }
  expect(microscopeTraits(5, 17)).toEqual(all[17]);
});

test('a varied screen has the same bytes for any number of threads, and other cells than the plain one', async () => {
  const options = { cells: 200, seed: 9 } as const;
  for (const threads of [1, 2])
    await simulate({ out: folder.path(`varied-${threads}`), appearance: 'varied', threads, ...options });
  await simulate({ out: folder.path('plain'), ...options });
  const images = ['varied-1', 'varied-2', 'plain'].map((name) =>
    readFileSync(folder.path(name, 'train', 'images.npy')),
  );
  expect(images[0]?.equals(images[1] as Buffer)).toBe(true);
  expect(images[0]?.equals(images[2] as Buffer)).toBe(false);
});
