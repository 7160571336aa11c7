/** The processes that draw a screen's crops. What they draw does not depend on their number. */
import { compiledModule } from '../../files/separate-process';
import { workInOrder } from './in-order';
import { type ScreenData, ScreenPainter } from './painter';
import { drawStretch, type Stretch } from './stretch';

/** Crops in one piece of work: some 50 ms. */
const stretchLength = 64;
/** Drawn stretches that wait for the writer, per process. */
const ahead = 4;

/** Draws all crops of a screen and yields them in order. */
export function drawScreen(screen: ScreenData, threads: number, signal?: AbortSignal): AsyncGenerator<Stretch> {
  const total = screen.protein.length;
  const stretches = Array.from({ length: Math.ceil(total / stretchLength) }, (_, i) => {
    const start = i * stretchLength;
    return { start, count: Math.min(stretchLength, total - start) };
  });
  const here = () => {
    const painter = new ScreenPainter(screen);
    return ({ start, count }: { start: number; count: number }) => drawStretch(painter, start, count);
  };
  const module = () => compiledModule(__dirname, 'stretch-process');
  return workInOrder(stretches, { module, data: screen, here, ahead }, threads, signal);
}
