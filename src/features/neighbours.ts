/** Nearest cells by Euclidean distance, in a feature space or in an embedding of it. */
import { DeepYeastError } from '../errors';

/** Points [count, dimensions]. */
export interface Points {
  count: number;
  dimensions: number;
  values: ArrayLike<number>;
}

function requireNeighbours(count: number, neighbours: number): void {
  if (!Number.isSafeInteger(neighbours) || neighbours < 1 || neighbours >= count) {
    throw new DeepYeastError(
      'invalid-argument',
      `found ${neighbours} neighbours asked of ${count} points, expected a whole number from 1 to ${count - 1}`,
    );
  }
}

function squaredDistance({ dimensions, values }: Points, a: number, b: number): number {
  let sum = 0;
  for (let d = 0; d < dimensions; d++) {
    const difference = (values[a * dimensions + d] as number) - (values[b * dimensions + d] as number);
    sum += difference * difference;
  }
  return sum;
}

/** The nearest other points of one point, nearest first, equal distances by position. Throws `invalid-argument`. */
export function nearestPoints(points: Points, point: number, neighbours: number): number[] {
  requireNeighbours(points.count, neighbours);
  const distances = Float64Array.from({ length: points.count }, (_, other) => squaredDistance(points, point, other));
  return nearestOf(distances, point, neighbours);
}

function nearestOf(distances: Float64Array, point: number, neighbours: number): number[] {
  const nearest: number[] = [];
  for (let other = 0; other < distances.length; other++) {
    if (other === point) continue;
    const distance = distances[other] as number;
    const last = nearest[neighbours - 1];
    if (last !== undefined && distance >= (distances[last] as number)) continue;
    let at = nearest.length;
    while (at > 0 && distance < (distances[nearest[at - 1] as number] as number)) at--;
    nearest.splice(at, 0, other);
    if (nearest.length > neighbours) nearest.pop();
  }
  return nearest;
}

/**
 * Class purity: the mean share of a point's nearest neighbours that are of its class, 1 where every class lies by itself.
 * @throws invalid-argument
 */
export function neighbourPurity(points: Points, labels: ArrayLike<number>, neighbours = 10): number {
  requireNeighbours(points.count, neighbours);
  const distances = new Float64Array(points.count);
  let same = 0;
  for (let point = 0; point < points.count; point++) {
    for (let other = 0; other < points.count; other++) distances[other] = squaredDistance(points, point, other);
    for (const other of nearestOf(distances, point, neighbours)) if (labels[other] === labels[point]) same++;
  }
  return same / (points.count * neighbours);
}
