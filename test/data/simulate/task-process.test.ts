import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TaskProcess } from '../../../src/data/simulate/task-process';

// Node.js 20 aborted now and then when a worker thread of the simulator ended while V8 still compiled for it.
describe('a process that does pieces of work', () => {
  let folder: string;
  let module: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'deepyeast-task-process-'));
    module = join(folder, 'multiply.js');
    const dist = resolve(__dirname, '../../../dist');
    writeFileSync(
      module,
      `const { serveTasks } = require(${JSON.stringify(join(dist, 'data/simulate/task-process.js'))});
       const { DeepYeastError } = require(${JSON.stringify(join(dist, 'errors.js'))});
       serveTasks((factor) => (task) => {
         if (task === 'leave') process.exit(3);
         if (task === 'hang') for (;;);
         if (task === 'refuse') throw new DeepYeastError('invalid-argument', 'no such number');
         if (task === 'fault') throw new TypeError('no such thing');
         return { product: factor * task, data: new Uint16Array([task]), pid: process.pid };
       });`,
    );
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const begin = (factor: number) =>
    new TaskProcess<unknown, { product: number; data: Uint16Array; pid: number }>(module, factor);

  test('answers in the order of its work, typed arrays included', async () => {
    const worker = begin(3);
    const answers = await Promise.all([5, 6, 7].map((task) => worker.do(task)));
    expect(answers.map(({ product }) => product)).toEqual([15, 18, 21]);
    expect(answers.map(({ data }) => data)).toEqual([5, 6, 7].map((task) => new Uint16Array([task])));
    expect(worker.load).toBe(0);
    await worker.end();
    expect(() => process.kill((answers[0] as { pid: number }).pid, 0)).toThrow(/ESRCH/);
  });

  test('an error of a task keeps its code and the process goes on', async () => {
    const worker = begin(2);
    await expect(worker.do('refuse')).rejects.toMatchObject({ code: 'invalid-argument', message: 'no such number' });
    await expect(worker.do('fault')).rejects.toThrow('no such thing');
    expect((await worker.do(4)).product).toBe(8);
    await worker.end();
  });

  test('a process that ends by itself fails all that waits and all that comes', async () => {
    const worker = begin(2);
    const waiting = [worker.do('leave'), worker.do(1)];
    for (const work of waiting)
      await expect(work).rejects.toMatchObject({ code: 'io-error', message: expect.stringContaining('status 3') });
    await expect(worker.do(2)).rejects.toMatchObject({ code: 'io-error' });
    await worker.end();
  });

  test('it ends in the middle of a task', async () => {
    const worker = begin(2);
    const hanging = worker.do('hang');
    hanging.catch(() => {});
    await worker.end();
    await expect(hanging).rejects.toMatchObject({ message: expect.stringContaining('SIGKILL') });
    await worker.end();
  });

  test('a module that is not there is an error', async () => {
    const worker = new TaskProcess(join(folder, 'missing.js'), 0);
    await expect(worker.do(1)).rejects.toMatchObject({ code: 'io-error' });
    await worker.end();
  });
});
