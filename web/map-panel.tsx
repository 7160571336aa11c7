/** The map of all cells, drawn by WebGL; what is enclosed by the pointer goes into the grid. */
import { useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { MapState } from '../src/workbench/protocol';
import { getBytes, post, Refusal } from './server';
import { filters, mapChanged, notice, report, session, showOnly } from './state';

const side = 600;
/** The server takes so many cells by number. */
const mostEnclosed = 1_000_000;

const vertexShader = `attribute vec2 place; void main() { gl_Position = vec4(place, 0.0, 1.0); gl_PointSize = 2.0; }`;
const fragmentShader = `precision mediump float; void main() { gl_FragColor = vec4(0.0, 0.45, 0.70, 0.6); }`;

/** Moves x, y pairs into -1..1, by one scale for both. */
function centred(points: Float32Array): Float32Array {
  const low = [Infinity, Infinity];
  const high = [-Infinity, -Infinity];
  for (let i = 0; i < points.length; i++) {
    low[i % 2] = Math.min(low[i % 2]!, points[i]!);
    high[i % 2] = Math.max(high[i % 2]!, points[i]!);
  }
  const half = Math.max(high[0]! - low[0]!, high[1]! - low[1]!, 1e-9) / 1.9;
  return points.map((value, i) => (value - (low[i % 2]! + high[i % 2]!) / 2) / half);
}

function draw(canvas: HTMLCanvasElement, points: Float32Array): void {
  const gl = canvas.getContext('webgl');
  if (!gl) throw new Error('this browser has no WebGL, which the map needs');
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, vertexShader],
    [gl.FRAGMENT_SHADER, fragmentShader],
  ] as const) {
    const shader = gl.createShader(kind);
    if (!shader) throw new Error('the map could not be drawn: WebGL was lost');
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  gl.useProgram(program);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, points, gl.STATIC_DRAW);
  const place = gl.getAttribLocation(program, 'place');
  gl.enableVertexAttribArray(place);
  gl.vertexAttribPointer(place, 2, gl.FLOAT, false, 0, 0);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
  gl.drawArrays(gl.POINTS, 0, points.length / 2);
}

/** Cells whose points lie inside of the polygon, by the even-odd rule. */
export function enclosed(points: Float32Array, polygon: readonly (readonly [number, number])[]): number[] {
  const cells: number[] = [];
  for (let cell = 0; cell * 2 < points.length; cell++) {
    const [x, y] = [points[2 * cell]!, points[2 * cell + 1]!];
    let inside = false;
    for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
      const [[xi, yi], [xj, yj]] = [polygon[i]!, polygon[j]!];
      if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
    }
    if (inside) cells.push(cell);
  }
  return cells;
}

async function make(kind: 'umap' | 'tsne'): Promise<void> {
  try {
    await post<MapState>('map', { kind });
    notice.value = 'the map is being made';
  } catch (error) {
    report(error);
  }
}

export function MapPanel() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const points = useRef<Float32Array>(new Float32Array());
  const lasso = useRef<[number, number][] | null>(null);
  useSignalEffect(() => {
    mapChanged.value;
    getBytes('map').then(
      (bytes) => {
        points.current = centred(new Float32Array(bytes));
        if (canvas.current) draw(canvas.current, points.current);
      },
      (error) => {
        if (!(error instanceof Refusal && error.code === 'not-available')) report(error);
      },
    );
  });
  const placeOf = (event: PointerEvent): [number, number] => {
    const box = canvas.current!.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * 2 - 1, 1 - ((event.clientY - box.top) / box.height) * 2];
  };
  const end = () => {
    const polygon = lasso.current;
    lasso.current = null;
    if (!polygon || polygon.length < 3) return;
    const cells = enclosed(points.current, polygon);
    if (cells.length === 0 || cells.length > mostEnclosed) return;
    showOnly({ ...filters.peek(), cells });
  };
  return (
    <div>
      <p>Draw around points to see their cells in the grid. By keyboard, the filters choose cells.</p>
      <button type="button" disabled={!session.value?.has.features} onClick={() => void make('umap')}>
        Make UMAP
      </button>
      <button type="button" disabled={!session.value?.has.features} onClick={() => void make('tsne')}>
        Make t-SNE
      </button>
      <canvas
        ref={canvas}
        class="map"
        width={side}
        height={side}
        aria-label="map of the cells"
        role="img"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          lasso.current = [placeOf(event)];
        }}
        onPointerMove={(event) => lasso.current?.push(placeOf(event))}
        onPointerUp={end}
      />
    </div>
  );
}
