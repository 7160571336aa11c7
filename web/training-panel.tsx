/** Retraining: what was learned from the answers, and what to do with it. */
import { signal } from '@preact/signals';
import type { Saved, SaveRequest, Training, TrainingRequest, Used } from '../src/workbench/protocol';
import { get, post } from './server';
import { loadSession, notice, report, session, training } from './state';

const name = signal('first');
const kind = signal<TrainingRequest['kind']>('logistic');

const width = 300;
const height = 140;

function Curve({ curve }: { curve: Training['curve'] }) {
  const points = curve.filter((point) => point.accuracy !== null);
  if (points.length === 0) return null;
  const most = Math.max(1, ...points.map((point) => point.labels));
  const x = (labels: number) => 6 + ((width - 12) * labels) / most;
  const y = (share: number) => 6 + (height - 12) * (1 - share);
  const last = points[points.length - 1]!;
  return (
    <svg
      class="curve"
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={`held-out accuracy over labels; last ${last.accuracy?.toFixed(3)} with ${last.labels} labels`}
    >
      <path d={`M6 6V${height - 6}H${width - 6}`} class="axis" />
      {points.map((point, i) => (
        <g key={i}>
          {point.low !== null && point.high !== null && (
            <path class="interval" d={`M${x(point.labels)} ${y(point.low)}V${y(point.high)}`} />
          )}
          <circle cx={x(point.labels)} cy={y(point.accuracy ?? 0)} r={3} />
        </g>
      ))}
      <polyline points={points.map((point) => `${x(point.labels)},${y(point.accuracy ?? 0)}`).join(' ')} />
    </svg>
  );
}

async function attempt(work: () => Promise<string>): Promise<void> {
  try {
    notice.value = await work();
  } catch (error) {
    report(error);
  }
}

const train = () =>
  attempt(async () => {
    training.value = await post<Training>('training', { kind: kind.peek() });
    return '';
  });

const use = () =>
  attempt(async () => {
    const used = await post<Used>('use', {});
    await loadSession();
    return `${used.cells} cells are predicted by the new classifier`;
  });

const save = (what: SaveRequest['what']) =>
  attempt(async () => `written: ${(await post<Saved>('save', { what, name: name.peek() })).path}`);

export async function loadTraining(): Promise<void> {
  try {
    training.value = await get<Training>('training');
  } catch (error) {
    report(error);
  }
}

export function TrainingPanel() {
  const state = training.value;
  if (!state) return <p>Loading.</p>;
  const last = state.curve.at(-1);
  const { confusion } = state;
  const nameOf = (id: number) => session.value?.classes[id]?.name ?? '';
  return (
    <div>
      <p>
        {state.since} answers since the last training; it trains by itself every {state.every}.
      </p>
      {state.wanting && <p>{state.wanting}</p>}
      <label>
        Classifier
        <select
          value={kind.value}
          onChange={({ currentTarget }) => {
            kind.value = currentTarget.value as typeof kind.value;
          }}
        >
          <option value="logistic">logistic regression</option>
          <option value="forest">forest</option>
          <option value="fine-tune">network, fine-tuned</option>
        </select>
      </label>
      <button type="button" disabled={state.state === 'running'} onClick={() => void train()}>
        Train now
      </button>
      <button type="button" disabled={!last} onClick={() => void use()}>
        Use it
      </button>
      {state.state === 'running' && <progress aria-label="training" value={state.share ?? undefined} />}
      {state.error && <p role="alert">{state.error}</p>}
      <Curve curve={state.curve} />
      {last && (
        <p>
          {last.accuracy === null
            ? 'Held-out accuracy needs two proteins.'
            : `Held-out accuracy ${last.accuracy.toFixed(3)}${last.low === null || last.high === null ? '' : ` (95% ${last.low.toFixed(3)} to ${last.high.toFixed(3)})`}, ${last.labels} labels of ${last.proteins} proteins, ${last.seconds.toFixed(1)} s.`}
        </p>
      )}
      {confusion && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
        <section class="scrolls" tabIndex={0} aria-label="Confusion">
          <table>
            <caption>Truth in rows, called in columns</caption>
            <thead>
              <tr>
                <td />
                {confusion.classes.map((id) => (
                  <th key={id} scope="col">
                    {nameOf(id)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {confusion.classes.map((id, i) => (
                <tr key={id}>
                  <th scope="row">{nameOf(id)}</th>
                  {confusion.counts[i]?.map((count, j) => (
                    <td key={confusion.classes[j]}>{count}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      <h2>Save</h2>
      <label>
        Name
        <input
          value={name.value}
          maxLength={64}
          pattern="[A-Za-z0-9_\-]+"
          onInput={({ currentTarget }) => {
            name.value = currentTarget.value;
          }}
        />
      </label>
      {(['model', 'labels', 'dataset'] as const).map((what) => (
        <button key={what} type="button" onClick={() => void save(what)}>
          Save {what}
        </button>
      ))}
    </div>
  );
}
