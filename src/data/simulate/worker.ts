/** A thread of the simulator: draws the stretches of crops that it is sent. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ScreenData, ScreenPainter } from './painter';
import { drawStretch } from './stretch';

const painter = new ScreenPainter(workerData as ScreenData);
const port = parentPort;
port?.on('message', ({ start, count }: { start: number; count: number }) => {
  const stretch = drawStretch(painter, start, count);
  port.postMessage(stretch, [stretch.images.buffer as ArrayBuffer]);
});
