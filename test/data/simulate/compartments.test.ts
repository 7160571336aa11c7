import { describe, expect, test } from 'vitest';
import { type Body, pixels, pointIn, radiusIn, size } from '../../../src/data/simulate/canvas';
import type { CellShape } from '../../../src/data/simulate/geometry';
import { allCompartments, drawSome, groups, meanWhere, peaks, span } from './drawing';

// What defines each compartment, in the light before the optics: a property that all cells of a class have, or nearly all.

const cells = 40;
const unbudded = (shape: CellShape) => shape.stage === 'unbudded';
const budded = (shape: CellShape) => shape.bud !== undefined;
const inside = (body: Body, within: number) => (x: number, y: number) => radiusIn(body, x, y) < within;
const between = (body: Body, from: number, to: number) => (x: number, y: number) =>
  radiusIn(body, x, y) >= from && radiusIn(body, x, y) < to;
const share = <Item>(items: readonly Item[], holds: (item: Item) => boolean) =>
  items.filter(holds).length / items.length;
const hostOf = ({ mother, bud }: CellShape, x: number, y: number) =>
  radiusIn(mother, x, y) < 1.12 || (bud !== undefined && radiusIn(bud, x, y) < 1.12);
const nearestNucleus = (shape: CellShape, x: number, y: number) =>
  Math.min(...shape.nuclei.map((nucleus) => radiusIn(nucleus, x, y)));

test.each(allCompartments)('%s: light, all of it finite, not negative and in the cell', (compartment) => {
  for (const { shape, green } of drawSome(compartment, cells)) {
    let within = 0;
    let total = 0;
    expect(green.every((value) => value >= 0 && value < 20)).toBe(true);
    for (let i = 0; i < pixels; i++) {
      const value = green[i] as number;
      total += value;
      if (hostOf(shape, i % size, Math.floor(i / size))) within += value;
    }
    expect(total).toBeGreaterThan(1);
    expect(within / total).toBeGreaterThan(0.85);
  }
});

test('the cytosol is darker in vacuoles and fills the rest of the cell', () => {
  for (const { shape, red } of drawSome('vacuole', cells, unbudded)) {
    const vacuole = shape.vacuoles[0] as Body;
    const elsewhere = meanWhere(
      red,
      (x, y) => radiusIn(shape.mother, x, y) < 0.7 && shape.vacuoles.every((lobe) => radiusIn(lobe, x, y) > 1.3),
    );
    const limit = 1 - 0.5 * shape.vacuoleDepth;
    if (!Number.isNaN(elsewhere)) expect(meanWhere(red, inside(vacuole, 0.5)) / elsewhere).toBeLessThan(limit + 0.1);
    expect(meanWhere(red, (x, y) => radiusIn(shape.mother, x, y) > 1.25)).toBeLessThan(0.02);
  }
});

describe('membranes', () => {
  test('cell periphery: a rim all around, the inside dim', () => {
    for (const { shape, green } of drawSome('cell periphery', cells, unbudded)) {
      const rim = Array.from({ length: 16 }, (_, i) => {
        const at = pointIn(shape.mother, (i * Math.PI) / 8, 0.96);
        return meanWhere(green, (x, y) => Math.hypot(x - at.x, y - at.y) < 2);
      });
      const middle = meanWhere(green, inside(shape.mother, 0.7));
      expect(Math.min(...rim)).toBeGreaterThan(1.3 * middle);
      expect(rim.reduce((a, b) => a + b) / 16).toBeGreaterThan(2.5 * middle);
    }
  });

  test('nuclear periphery: a ring with a darker centre around each nucleus, nothing at the edge of the cell', () => {
    const drawings = drawSome('nuclear periphery', cells, unbudded);
    for (const { shape, green } of drawings) {
      const nucleus = shape.nuclei[0] as Body;
      expect(meanWhere(green, between(nucleus, 0.85, 1.15))).toBeGreaterThan(
        1.25 * meanWhere(green, inside(nucleus, 0.4)),
      );
      expect(meanWhere(green, (x, y) => radiusIn(nucleus, x, y) > 1.7)).toBeLessThan(0.02);
    }
    // Off the cell's centre.
    expect(
      share(drawings, ({ shape }) => radiusIn(shape.mother, shape.nuclei[0]!.x, shape.nuclei[0]!.y) > 0.1),
    ).toBeGreaterThan(0.8);
  });

  test('er: a ring around the nucleus and a broken, thinner rim under the edge', () => {
    for (const { shape, green } of drawSome('er', cells, unbudded)) {
      const nucleus = shape.nuclei[0] as Body;
      const ring = meanWhere(green, between(nucleus, 0.88, 1.12));
      const rim = Array.from({ length: 32 }, (_, i) => {
        const at = pointIn(shape.mother, (i * Math.PI) / 16, 0.93);
        return meanWhere(green, (x, y) => Math.hypot(x - at.x, y - at.y) < 1.5);
      });
      const meanRim = rim.reduce((a, b) => a + b) / rim.length;
      expect(ring).toBeGreaterThan(0.8 * meanRim);
      expect(meanRim).toBeGreaterThan(0.08 * ring);
      expect(Math.min(...rim)).toBeLessThan(0.6 * Math.max(...rim));
    }
  });
});

describe('the nucleus and the cytoplasm', () => {
  test('nucleus: one smooth disc, as bright in its middle as anywhere, a quarter to a half of the cell wide', () => {
    for (const { shape, green } of drawSome('nucleus', cells, unbudded)) {
      const [disc] = groups(green, 0.4);
      const width = 2 * Math.sqrt((disc as number[]).length / Math.PI);
      expect(width / shape.diameter).toBeGreaterThan(0.2);
      expect(width / shape.diameter).toBeLessThan(0.58);
      expect(groups(green, 0.4).length).toBe(1);
    }
  });

  test('nucleus: elongated or two in dividing cells', () => {
    for (const { shape, green } of drawSome('nucleus', cells / 2, (shape) => shape.stage === 'dividing')) {
      const found = groups(green, 0.4);
      const [first] = found as [number[]];
      const round = 2 * Math.sqrt(first.length / Math.PI);
      expect(found.length >= 2 || span(first) > 1.15 * round || shape.nuclei.length === 2).toBe(true);
    }
  });

  test('nucleolus: one bean at one side of the nucleus, smaller than it', () => {
    for (const { shape, green } of drawSome('nucleolus', cells, unbudded)) {
      const nucleus = shape.nuclei[0] as Body;
      const found = groups(green, 0.5);
      expect(found.length).toBe(1);
      const bean = found[0] as number[];
      expect(bean.length).toBeLessThan(0.75 * Math.PI * nucleus.a * nucleus.b);
      const x = bean.reduce((sum, i) => sum + (i % size), 0) / bean.length;
      const y = bean.reduce((sum, i) => sum + Math.floor(i / size), 0) / bean.length;
      expect(radiusIn(nucleus, x, y)).toBeGreaterThan(0.2);
      expect(radiusIn(nucleus, x, y)).toBeLessThan(1.1);
    }
  });

  test('cytoplasm: the light of the cytosol, the nucleus not distinct', () => {
    for (const { shape, green, red } of drawSome('cytoplasm', cells, unbudded)) {
      const ratio = (where: (x: number, y: number) => boolean) => meanWhere(green, where) / meanWhere(red, where);
      const nucleus = shape.nuclei[0] as Body;
      expect(ratio((x, y) => radiusIn(shape.mother, x, y) < 0.8 && radiusIn(nucleus, x, y) > 1.3)).toBeCloseTo(1, 1);
      expect(ratio(inside(nucleus, 0.8))).toBeGreaterThan(0.7);
      expect(ratio(inside(nucleus, 0.8))).toBeLessThan(1.4);
    }
  });

  test('vacuole: light where red is dark, none elsewhere', () => {
    for (const { shape, green } of drawSome('vacuole', cells)) {
      const near = (x: number, y: number) => shape.vacuoles.some((lobe) => radiusIn(lobe, x, y) < 1.25);
      const total = pixels * meanWhere(green, () => true);
      let within = 0;
      for (let i = 0; i < pixels; i++) if (near(i % size, Math.floor(i / size))) within += green[i] as number;
      expect(within / total).toBeGreaterThan(0.8);
    }
  });
});

describe('spots', () => {
  test('spindle pole: at most two dots, at the edge of a nucleus', () => {
    // Small cells, so that the daughter's pole is in the crop as well.
    const drawings = drawSome('spindle pole', 3 * cells, undefined, 27);
    for (const { shape, green } of drawings) {
      const dots = peaks(green, 0.3);
      expect(dots.length).toBeGreaterThanOrEqual(1);
      expect(dots.length).toBeLessThanOrEqual(2);
      for (const { x, y } of dots) {
        expect(nearestNucleus(shape, x, y)).toBeGreaterThan(0.75);
        expect(nearestNucleus(shape, x, y)).toBeLessThan(1.25);
      }
    }
    const two = (stage: string) => {
      const those = drawings.filter(({ shape }) => shape.stage === stage);
      return share(those, ({ green }) => peaks(green, 0.3).length === 2);
    };
    expect(two('dividing')).toBeGreaterThan(0.8);
    expect(two('unbudded')).toBeLessThan(0.3);
  });

  test.each([
    // Dots that touch count as one: the fewest are below the number drawn.
    ['endosome', 1, 8, 3],
    ['golgi', 2, 30, 5],
    ['peroxisome', 1, 10, 3],
    ['lipid particle', 2, 10, 4],
    ['actin', 2, 18, 4],
  ] as const)('%s: separate dots, %i to %i of them, usually at least %i', (compartment, fewest, most, usual) => {
    const counts = drawSome(compartment, cells).map(({ green }) => peaks(green, 0.12).length);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(fewest);
    expect(Math.max(...counts)).toBeLessThanOrEqual(most);
    expect(share(counts, (count) => count >= usual)).toBeGreaterThan(0.6);
  });

  test('peroxisomes are smaller than endosomes, those smaller than Golgi spots', () => {
    const area = (compartment: 'peroxisome' | 'endosome' | 'golgi') => {
      const sizes = drawSome(compartment, cells).flatMap(({ green }) =>
        groups(green, 0.5).map((group) => group.length),
      );
      return sizes.reduce((a, b) => a + b, 0) / sizes.length;
    };
    expect(area('peroxisome')).toBeLessThan(0.75 * area('endosome'));
    expect(area('endosome')).toBeLessThan(area('golgi'));
  });

  test('peroxisomes lie nearer to the edge than Golgi spots, and outside vacuoles', () => {
    const distance = (compartment: 'peroxisome' | 'golgi') => {
      const radii = drawSome(compartment, cells, unbudded).flatMap(({ shape, green }) =>
        peaks(green, 0.3).map(({ x, y }) => radiusIn(shape.mother, x, y)),
      );
      return radii.reduce((a, b) => a + b, 0) / radii.length;
    };
    expect(distance('peroxisome')).toBeGreaterThan(distance('golgi') + 0.03);
  });

  test('actin patches gather in the bud', () => {
    const drawings = drawSome('actin', cells, budded);
    const gathered = drawings.map(({ shape, green }) => {
      const bud = shape.bud as Body;
      const dots = peaks(green, 0.15);
      return share(dots, ({ x, y }) => radiusIn(bud, x, y) < 1.15);
    });
    expect(gathered.reduce((a, b) => a + b) / gathered.length).toBeGreaterThan(0.55);
  });
});

describe('lines', () => {
  test('mitochondrion: tubes much longer than wide', () => {
    const long = drawSome('mitochondrion', cells).map(({ green }) => {
      const tube = groups(green, 0.3)[0] as number[];
      return span(tube) / Math.sqrt(tube.length);
    });
    // A disc's is 1.13.
    expect(share(long, (ratio) => ratio > 1.3)).toBeGreaterThan(0.65);
  });

  test('microtubule: one thin line, longer in dividing cells', () => {
    const length = (pick: (shape: CellShape) => boolean) => {
      const spans = drawSome('microtubule', cells, pick).map(({ green }) => span(groups(green, 0.3)[0] as number[]));
      return spans.reduce((a, b) => a + b) / spans.length;
    };
    expect(length(unbudded)).toBeGreaterThan(8);
    expect(length((shape) => shape.stage === 'dividing')).toBeGreaterThan(1.3 * length(unbudded));
  });

  test('bud neck: a short bar between mother and bud', () => {
    for (const { shape, green } of drawSome('bud neck', cells, budded)) {
      const bar = groups(green, 0.4)[0] as number[];
      expect(span(bar)).toBeLessThan(0.5 * shape.diameter);
      const brightest = green.indexOf(green.reduce((a, b) => Math.max(a, b)));
      const neck = pointIn(shape.mother, shape.axis - Math.atan2(shape.mother.sin, shape.mother.cos), 1);
      expect(Math.hypot((brightest % size) - neck.x, Math.floor(brightest / size) - neck.y)).toBeLessThan(8);
    }
  });
});
