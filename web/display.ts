/** How cells are drawn: nothing of it changes a label or a number. */
import { signal } from '@preact/signals';

export const scale = signal(1);
export const scales = [0.5, 1, 2, 3, 4] as const;
export const shown = signal<boolean[]>([]);
export const contrast = signal<{ low: number; high: number }[]>([]);
export const palette = signal<'red-green' | 'colour-blind'>('colour-blind');

/** The part of a picture's address that says how it is drawn. */
export function drawing(size: number): string {
  const query = new URLSearchParams({ scale: String(size), palette: palette.value });
  const channels = shown.value.flatMap((on, channel) => (on ? [channel] : []));
  if (channels.length > 0) query.set('channels', channels.join(','));
  contrast.value.forEach(({ low, high }, channel) => {
    query.set(`low${channel}`, String(low));
    query.set(`high${channel}`, String(high));
  });
  return query.toString();
}

/** Length in micrometres that is round and at most 60 pixels of the screen long. */
export function scaleBar(pixelSize: number, size: number): { length: number; pixels: number } {
  const most = (60 / size) * pixelSize;
  const power = 10 ** Math.floor(Math.log10(most));
  const length = [5, 2, 1].map((step) => step * power).find((step) => step <= most) ?? power;
  return { length, pixels: (length / pixelSize) * size };
}
