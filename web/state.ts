/** What the page shows, and what changes it. */
import { batch, computed, signal } from '@preact/signals';
import type {
  Answer,
  CellRow,
  CellRows,
  ClassRequest,
  Event,
  Queue,
  QueuedCell,
  Session,
  StepRequest,
  Training,
  View,
  ViewFilters,
  ViewSort,
  Written,
} from '../src/workbench/protocol';
import { enqueue, sendWaiting } from './outbox';
import { get, NoAnswer, post, Refusal } from './server';

export const session = signal<Session | null>(null);
export const view = signal<View | null>(null);
export const filters = signal<ViewFilters>({});
export const sort = signal<ViewSort>('order');
export const sortClass = signal(0);
export const seed = signal(0);
/** Position in the view of the cell that keys act on, and the other end of what is selected. */
export const current = signal(0);
export const anchor = signal(0);
/** A cell looked at that need not be in the view: a neighbour, or what the queue asks. */
export const outside = signal<number | null>(null);
export const queued = signal<QueuedCell | null>(null);
export const training = signal<Training | null>(null);
/** Grows when posteriors change, so that what shows them asks again. */
export const predicted = signal(0);
/** Grows with the journal. */
export const journal = signal(0);
export const mapChanged = signal(0);
export const notice = signal('');
export const connected = signal(true);
export const panel = signal<'cell' | 'training' | 'classes' | 'map' | 'proteins' | 'plates'>('cell');

export const selectedRange = computed(() => ({
  from: Math.min(anchor.value, current.value),
  to: Math.max(anchor.value, current.value),
}));

/** Says what went wrong where the person can read it. */
export function report(error: unknown): void {
  if (error instanceof NoAnswer) connected.value = false;
  notice.value = error instanceof Error ? error.message : String(error);
}

// Rows of the view, loaded in blocks; the blocks not seen for longest are forgotten. Rows that may have changed stay in
// sight until the new ones are there.
const blockSize = 200;
const mostBlocks = 40;
interface Block {
  rows: CellRow[];
  stale: boolean;
  loading: boolean;
}
const blocks = new Map<number, Block>();
export const rowsChanged = signal(0);

export function rowAt(position: number): CellRow | undefined {
  return blocks.get(Math.floor(position / blockSize))?.rows[position % blockSize];
}

export async function loadRows(from: number, to: number): Promise<void> {
  const list = view.peek();
  if (!list) return;
  for (let number = Math.floor(from / blockSize); number * blockSize <= Math.min(to, list.count - 1); number++) {
    const block = blocks.get(number) ?? { rows: [], stale: true, loading: false };
    blocks.delete(number);
    blocks.set(number, block);
    if (!block.stale || block.loading) continue;
    block.loading = true;
    block.stale = false;
    const address = `views/${encodeURIComponent(list.view)}/cells?from=${number * blockSize}&count=${blockSize}`;
    try {
      const { rows } = await get<CellRows>(address);
      if (view.peek()?.view !== list.view) return;
      block.rows = rows;
      for (const oldest of blocks.keys()) {
        if (blocks.size <= mostBlocks) break;
        blocks.delete(oldest);
      }
    } catch (error) {
      block.stale = true;
      if (error instanceof Refusal && error.code === 'not-found') await openView(true);
      else report(error);
      return;
    } finally {
      block.loading = false;
    }
    rowsChanged.value++;
  }
}

/** Asks again, when they are next in sight, for rows that hold one of the cells, or for all. */
function renewRows(cells: readonly number[] | null): void {
  const changed = cells && new Set(cells);
  for (const block of blocks.values()) {
    if (!changed || block.loading || block.rows.some((row) => changed.has(row.cell))) block.stale = true;
  }
  rowsChanged.value++;
}

let viewsAsked = 0;

/** Shows the cells that pass these filters, and no others. */
export function showOnly(wanted: ViewFilters): void {
  filters.value = wanted;
  void openView();
}

/** Asks for the cells that pass the filters, in the order of the sort. `stay`: the place in the list is kept. */
export async function openView(stay = false): Promise<void> {
  const asked = ++viewsAsked;
  try {
    const request = { filters: filters.peek(), sort: sort.peek(), seed: seed.peek() };
    const withClass = sort.peek() === 'posterior' ? { class: sortClass.peek() } : {};
    const opened = await post<View>('views', { ...request, ...withClass });
    if (asked !== viewsAsked) return;
    batch(() => {
      blocks.clear();
      view.value = opened;
      const last = Math.max(0, opened.count - 1);
      current.value = stay ? Math.min(current.peek(), last) : 0;
      anchor.value = current.value;
      outside.value = null;
      rowsChanged.value++;
      notice.value = '';
    });
  } catch (error) {
    report(error);
  }
}

export async function loadSession(): Promise<void> {
  try {
    session.value = await get<Session>('session');
    connected.value = true;
  } catch (error) {
    report(error);
  }
}

function written(result: Written): void {
  const known = session.peek();
  const { classes, labelCounts, undo, redo, sequence } = result;
  batch(() => {
    if (known) session.value = { ...known, classes, labelCounts, undo, redo, sequence };
    renewRows(result.changed);
    journal.value++;
  });
}

export const send = () => sendWaiting(written, report);

/** Gives cells an answer; it counts when the server has confirmed it. */
export function answer(cells: number[], given: Answer): void {
  if (cells.length === 0) return;
  enqueue('answers', { operations: [{ cells, answer: given }] });
  void send();
}

export function step(direction: 'undo' | 'redo'): void {
  enqueue(direction, {});
  void send();
}

type Without<T> = T extends unknown ? Omit<T, keyof StepRequest> : never;
export function changeClasses(change: Without<ClassRequest>): void {
  enqueue('classes', change);
  void send();
}

/** The cells that an answer is for: the one looked at outside of the view, or all that are selected. */
export async function selectedCells(): Promise<number[]> {
  if (outside.peek() !== null) return [outside.peek()!];
  const { from, to } = selectedRange.peek();
  const list = view.peek();
  if (!list || list.count === 0) return [];
  const cells: number[] = [];
  for (let position = from; position <= to; position++) {
    const row = rowAt(position);
    if (!row) break;
    cells.push(row.cell);
  }
  const most = 2000;
  for (let start = from + cells.length; start <= to; start += most) {
    const count = Math.min(most, to - start + 1);
    const { rows } = await get<CellRows>(`views/${encodeURIComponent(list.view)}/cells?from=${start}&count=${count}`);
    for (const row of rows) cells.push(row.cell);
  }
  return cells;
}

export async function askQueue(): Promise<void> {
  try {
    const next = (await get<Queue>('queue?count=1')).cells[0];
    batch(() => {
      queued.value = next ?? null;
      outside.value = next?.cell ?? null;
      panel.value = 'cell';
      notice.value = next ? '' : 'the queue has no more questions';
    });
  } catch (error) {
    report(error);
  }
}

/** Follows what the server and other tabs do. */
export function listen(): void {
  const events = new EventSource('/api/events');
  events.onopen = () => {
    connected.value = true;
    void loadSession();
    void get<Training>('training').then((state) => {
      training.value = state;
    }, report);
    renewRows(null);
    void send();
  };
  events.onerror = () => {
    connected.value = false;
    // A server that answers with an error ends the connection for good.
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
  events.onmessage = (message) => {
    const event = JSON.parse(message.data as string) as Event;
    if (event.event === 'journal') {
      if (event.sequence <= (session.peek()?.sequence ?? -1)) return;
      void loadSession();
      renewRows(null);
      journal.value++;
    } else if (event.event === 'training') training.value = event.training;
    else if (event.event === 'work') {
      const known = session.peek();
      if (known) session.value = { ...known, work: event.work };
      if (event.work.length < (known?.work.length ?? 0)) void loadSession();
    } else if (event.event === 'predictions') {
      predicted.value++;
      void loadSession();
      if (sort.peek() === 'order' || sort.peek() === 'random') renewRows(null);
      else void openView(true);
    } else if (event.event === 'map') mapChanged.value++;
  };
}
