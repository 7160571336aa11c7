import { describe, expect, test } from 'vitest';
import { formatDuration, Progress } from '../../src/cli/progress';

/** A stream that keeps what is written, and a clock that is set by hand. */
function setUp(terminal: boolean, options: { total?: number; columns?: number } = {}, initial?: number) {
  const written: string[] = [];
  let time = 0;
  const stream = { isTTY: terminal, columns: options.columns ?? 200, write: (text: string) => written.push(text) > 0 };
  const progress = new Progress(
    {
      label: 'import',
      unit: 'images',
      stream: stream as unknown as NodeJS.WritableStream,
      now: () => time,
      ...(options.total === undefined ? {} : { total: options.total }),
    },
    initial,
  );
  return {
    progress,
    written,
    at: (milliseconds: number) => {
      time = milliseconds;
    },
  };
}

describe('on a terminal', () => {
  test('one line is drawn over and over, with rate and time left', () => {
    const { progress, written, at } = setUp(true, { total: 1000 });
    at(2000);
    progress.update(500);
    expect(written).toEqual(['\r\x1b[2Kimport [##########          ] 500/1000 images, 250 images/s, 2 s left']);
  });

  test('not more than ten times a second', () => {
    const { progress, written, at } = setUp(true, { total: 1000 });
    for (let time = 0; time < 1000; time += 10) {
      at(time);
      progress.update(time);
    }
    expect(written.length).toBe(9);
  });

  test('the last line stays, and says how long it took', () => {
    const { progress, written, at } = setUp(true, { total: 1000 });
    at(50);
    progress.update(1000);
    at(4000);
    progress.finish();
    expect(written).toEqual(['\r\x1b[2Kimport [####################] 1000/1000 images, 250 images/s, 4 s', '\n']);
  });

  test('lines are cut to the width of the terminal', () => {
    const { progress, written, at } = setUp(true, { total: 1000, columns: 40 });
    at(2000);
    progress.update(500);
    expect(written[0]!.replace('\r\x1b[2K', '').length).toBe(39);
  });

  test('is cleared for a message, and only once', () => {
    const { progress, written, at } = setUp(true, { total: 10 });
    progress.clear();
    at(1000);
    progress.update(5);
    progress.clear();
    progress.clear();
    expect(written.slice(1)).toEqual(['\r\x1b[2K']);
  });
});

describe('elsewhere', () => {
  test('a plain line every ten seconds and at the end', () => {
    const { progress, written, at } = setUp(false, { total: 100 });
    for (let second = 1; second <= 25; second++) {
      at(second * 1000);
      progress.update(second * 4);
    }
    progress.finish();
    expect(written).toEqual([
      'import 40/100 images, 4.00 images/s, 15 s left\n',
      'import 80/100 images, 4.00 images/s, 5 s left\n',
      'import 100/100 images, 4.00 images/s, 25 s\n',
    ]);
  });

  test('without a total, with a note, from a start that is not 0', () => {
    const { progress, written, at } = setUp(false, {}, 100);
    at(10_000);
    progress.update(150, 'loss 0.5');
    expect(written).toEqual(['import 150 images, 5.00 images/s, 10 s, loss 0.5\n']);
  });
});

test('durations', () => {
  const durations = [0, 59, 59.7, 60, 119.6, 3599, 3600, 7500].map(formatDuration);
  expect(durations).toEqual([
    '0 s',
    '59 s',
    '1 min 00 s',
    '1 min 00 s',
    '2 min 00 s',
    '59 min 59 s',
    '1 h 00 min',
    '2 h 05 min',
  ]);
});
