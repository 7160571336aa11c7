/** A thread of the simulator of plates: draws the fields that it is sent. */
import { parentPort, workerData } from 'node:worker_threads';
import { type PlateData, PlatePainter } from './plate-painter';

const painter = new PlatePainter(workerData as PlateData);
const port = parentPort;
port?.on('message', (index: number) => {
  const field = painter.draw(index);
  const buffers = [field.red.data.buffer, field.green.data.buffer, field.labels.buffer] as ArrayBuffer[];
  port.postMessage(field, buffers);
});
