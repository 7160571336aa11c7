/** A process of the simulator of plates: draws the fields that it is sent. */
import { serveTasks } from '../task-process';
import { type PlateData, PlatePainter } from './plate-painter';

serveTasks((plate: PlateData) => {
  const painter = new PlatePainter(plate);
  return (index: number) => painter.draw(index);
});
