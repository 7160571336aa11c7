/** A process of the simulator: draws the stretches of crops that it is sent. */
import { type ScreenData, ScreenPainter } from './painter';
import { drawStretch } from './stretch';
import { serveTasks } from './task-process';

serveTasks((screen: ScreenData) => {
  const painter = new ScreenPainter(screen);
  return ({ start, count }: { start: number; count: number }) => drawStretch(painter, start, count);
});
