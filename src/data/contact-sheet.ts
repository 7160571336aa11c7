/** Contact sheets: for every class its name and some of its cells (the paper's Figures 1b and 4a). */
import { drawText } from './lettering';
import { blankPicture, drawCrop, type Picture } from './picture';

/** A class and crops of it, uint8 [size, size, channels] each. */
export interface Panel {
  name: string;
  crops: readonly Uint8Array[];
}

const panelsInRow = 3;
const gap = 12;
const caption = 24;

/** Draws the panels, three in a row, each as wide as the one with the most crops. */
export function contactSheet(
  panels: readonly Panel[],
  { size, channels, zoom }: { size: number; channels: number; zoom: number },
): Picture {
  const tile = size * zoom;
  const most = Math.max(1, ...panels.map(({ crops }) => crops.length));
  const panelWidth = most * (tile + 2) + gap;
  const panelHeight = tile + caption + gap;
  const width = panelsInRow * panelWidth + gap;
  const picture = blankPicture(width, Math.ceil(panels.length / panelsInRow) * panelHeight + gap);
  for (const [index, { name, crops }] of panels.entries()) {
    const left = gap + (index % panelsInRow) * panelWidth;
    const top = gap + Math.floor(index / panelsInRow) * panelHeight;
    drawText(name.toLowerCase(), (x, y) => {
      // A name that is longer than its panel is cut.
      if (2 * x + 2 > panelWidth - gap) return;
      for (let dy = 0; dy < 2; dy++)
        for (let dx = 0; dx < 2; dx++) {
          const at = ((top + 3 + 2 * y + dy) * width + left + 2 * x + dx) * 3;
          picture.pixels.fill(30, at, at + 3);
        }
    });
    for (const [i, crop] of crops.entries()) {
      drawCrop(picture, { left: left + i * (tile + 2), top: top + caption, side: tile }, crop, size, channels);
    }
  }
  return picture;
}
