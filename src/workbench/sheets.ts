/** Pictures of cells for the page: many in one PNG, drawn by channel and contrast. */
import type { Dataset } from '../data/dataset';

export interface Drawing {
  /** Pixels of the picture a pixel of a crop. */
  scale: number;
  /** Numbers of the channels to show. */
  channels: readonly number[];
  /** By channel: what is drawn black and what is drawn full. */
  low: readonly number[];
  high: readonly number[];
  palette: 'red-green' | 'colour-blind';
}

/** Parts of red, green and blue that the first channels are drawn in. */
const palettes = {
  'red-green': [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  'colour-blind': [
    [1, 0, 1],
    [0, 1, 0],
    [0, 0.4, 1],
  ],
} as const;

/**
 * PNG of cells in a grid without gaps, row by row; places beyond the last cell are transparent.
 * @throws images-truncated, io-error
 */
export async function drawSheet(
  dataset: Dataset,
  cells: Uint32Array,
  columns: number,
  drawing: Drawing,
): Promise<Buffer> {
  const { size } = dataset;
  const channels = dataset.channels.length;
  // In the order of the file, so that neighbours are read at once.
  const order = [...cells.keys()].sort((a, b) => (cells[a] as number) - (cells[b] as number));
  const images = await dataset.readImages(Uint32Array.from(order, (at) => cells[at] as number));
  const rows = Math.max(1, Math.ceil(cells.length / columns));
  const width = columns * size;
  const pixels = Buffer.alloc(width * rows * size * 4);
  const tables = colourTables(channels, drawing);
  const bytes = size * size * channels;
  for (const [i, at] of order.entries()) {
    const left = (at % columns) * size;
    const top = Math.floor(at / columns) * size;
    for (let y = 0; y < size; y++) {
      let from = i * bytes + y * size * channels;
      let to = ((top + y) * width + left) * 4;
      for (let x = 0; x < size; x++, from += channels, to += 4) {
        let red = 0;
        let green = 0;
        let blue = 0;
        for (const { channel, table } of tables) {
          const value = (images[from + channel] as number) * 3;
          red += table[value] as number;
          green += table[value + 1] as number;
          blue += table[value + 2] as number;
        }
        pixels[to] = Math.min(255, red);
        pixels[to + 1] = Math.min(255, green);
        pixels[to + 2] = Math.min(255, blue);
        pixels[to + 3] = 255;
      }
    }
  }
  const { default: sharp } = await import('sharp'); // on first use: it takes a while to load
  const sheet = sharp(pixels, { raw: { width, height: rows * size, channels: 4 } });
  const { scale } = drawing;
  if (scale !== 1) {
    const side = Math.max(1, Math.round(size * scale));
    sheet.resize(columns * side, rows * side, { kernel: scale > 1 ? 'nearest' : 'linear', fit: 'fill' });
  }
  return sheet.png({ compressionLevel: 1 }).toBuffer();
}

/** By shown channel: red, green and blue of every intensity. */
function colourTables(channels: number, { channels: shown, low, high, palette }: Drawing) {
  return shown.map((channel) => {
    const colour = channels === 1 ? [1, 1, 1] : (palettes[palette][channel] ?? [0.5, 0.5, 0.5]);
    const [from, to] = [low[channel] ?? 0, high[channel] ?? 255];
    const table = new Float32Array(256 * 3);
    for (let value = 0; value < 256; value++) {
      const share = Math.min(1, Math.max(0, (value - from) / Math.max(1, to - from)));
      for (let c = 0; c < 3; c++) table[value * 3 + c] = Math.round(255 * share * (colour[c] as number));
    }
    return { channel, table };
  });
}
