import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { FieldImages, FieldListing, Plane, PlaneData } from '../../src/fields';

/** Small plates made by test/fixtures/fields/generate.py. */
export const fieldsFixture = resolve(__dirname, '../fixtures/fields');

interface ExpectedPlane {
  dtype: string;
  shape: number[];
  values: number[];
}

const expected: Record<string, ExpectedPlane> = JSON.parse(readFileSync(join(fieldsFixture, 'expected.json'), 'utf8'));

const types: Record<string, new (values: number[]) => PlaneData> = {
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  float32: Float32Array,
};

/** The pixels of one plane as tifffile (or the script that wrote the Zarr store) has them. */
export function expectedPlane(name: string): Plane {
  const { dtype, shape, values } = expected[name]!;
  return { width: shape.at(-1)!, height: shape.at(-2)!, data: new types[dtype]!(values) };
}

export const rfpGfp = (rfp: string, gfp: string) =>
  new Map([
    ['rfp', rfp],
    ['gfp', gfp],
  ]);

/** Writes files of these paths with a line of text each: listing does not open images. */
export function writeFiles(root: string, paths: readonly string[], text = 'no image\n'): void {
  for (const path of paths) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** A listing in few words: key, and the paths of each role's planes below the root. */
export function summary(listing: FieldListing, root: string): Record<string, Record<string, string>> {
  const relative = (path: string) => path.slice(root.length + 1);
  const roles = ({ channels }: FieldImages) =>
    Object.fromEntries(
      Object.entries(channels).map(([role, planes]) => [
        role,
        planes
          .map(
            ({ path, page, z }) =>
              `${relative(path)}${page === undefined ? '' : `#${page}`}${z === undefined ? '' : ` z${z}`}`,
          )
          .join(', '),
      ]),
    );
  return Object.fromEntries(listing.fields.map((field) => [field.key, roles(field)]));
}
