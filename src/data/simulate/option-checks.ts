/** Checks of the simulator's options. */
import { DeepYeastError } from '../../errors';

export function requireOneOf<Name extends string>(option: string, value: Name, names: readonly Name[]): Name {
  if (!names.includes(value))
    throw new DeepYeastError('invalid-argument', `${option} is "${value}", expected one of ${names.join(', ')}`);
  return value;
}

export function requireShare(option: string, value: number): number {
  if (!(value >= 0 && value <= 1))
    throw new DeepYeastError('invalid-argument', `${option} is ${value}, expected a share from 0 to 1`);
  return value;
}

export function requireWhole(option: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new DeepYeastError('invalid-argument', `${option} is ${value}, expected a whole number ${range}`);
}

export function requireBetween(option: string, value: number, low: number, high: number): number {
  if (!(value >= low && value <= high))
    throw new DeepYeastError('invalid-argument', `${option} is ${value}, expected a number from ${low} to ${high}`);
  return value;
}
