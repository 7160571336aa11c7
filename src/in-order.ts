import { throwIfAborted } from './abort';

/**
 * Works on a few items at a time and yields the results in the order of the items. The first failure, in that order, ends
 * it; what runs by then is waited for.
 *
 * @param concurrency items in work at once; no more results than that wait for their turn
 * @throws what `work` throws; aborted
 */
export async function* inOrder<Item, Result>(
  items: Iterable<Item>,
  concurrency: number,
  work: (item: Item) => Promise<Result>,
  signal?: AbortSignal | undefined,
): AsyncGenerator<Result> {
  const running: Promise<Result>[] = [];
  try {
    for (const item of items) {
      throwIfAborted(signal);
      const result = work(item);
      // Handled when its turn comes; until then a failure must not count as unhandled.
      result.catch(() => {});
      running.push(result);
      if (running.length >= concurrency) yield await (running.shift() as Promise<Result>);
    }
    while (running.length > 0) {
      throwIfAborted(signal);
      yield await (running.shift() as Promise<Result>);
    }
  } finally {
    // Whoever stops early must not find files still being read.
    await Promise.allSettled(running);
  }
}
