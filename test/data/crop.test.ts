import { expect, test } from 'vitest';
import { cropImage, padImage } from '../../src/data/crop';
import type { RawImage } from '../../src/data/image-file';

/** Sample = 10 x row + column. */
function image(width: number, height: number): RawImage {
  const plane = Uint16Array.from(
    { length: width * height },
    (_, index) => 10 * Math.floor(index / width) + (index % width),
  );
  return {
    width,
    height,
    eightBit: false,
    sampleType: '16-bit',
    planes: [plane, plane.map((sample) => 1000 + sample)],
  };
}

test('the centre is cut out, of every channel', () => {
  const cut = cropImage(image(5, 4), 2, 'crop', 'x');
  expect(cut).toMatchObject({ width: 2, height: 2 });
  expect(cut.planes.map((plane) => [...plane])).toEqual([
    [11, 12, 21, 22],
    [1011, 1012, 1021, 1022],
  ]);
});

test('an image of the right size is untouched', () => {
  const raw = image(3, 3);
  for (const fit of ['error', 'crop', 'pad', 'crop-or-pad'] as const) expect(cropImage(raw, 3, fit, 'x')).toBe(raw);
});

test('only what was allowed is done', () => {
  expect(() => cropImage(image(5, 4), 4, 'error', 'a.png')).toThrow(
    /a\.png: has 5 x 4 pixels, expected 4 x 4 \(--fit crop takes it\)/,
  );
  expect(() => cropImage(image(5, 4), 4, 'pad', 'a.png')).toThrow(/--fit crop takes it/);
  expect(() => cropImage(image(5, 4), 5, 'crop', 'a.png')).toThrow(/--fit pad takes it/);
  expect(() => cropImage(image(6, 2), 4, 'crop', 'a.png')).toThrow(/--fit crop-or-pad takes it/);
  expect(cropImage(image(6, 2), 4, 'crop-or-pad', 'a.png')).toMatchObject({ width: 4, height: 2 });
  expect(cropImage(image(2, 2), 4, 'pad', 'a.png')).toMatchObject({ width: 2, height: 2 });
});

test('padding puts pixels into the centre of zeros', () => {
  const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12); // 3 wide, 2 high, 2 channels
  const row = (...values: number[]) => values;
  expect([...padImage(pixels, 3, 2, 4, 2)]).toEqual([
    ...row(0, 0, 0, 0, 0, 0, 0, 0),
    ...row(1, 2, 3, 4, 5, 6, 0, 0),
    ...row(7, 8, 9, 10, 11, 12, 0, 0),
    ...row(0, 0, 0, 0, 0, 0, 0, 0),
  ]);
  expect(padImage(pixels, 2, 2, 2, 3)).toBe(pixels);
});
