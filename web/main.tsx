/** The page of the workbench. */
import { render } from 'preact';
import { CellPanel } from './cell-panel';
import { ClassesPanel } from './classes-panel';
import { contrast, shown } from './display';
import { Filters } from './filters';
import { Grid } from './grid';
import { give, Keys, listenToKeys, showKeys } from './keys';
import { MapPanel } from './map-panel';
import { trouble, waiting } from './outbox';
import { PlatesPanel } from './plates-panel';
import { ProteinsPanel } from './proteins-panel';
import { askQueue, connected, listen, loadSession, notice, openView, panel, session, step, view } from './state';
import './style.css';
import { TrainingPanel } from './training-panel';

const panels = {
  cell: { text: 'Cell', Content: CellPanel },
  classes: { text: 'Classes', Content: ClassesPanel },
  training: { text: 'Retrain', Content: TrainingPanel },
  map: { text: 'Map', Content: MapPanel },
  proteins: { text: 'Proteins', Content: ProteinsPanel },
  plates: { text: 'Plates', Content: PlatesPanel },
} as const;

/** Whether the server has confirmed all that was done. */
function SavedState() {
  const many = waiting.value.length;
  let text = 'all saved';
  if (many > 0) text = trouble.value ? `${many} not saved: ${trouble.value}` : `saving ${many}`;
  return (
    <output id="saved" class={many > 0 ? 'unsaved' : ''}>
      {text}
    </output>
  );
}

function Page() {
  const known = session.value;
  const { Content } = panels[panel.value];
  return (
    <>
      <header>
        <h1>{known?.name ?? 'deepyeast workbench'}</h1>
        <span>
          {view.value?.count ?? 0} of {known?.cells ?? 0} cells
        </span>
        <span>{known?.labelCounts.answered ?? 0} answered</span>
        <SavedState />
        <button type="button" disabled={!known?.undo} onClick={() => step('undo')}>
          Undo
        </button>
        <button type="button" disabled={!known?.redo} onClick={() => step('redo')}>
          Redo
        </button>
        <button type="button" disabled={!known?.has.features} onClick={() => void askQueue()}>
          Next one
        </button>
        {(['skip', 'unsure', 'not-a-cell'] as const).map((state) => (
          <button key={state} type="button" onClick={() => void give({ state })}>
            {state.replaceAll('-', ' ')}
          </button>
        ))}
        <button type="button" onClick={showKeys}>
          Keys
        </button>
        {known?.work.map(({ what, share, error }) => (
          <span key={what}>
            {what} {error ?? (share === null ? 'running' : `${Math.round(100 * share)}%`)}
          </span>
        ))}
      </header>
      <p id="notice" role="status">
        {connected.value
          ? notice.value
          : 'The server does not answer. What is not saved waits and is sent when it is back.'}
      </p>
      <Filters />
      <main>
        <Grid />
        <aside aria-label="Panel">
          <nav aria-label="Panels">
            {Object.entries(panels).map(([key, { text }]) => (
              <button
                key={key}
                type="button"
                aria-pressed={panel.value === key}
                onClick={() => {
                  panel.value = key as keyof typeof panels;
                }}
              >
                {text}
              </button>
            ))}
          </nav>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
          <section class="content" tabIndex={0} aria-label={panels[panel.value].text}>
            <Content />
          </section>
        </aside>
      </main>
      <Keys />
    </>
  );
}

await loadSession();
const channels = session.peek()?.channels ?? [];
shown.value = channels.map(() => true);
contrast.value = channels.map(() => ({ low: 0, high: 255 }));
render(<Page />, document.getElementById('page')!);
await openView();
listen();
listenToKeys();
document.getElementById('grid')?.focus();
