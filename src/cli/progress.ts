/** A progress bar on a terminal, plain lines elsewhere. Made for stderr: data goes to stdout. */
import { plainText } from './plain-text';

export interface ProgressOptions {
  /** What is being done: `import`. */
  label: string;
  /** Units in all, where known. */
  total?: number;
  /** What is counted: `cells`. */
  unit: string;
  /** Where to write. */
  stream: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  /** Milliseconds, for tests. */
  now?: () => number;
}

const terminalInterval = 100;
const plainInterval = 10_000;

/** Shows done and total, the rate and the time left. */
export class Progress {
  private readonly options: ProgressOptions;
  private readonly now: () => number;
  private readonly start: number;
  private readonly terminal: boolean;
  private readonly initial: number;
  private done: number;
  private shown: number;
  private drawn = false;

  /** `initial`: units done before the start (a resumed run), which do not count in the rate. */
  constructor(options: ProgressOptions, initial = 0) {
    this.options = options;
    this.now = options.now ?? (() => performance.now());
    this.start = this.now();
    this.shown = this.start;
    this.terminal = options.stream.isTTY === true;
    this.initial = initial;
    this.done = initial;
  }

  /** `done` units so far; `note` is added to the line. */
  update(done: number, note = ''): void {
    this.done = done;
    const now = this.now();
    if (now - this.shown < (this.terminal ? terminalInterval : plainInterval)) return;
    this.shown = now;
    this.draw(note);
  }

  /** The last line, which stays. */
  finish(note = ''): void {
    this.draw(note);
    if (this.terminal) this.options.stream.write('\n');
    this.drawn = false;
  }

  /** Takes the bar away, so that a message can be written on its line; the next update draws it again. */
  clear(): void {
    if (this.terminal && this.drawn) this.options.stream.write('\r\x1b[2K');
    this.drawn = false;
  }

  private draw(note: string): void {
    const { stream } = this.options;
    const line = plainText(this.line(note));
    if (this.terminal) {
      stream.write(`\r\x1b[2K${line.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`);
      this.drawn = true;
    } else {
      stream.write(`${line}\n`);
    }
  }

  private line(note: string): string {
    const { label, total, unit } = this.options;
    const seconds = (this.now() - this.start) / 1000;
    const rate = seconds > 0 ? (this.done - this.initial) / seconds : 0;
    const parts = [total === undefined ? `${this.done} ${unit}` : `${this.done}/${total} ${unit}`];
    if (rate > 0) parts.push(`${formatRate(rate)} ${unit}/s`);
    if (total !== undefined && this.done < total && rate > 0)
      parts.push(`${formatDuration((total - this.done) / rate)} left`);
    else parts.push(formatDuration(seconds));
    if (note !== '') parts.push(note);
    const bar = this.terminal && total ? `${drawBar(this.done / total)} ` : '';
    return `${label} ${bar}${parts.join(', ')}`;
  }
}

function drawBar(fraction: number): string {
  const width = 20;
  const filled = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return `[${'#'.repeat(filled)}${' '.repeat(width - filled)}]`;
}

/** Three significant digits at least: 0.52, 5.21, 52.1, 521, 5210. */
function formatRate(rate: number): string {
  return rate >= 100 ? rate.toFixed(0) : rate >= 10 ? rate.toFixed(1) : rate.toFixed(2);
}

/** 45 s, 3 min 20 s, 2 h 05 min. */
export function formatDuration(seconds: number): string {
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const minutes = seconds / 60;
  if (minutes < 59.99) {
    const rest = Math.round(seconds % 60);
    return rest === 60
      ? `${Math.floor(minutes) + 1} min 00 s`
      : `${Math.floor(minutes)} min ${String(rest).padStart(2, '0')} s`;
  }
  const whole = Math.round(minutes);
  return `${Math.floor(whole / 60)} h ${String(whole % 60).padStart(2, '0')} min`;
}
