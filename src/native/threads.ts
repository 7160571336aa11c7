import { DeepYeastError } from '../errors';
import { parseWholeNumber } from '../files/number';

/** DEEPYEAST_THREADS, or 0: as many as the process may use. */
export function threadsFromEnvironment(): number {
  const text = process.env.DEEPYEAST_THREADS;
  if (text === undefined || text === '') return 0;
  const threads = parseWholeNumber(text.trim());
  if (threads === undefined || threads < 1 || threads > 1024) {
    throw new DeepYeastError('invalid-argument', `DEEPYEAST_THREADS is ${text}; expected an integer from 1 to 1024`);
  }
  return threads;
}
