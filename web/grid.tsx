/** The grid of cells: sheets drawn by the server, of which only those in sight are loaded. */
import { signal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { drawing, scale, scaleBar } from './display';
import { anchor, current, loadRows, outside, rowAt, rowsChanged, selectedRange, session, view } from './state';

/** Browsers draw no element higher than some 17 million pixels: a longer list shares this height. */
const mostHeight = 8e6;
const sheetRows = 4;

export const columns = signal(10);
const top = signal(0);
const size = signal({ width: 800, height: 600 });

/** Height of a row in pixels of the screen. */
const rowHeight = () => (session.value?.cropSize ?? 64) * scale.value;

export function Grid() {
  const box = useRef<HTMLDivElement>(null);
  const dragging = useRef(false);
  const count = view.value?.count ?? 0;
  const height = rowHeight();
  const wide = Math.max(1, Math.min(64, Math.floor(size.value.width / height)));
  const rows = Math.ceil(count / wide);
  const whole = rows * height;
  const drawn = Math.min(whole, mostHeight);
  const farthest = Math.max(0, whole - size.value.height);
  const farthestDrawn = Math.max(1, drawn - size.value.height);
  const factor = whole > drawn ? farthest / farthestDrawn : 1;

  useEffect(() => {
    columns.value = wide;
  }, [wide]);

  useEffect(() => {
    const element = box.current!;
    const measure = new ResizeObserver(() => {
      size.value = { width: element.clientWidth, height: element.clientHeight };
    });
    measure.observe(element);
    const release = () => {
      dragging.current = false;
    };
    addEventListener('pointerup', release);
    return () => {
      measure.disconnect();
      removeEventListener('pointerup', release);
    };
  }, []);

  // The wheel moves by pixels of the list, also where the scroll bar stands for more than it is high.
  useEffect(() => {
    const element = box.current!;
    const turn = (event: WheelEvent) => {
      if (factor === 1 || event.ctrlKey) return;
      event.preventDefault();
      moveTo(element, Math.max(0, Math.min(farthest, top.peek() + event.deltaY)), factor);
    };
    element.addEventListener('wheel', turn, { passive: false });
    return () => element.removeEventListener('wheel', turn);
  }, [factor, farthest]);

  useSignalEffect(() => {
    const row = Math.floor(current.value / columns.value);
    const element = box.current;
    if (!element || !view.value) return;
    const [start, end] = [row * rowHeight(), (row + 1) * rowHeight()];
    const sight = size.peek().height;
    if (start < top.peek()) moveTo(element, start, factor);
    else if (end > top.peek() + sight) moveTo(element, end - sight, factor);
  });

  const scrolled = (event: { currentTarget: HTMLDivElement }) => {
    const place = event.currentTarget.scrollTop * factor;
    if (Math.abs(place - top.peek()) > factor) top.value = place;
  };
  const offset = Math.min(top.value, farthest);
  const firstSheet = Math.floor(offset / height / sheetRows);
  const lastSheet = Math.min(
    Math.ceil(rows / sheetRows) - 1,
    Math.floor((offset + size.value.height) / height / sheetRows),
  );
  const firstCell = Math.floor(offset / height) * wide;
  const lastCell = Math.min(count, (Math.floor((offset + size.value.height) / height) + 1) * wide) - 1;
  useEffect(() => {
    if (count > 0) void loadRows(firstCell, lastCell);
  }, [firstCell, lastCell, count, rowsChanged.value]);

  const choose = (event: PointerEvent) => {
    const target = event.target instanceof Element ? event.target.closest('[data-position]') : null;
    if (!(target instanceof HTMLElement)) return;
    if (event.type === 'pointerdown') dragging.current = true;
    else if (!dragging.current) return;
    const position = Number(target.dataset.position);
    outside.value = null;
    current.value = position;
    if (event.type === 'pointerdown' && !event.shiftKey) anchor.value = position;
  };
  const sheets = [];
  for (let sheet = firstSheet; sheet <= lastSheet; sheet++) {
    const from = sheet * sheetRows * wide;
    const many = Math.min(sheetRows * wide, count - from);
    const query = `from=${from}&count=${many}&columns=${wide}&${drawing(scale.value)}`;
    sheets.push(
      <img
        key={`${view.value?.view} ${sheet}`}
        class="sheet"
        alt=""
        draggable={false}
        src={`/api/views/${encodeURIComponent(view.value?.view ?? '')}/sheet.png?${query}`}
        style={{ transform: `translateY(${sheet * sheetRows * height - offset}px)` }}
      />,
    );
  }
  const cells = [];
  for (let row = Math.floor(firstCell / wide); row * wide <= lastCell; row++) {
    const inRow = [];
    for (let position = row * wide; position < Math.min(count, (row + 1) * wide); position++) {
      inRow.push(<Place key={position} position={position} x={(position % wide) * height} side={height} />);
    }
    cells.push(
      // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus, its active cell is named by aria-activedescendant
      // biome-ignore lint/a11y/useSemanticElements: a table cannot be placed by pixels
      <div
        key={row}
        class="row"
        role="row"
        aria-rowindex={row + 1}
        style={{ transform: `translateY(${row * height - offset}px)` }}
      >
        {inRow}
      </div>,
    );
  }
  const pixelSize = session.value?.pixelSize;
  const bar = pixelSize ? scaleBar(pixelSize, scale.value) : null;
  return (
    <section class="grid-frame" aria-label="Cells">
      {/* biome-ignore lint/a11y/useSemanticElements: a table cannot be placed by pixels */}
      <div
        id="grid"
        ref={box}
        class="grid"
        role="grid"
        tabIndex={0}
        aria-label={`${count} cells`}
        aria-multiselectable="true"
        aria-rowcount={rows}
        aria-colcount={wide}
        aria-activedescendant={count > 0 ? `cell-${current.value}` : undefined}
        onScroll={scrolled}
        onPointerDown={choose}
        onPointerOver={choose}
      >
        <div class="in-sight" role="presentation">
          {sheets}
          {cells}
        </div>
        <div class="height" role="presentation" style={{ height: `${drawn}px` }} />
      </div>
      {count === 0 && view.value && <p class="empty">No cell passes the filters.</p>}
      {bar && (
        <p class="scale-bar">
          <span style={{ width: `${bar.pixels}px` }} /> {bar.length} µm
        </p>
      )}
    </section>
  );
}

function moveTo(element: HTMLElement, place: number, factor: number): void {
  top.value = place;
  element.scrollTop = place / factor;
}

function Place({ position, x, side }: { position: number; x: number; side: number }) {
  rowsChanged.value;
  const row = rowAt(position);
  const { from, to } = selectedRange.value;
  const selected = outside.value === null && position >= from && position <= to;
  const classes = session.value?.classes ?? [];
  const given = row?.label === null || row?.label === undefined ? undefined : classes[row.label];
  const sign = row ? (given?.name ?? { skip: '–', unsure: '?', 'not-a-cell': '×' }[row.state as string] ?? '') : '';
  const name = row ? `${row.name}, ${given?.name ?? row.state}${row.protein ? `, ${row.protein}` : ''}` : 'loading';
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
    // biome-ignore lint/a11y/useSemanticElements: a table cannot be placed by pixels
    <div
      id={`cell-${position}`}
      role="gridcell"
      data-position={position}
      data-state={row?.state}
      aria-selected={selected}
      aria-label={name}
      class={`place${position === current.value ? ' current' : ''}`}
      style={{ left: `${x}px`, width: `${side}px`, height: `${side}px` }}
    >
      {sign && <span class={`sign ${row?.state ?? ''}`}>{sign}</span>}
    </div>
  );
}
