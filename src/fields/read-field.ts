/** The pixels of one field. */

import { DeepYeastError } from '../errors';
import type { FieldImages } from './layout/assembly';
import type { PlaneSource } from './layout/found-plane';
import { maximumProjection, type Plane, planeFault, sharpestPlane } from './plane';
import { PlaneReader } from './read-plane';

/** Which plane of a z-stack: the sharpest of the marker, the maximum of all, or the one with this number. */
export type PlaneChoice = 'best' | 'max' | number;

export interface ReadFieldOptions {
  /** 'best' unless given; a field without a z-stack is read as it is, whatever this says. */
  z?: PlaneChoice;
  /** What the field must measure: FieldListing.size. */
  size?: { width: number; height: number };
}

/**
 * Reads one plane a role. Of a z-stack, `best` takes the plane whose marker is sharpest (see sharpness) in every
 * channel, `max` the maximum projection of each channel, a number the plane that the layout numbers so.
 * @throws image-invalid, with path and reason, for what is unreadable, of another size, empty or saturated; io-error
 */
export async function readField(
  field: FieldImages,
  options: ReadFieldOptions = {},
): Promise<{ [role: string]: Plane }> {
  const reader = new PlaneReader();
  try {
    return await readPlanes(reader, field, options);
  } finally {
    await reader.close();
  }
}

async function readPlanes(
  reader: PlaneReader,
  field: FieldImages,
  options: ReadFieldOptions,
): Promise<{ [role: string]: Plane }> {
  const { z = 'best', size } = options;
  const roles = Object.keys(field.channels);
  const stacks = new Map<string, PlaneSource[]>();
  for (const role of roles) stacks.set(role, await reader.expand(field.channels[role] as PlaneSource[]));

  const planes: { [role: string]: Plane } = {};
  let best: PlaneSource | undefined;
  for (const role of roles) {
    const stack = stacks.get(role) as PlaneSource[];
    let plane: Plane;
    if (stack.length === 1) plane = await reader.read(stack[0] as PlaneSource);
    else if (z === 'max') plane = maximumProjection(await readStack(reader, stack));
    else if (z === 'best' && best === undefined) {
      const candidates = await readStack(reader, stack);
      const index = sharpestPlane(candidates);
      best = stack[index] as PlaneSource;
      plane = candidates[index] as Plane;
    } else {
      plane = await reader.read(planeWithNumber(stack, z === 'best' ? best?.z : (z as number), field.key));
    }
    const path = (stack[0] as PlaneSource).path;
    const fault = sizeFault(plane, size, planes) ?? planeFault(plane);
    if (fault !== undefined) throw new DeepYeastError('image-invalid', `${path} ${fault}`);
    planes[role] = plane;
  }
  return planes;
}

async function readStack(reader: PlaneReader, stack: readonly PlaneSource[]): Promise<Plane[]> {
  const planes: Plane[] = [];
  for (const source of stack) {
    const plane = await reader.read(source);
    const [first = plane] = planes;
    if (plane.width !== first.width || plane.height !== first.height) {
      throw new DeepYeastError(
        'image-invalid',
        `${source.path} is ${plane.width} x ${plane.height} pixels, expected ${first.width} x ${first.height} as the first plane of its stack`,
      );
    }
    if (plane.data.constructor !== first.data.constructor) {
      throw new DeepYeastError(
        'image-invalid',
        `${source.path} has samples of another type than the first plane of its stack`,
      );
    }
    planes.push(plane);
  }
  return planes;
}

function planeWithNumber(stack: readonly PlaneSource[], z: number | undefined, key: string): PlaneSource {
  const source = stack.find((candidate) => candidate.z === z);
  if (source) return source;
  throw new DeepYeastError(
    'image-invalid',
    `the field ${key} has no plane ${z} in ${(stack[0] as PlaneSource).path}, found the planes ${stack.map((plane) => plane.z).join(', ')}`,
  );
}

function sizeFault(
  { width, height }: Plane,
  size: { width: number; height: number } | undefined,
  others: { [role: string]: Plane },
): string | undefined {
  const found = `is ${width} x ${height} pixels, expected`;
  if (size && (width !== size.width || height !== size.height)) {
    return `${found} ${size.width} x ${size.height} as the other fields`;
  }
  for (const [role, other] of Object.entries(others)) {
    if (width !== other.width || height !== other.height) {
      return `${found} ${other.width} x ${other.height} as the channel ${role}`;
    }
  }
  return undefined;
}
