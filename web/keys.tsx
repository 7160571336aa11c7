/** The keyboard: every key, what it does, and the page that lists them. */
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Answer } from '../src/workbench/protocol';
import { scale, scales } from './display';
import { columns } from './grid';
import {
  anchor,
  answer,
  askQueue,
  current,
  outside,
  queued,
  report,
  selectedCells,
  session,
  step,
  view,
} from './state';

const keysShown = signal(false);
export function showKeys(): void {
  keysShown.value = true;
}
function hideKeys(): void {
  keysShown.value = false;
}

/** Gives the selected cells an answer and goes on: to the next cell, or to the next question of the queue. */
export function give(given: Answer): Promise<void> {
  lastGiven = lastGiven.then(() => giveOne(given));
  return lastGiven;
}

/** Keys that come faster than rows wait for one another, so that each meets the cell that is then current. */
let lastGiven = Promise.resolve();

async function giveOne(given: Answer): Promise<void> {
  try {
    const fromQueue = queued.peek() !== null && outside.peek() === queued.peek()?.cell;
    const alone = outside.peek() === null && anchor.peek() === current.peek();
    answer(await selectedCells(), given);
    if (fromQueue) await askQueue();
    else if (alone) move(1, false);
  } catch (error) {
    report(error);
  }
}

function move(by: number, extend: boolean): void {
  const last = Math.max(0, (view.peek()?.count ?? 1) - 1);
  outside.value = null;
  queued.value = null;
  current.value = Math.max(0, Math.min(last, current.peek() + by));
  if (!extend) anchor.value = current.peek();
}

export function zoom(direction: 1 | -1): void {
  const at = scales.indexOf(scale.peek() as (typeof scales)[number]) + direction;
  scale.value = scales[at] ?? scale.peek();
}

const fixed: { keys: string[]; shown: string; text: string; act: (extend: boolean) => void }[] = [
  { keys: ['ArrowRight'], shown: '→', text: 'next cell (with Shift: select)', act: (extend) => move(1, extend) },
  { keys: ['ArrowLeft'], shown: '←', text: 'cell before', act: (extend) => move(-1, extend) },
  { keys: ['ArrowDown'], shown: '↓', text: 'row below', act: (extend) => move(columns.peek(), extend) },
  { keys: ['ArrowUp'], shown: '↑', text: 'row above', act: (extend) => move(-columns.peek(), extend) },
  {
    keys: ['PageDown'],
    shown: 'Page Down',
    text: 'five rows below',
    act: (extend) => move(5 * columns.peek(), extend),
  },
  { keys: ['PageUp'], shown: 'Page Up', text: 'five rows above', act: (extend) => move(-5 * columns.peek(), extend) },
  { keys: ['Home'], shown: 'Home', text: 'first cell', act: (extend) => move(-1e12, extend) },
  { keys: ['End'], shown: 'End', text: 'last cell', act: (extend) => move(1e12, extend) },
  { keys: [' '], shown: 'Space', text: 'next one: the cell where an answer helps most', act: () => void askQueue() },
  { keys: ['Backspace'], shown: 'Backspace', text: 'take the answer back', act: () => void give({ state: 'none' }) },
  { keys: ['-'], shown: '-', text: 'skip', act: () => void give({ state: 'skip' }) },
  { keys: ['/'], shown: '/', text: 'unsure', act: () => void give({ state: 'unsure' }) },
  { keys: ['Delete', '.'], shown: 'Delete or .', text: 'not a cell', act: () => void give({ state: 'not-a-cell' }) },
  { keys: ['+', '='], shown: '+', text: 'larger', act: () => zoom(1) },
  { keys: ['_'], shown: '_', text: 'smaller', act: () => zoom(-1) },
  { keys: ['?'], shown: '?', text: 'these keys', act: showKeys },
];

export function listenToKeys(): void {
  addEventListener('keydown', (event) => {
    const target = event.target instanceof HTMLElement ? event.target : document.body;
    if (keysShown.peek() || target.closest('input, select, textarea')) return;
    const command = event.ctrlKey || event.metaKey;
    if (command && !event.altKey && /^[zy]$/i.test(event.key)) {
      event.preventDefault();
      step(event.key.toLowerCase() === 'y' || event.shiftKey ? 'redo' : 'undo');
      return;
    }
    if (command || event.altKey) return;
    // A button keeps the keys that press it.
    if (target.closest('button, a, summary') && (event.key === ' ' || event.key === 'Enter')) return;
    const known = session.peek()?.classes.find((entry) => entry.key === event.key && entry.mergedInto === null);
    const found = fixed.find(({ keys }) => keys.includes(event.key));
    if (!known && !found) return;
    event.preventDefault();
    if (known) void give({ class: known.id });
    else found?.act(event.shiftKey);
  });
}

export function Keys() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (keysShown.value) dialog.current?.showModal();
  }, [keysShown.value]);
  if (!keysShown.value) return null;
  const given = (session.value?.classes ?? []).filter(({ key, mergedInto }) => key !== null && mergedInto === null);
  return (
    <dialog ref={dialog} aria-label="Keys" onClose={hideKeys}>
      <h2>Keys</h2>
      <table>
        <tbody>
          {given.map(({ id, key, name }) => (
            <tr key={id}>
              <th scope="row">
                <kbd>{key}</kbd>
              </th>
              <td>{name}</td>
            </tr>
          ))}
          {fixed.map(({ shown, text }) => (
            <tr key={shown}>
              <th scope="row">
                <kbd>{shown}</kbd>
              </th>
              <td>{text}</td>
            </tr>
          ))}
          <tr>
            <th scope="row">
              <kbd>Ctrl+Z</kbd>, <kbd>Ctrl+Y</kbd>
            </th>
            <td>undo, redo</td>
          </tr>
        </tbody>
      </table>
      <button type="button" onClick={() => dialog.current?.close()}>
        Close
      </button>
    </dialog>
  );
}
