/**
 * The endpoints of the workbench: what the page, or a script, asks and what the server answers. Types, and the lists of names that a request may hold.
 *
 * Everything lies under /api and speaks JSON unless its line says otherwise. A request carries the cookie that
 * `GET /?token=TOKEN` sets (a script may send `Authorization: Bearer TOKEN` instead). A request that fails is answered
 * with a status from 400 on and an ErrorBody. Requests with a body must be `application/json`.
 *
 * A cell is known by its row in the dataset, counted from 0. A class is known by its number, the position in
 * Session.classes; a class keeps its number for good, also when it is renamed or merged into another.
 *
 * | request | answer |
 * | --- | --- |
 * | GET /api/session | Session |
 * | POST /api/views (ViewRequest) | View |
 * | GET /api/views/:view/cells?from=&count= (count up to 2,000) | CellRows |
 * | GET /api/views/:view/sheet.png?from=&count=&columns=&... (SheetQuery) | PNG |
 * | GET /api/views/:view/position?cell= | Position |
 * | GET /api/cells/:cell | CellDetail |
 * | GET /api/cells/:cell/picture.png (PictureQuery) | PNG of one cell |
 * | GET /api/cells/:cell/field.png | PNG of its field, outlines drawn, the cell marked; 404 `not-available` without fields |
 * | POST /api/answers (AnswersRequest) | Written; it is on the disk when the answer comes |
 * | POST /api/undo, POST /api/redo (StepRequest) | Written |
 * | POST /api/classes (ClassRequest) | Written |
 * | GET /api/queue?count= (count up to 200; default 1) | Queue |
 * | GET /api/training | Training |
 * | POST /api/training (TrainingRequest) | Training, started |
 * | POST /api/use | Used: every cell is predicted with the latest classifier; views made afterwards follow it |
 * | POST /api/save (SaveRequest) | Saved |
 * | GET /api/map | binary: float32 x, y of every cell in the dataset's order, little endian; 404 `not-available` before it is made |
 * | POST /api/map (MapRequest) | MapState, started |
 * | GET /api/proteins | Proteins |
 * | GET /api/plates | Plates |
 * | GET /api/plates/:plate?column= | PlateHeat; :plate is the position in Plates.plates |
 * | GET /api/events | server-sent events, each an Event as JSON in `data:` |
 */

/** What a request that failed is answered with. */
export interface ErrorBody {
  error: {
    /** Stable: a code of docs/errors.md, or `not-found`, `not-available`, `forbidden`, `not-ready`, `too-large`. */
    code: string;
    message: string;
  };
}

/** A class that a cell can be given. */
export interface ClassEntry {
  /** Its number, for good. */
  id: number;
  name: string;
  /** The key of the keyboard that gives it; null where keys have run out. */
  key: string | null;
  /** The number of the class that it was merged into, else null. Such a class is not offered any more. */
  mergedInto: number | null;
  /** Whether the dataset had it, or it was added here. */
  origin: 'dataset' | 'added';
  /** Cells that carry it now: by an answer, or else by the dataset. */
  labels: number;
}

/** GET /api/session */
export interface Session {
  /** Name of the dataset or screen: the name of its folder. */
  name: string;
  kind: 'dataset' | 'screen';
  /** Number of cells. */
  cells: number;
  classes: ClassEntry[];
  /** Names of the channels, in the order of SheetQuery's numbers. */
  channels: string[];
  /** Width and height of a crop in pixels. */
  cropSize: number;
  /** Length of a pixel in micrometres, for the scale bar; null where it is not known. */
  pixelSize: number | null;
  /** The network that was given, else null. */
  model: { name: string; classes: string[] } | null;
  /** What is there, so that the page can leave out what is not. */
  has: {
    /** Micrographs with outlines. */
    fields: boolean;
    plates: boolean;
    proteins: boolean;
    /** Features of every cell are computed: queue, training, neighbours, map. False while they are being computed. */
    features: boolean;
    /** Posteriors of every cell. False while they are being computed. */
    predictions: boolean;
    map: boolean;
  };
  /** Answers by kind, over cells. */
  labelCounts: LabelCounts;
  undo: number;
  redo: number;
  /** Sequence number of the journal's last line. */
  sequence: number;
  /** What is being computed now, most important first. */
  work: Work[];
  /** Values that the column `quality` of cells.csv takes: what ViewFilters.flags may name. */
  flags: string[];
  /** Names of the plates, as ViewFilters.plates may name them. */
  plates: string[];
  /** Who labels, as the journal writes it. */
  who: string;
  /** The classes of the posteriors: names in the order of CellDetail.posterior. Empty while there are none. */
  calledClasses: string[];
}

export interface LabelCounts {
  /** Cells given a class here. */
  answered: number;
  skip: number;
  unsure: number;
  'not-a-cell': number;
  /** Cells with a class from the dataset that nobody has answered here. */
  fromDataset: number;
  none: number;
}

/** Something that runs in the background. */
export interface Work {
  what: 'features' | 'predictions' | 'map' | 'training' | 'use' | 'save';
  /** 0 to 1; null where it cannot be known. */
  share: number | null;
  /** What went wrong; null while all is well. */
  error: string | null;
}

/** The state of a cell's label. `dataset`: a class from the dataset that nobody has answered here. */
export type LabelState = (typeof labelStates)[number];
export const labelStates = ['answered', 'dataset', 'skip', 'unsure', 'not-a-cell', 'none'] as const;

/** Filters combine: a cell must pass all that are given. A list that is absent or empty lets every cell pass. */
export interface ViewFilters {
  /** Numbers of classes: the cell's label is one of them. */
  labels?: number[];
  /** Positions in Session.calledClasses: the cell is called one of them. */
  called?: number[];
  /** Exact names. */
  proteins?: string[];
  plates?: string[];
  wells?: string[];
  /** Values of Session.flags. */
  flags?: string[];
  states?: LabelState[];
  /** Found in the cell's name, protein, plate or well, whatever the case. At most 200 characters. */
  text?: string;
  /** Rows of cells: a lasso on the map. */
  cells?: number[];
}

/**
 * `order`: as in the dataset. `least-certain`: smallest largest posterior first. `suspect`: the label with the smallest
 * posterior first. `unlike-class`: farthest from the mean of its class (its label, or its call) in features, first.
 * `random`: by the seed. `near-duplicates`: cells with nearly the same features stand together. `posterior`: by the
 * posterior of `class`, largest first. Ties are in the order of the dataset.
 */
export type ViewSort = (typeof viewSorts)[number];
export const viewSorts = [
  'order',
  'least-certain',
  'suspect',
  'unlike-class',
  'random',
  'near-duplicates',
  'posterior',
] as const;

/** POST /api/views. A sort that needs what is not there yet is answered with 409 `not-ready`. */
export interface ViewRequest {
  filters?: ViewFilters;
  /** Default `order`. */
  sort?: ViewSort;
  /** For `posterior`: position in Session.calledClasses. */
  class?: number;
  /** For `random`; default 0. */
  seed?: number;
}

/** A list of cells in an order, which the server holds. The oldest of many are forgotten: 404 `not-found`, ask again. */
export interface View {
  view: string;
  /** Cells in it. */
  count: number;
}

/** GET /api/views/:view/cells */
export interface CellRows {
  from: number;
  rows: CellRow[];
}

export interface CellRow {
  /** Row in the dataset. */
  cell: number;
  name: string;
  protein: string;
  plate: string;
  well: string;
  field: string;
  /** Number of its class: answered here, else the dataset's; null where it has none. */
  label: number | null;
  state: LabelState;
  /** Position in Session.calledClasses, and its posterior; null while there are no predictions. */
  called: number | null;
  confidence: number | null;
  /** The column `quality` of cells.csv; '' without. */
  flag: string;
}

/**
 * Query of GET /api/views/:view/sheet.png: cells in a grid without gaps, row by row; places beyond the last cell are
 * transparent.
 */
export interface SheetQuery {
  from: number;
  /** Up to 400. */
  count: number;
  /** Default 10, up to 64. */
  columns?: number;
  /** Pixels of the sheet a pixel of a crop: 0.25, 0.5, 1, 2, 3 or 4; default 1. */
  scale?: number;
  /** Numbers of the channels to show, with commas between; default all. */
  channels?: string;
  /**
   * By channel: intensities drawn black and full, 0 to 255 (low0=10&high0=180). Default 0 and 255. Channel 0 is red,
   * 1 green, 2 blue; a single one of all is grey. With `palette=colour-blind` magenta, green and blue.
   */
  [contrast: `low${number}` | `high${number}`]: number;
  palette?: 'red-green' | 'colour-blind';
}

/** Query of GET /api/cells/:cell/picture.png; scale up to 8. */
export type PictureQuery = Omit<SheetQuery, 'from' | 'count' | 'columns'>;

/** GET /api/views/:view/position */
export interface Position {
  /** Where the cell stands in the view; null where it is not in it. */
  position: number | null;
}

/** GET /api/cells/:cell */
export interface CellDetail {
  row: CellRow;
  /** In the order of Session.calledClasses; null while there are no predictions. */
  posterior: number[] | null;
  /** Centre in its field, pixels; null where it is not known. */
  x: number | null;
  y: number | null;
  source: string;
  /** Most similar cells by cosine of features, nearest first; null while there are no features. */
  neighbours: { cell: number; similarity: number }[] | null;
  /** Its protein; null where it has none. */
  protein: ProteinRow | null;
  /** Answers given to it, latest last. */
  history: { sequence: number; who: string; when: string; answer: Answer }[];
}

/** What a person says of a cell. `none` takes the answer back: the dataset's label, if any, holds again. */
export type Answer = { class: number } | { state: (typeof answerStates)[number] };
export const answerStates = ['skip', 'unsure', 'not-a-cell', 'none'] as const;

/** POST /api/answers. All operations together are one step of undo. */
export interface AnswersRequest {
  /** Names the tab, up to 64 characters. */
  client: string;
  /** Unique among the client's requests, up to 64 characters; a request that is repeated is not done twice. */
  request: string;
  operations: { cells: number[]; answer: Answer }[];
}

/** POST /api/undo and /api/redo. */
export interface StepRequest {
  client: string;
  request: string;
}

/** POST /api/classes. Names: up to 100 characters, no control characters, not empty. */
export type ClassRequest = StepRequest &
  (
    | { do: 'add'; name: string }
    | { do: 'rename'; class: number; name: string }
    /** All cells of `class` become cells of `into`. */
    | { do: 'merge'; class: number; into: number }
  );

/** What was written into the journal, and how things stand now. */
export interface Written {
  sequence: number;
  /** Whether this request had been done before and was not done again. */
  repeated: boolean;
  undo: number;
  redo: number;
  labelCounts: LabelCounts;
  /** As in Session; with answers the counts of labels have changed. */
  classes: ClassEntry[];
  /** Cells whose label changed: up to 10,000 of them; null where there were more, and the page asks for its rows again. */
  changed: number[] | null;
}

/** GET /api/queue */
export interface Queue {
  cells: QueuedCell[];
}

export interface QueuedCell {
  cell: number;
  row: CellRow;
  /**
   * `uncertain`: the classifier hesitates between two classes. `new-ground`: unlike everything that has an answer.
   * `rare-class`: called a class with few answers. `suspect`: the dataset's label and the classifier differ.
   */
  reason: 'uncertain' | 'new-ground' | 'rare-class' | 'suspect';
  /** The reason in a sentence. */
  text: string;
}

/** POST /api/training. */
export interface TrainingRequest {
  kind: 'logistic' | 'forest' | 'fine-tune';
  /** Mini-batches of fine-tune, 1 to 5,000; default 200. */
  iterations?: number;
}

/** GET /api/training */
export interface Training {
  state: 'idle' | 'running' | 'failed';
  /** What runs or ran last; null before the first. */
  kind: TrainingRequest['kind'] | null;
  /** Of what runs: 0 to 1, null where it cannot be known. */
  share: number | null;
  error: string | null;
  /** Train by itself after so many answers. */
  every: number;
  /** Answers given since the last training. */
  since: number;
  /** Why nothing can be trained yet (two classes with answers are needed), else null. */
  wanting: string | null;
  /** Held-out accuracy over answers given, one point a training, oldest first. */
  curve: CurvePoint[];
  /** Of the last training; null before. */
  confusion: {
    /** Numbers of the classes, in the order of rows (truth) and columns (called). */
    classes: number[];
    counts: number[][];
  } | null;
}

export interface CurvePoint {
  kind: TrainingRequest['kind'];
  /** Cells with a class at that time. */
  labels: number;
  /** Share of them called rightly by a classifier that saw no cell of their protein; null with fewer than two proteins. */
  accuracy: number | null;
  /** 95% interval by bootstrap over proteins; null where it cannot be known. */
  low: number | null;
  high: number | null;
  proteins: number;
  seconds: number;
}

/** POST /api/use */
export interface Used {
  cells: number;
  calledClasses: string[];
}

/** POST /api/save. `name`: letters, digits, `-` and `_`, up to 64; it goes into the folder of the journal, new every time. */
export interface SaveRequest {
  what: 'model' | 'labels' | 'dataset';
  name: string;
}

export interface Saved {
  /** Path on the machine of the server, to show. */
  path: string;
  /** Cells in it; null for a model. */
  cells: number | null;
}

/** POST /api/map */
export interface MapRequest {
  /** Default umap. */
  kind?: 'umap' | 'tsne';
}

export interface MapState {
  state: 'idle' | 'running' | 'ready' | 'failed';
  kind: 'umap' | 'tsne' | null;
  error: string | null;
}

/** GET /api/proteins */
export interface Proteins {
  /** Names of the classes of the mixtures: Session.calledClasses. */
  classes: string[];
  proteins: ProteinRow[];
}

export interface ProteinRow {
  protein: string;
  cells: number;
  /** Position of the called class; null while there are no predictions, as are the three below. */
  called: number | null;
  /** Soft count / cells, of each class. */
  mixture: number[] | null;
  /** 95% intervals of each class's share, assuming independent cells and calibrated posteriors. */
  low: number[] | null;
  high: number[] | null;
}

/** GET /api/plates */
export interface Plates {
  plates: string[];
  /** What a heat map can show: names for `column=`. */
  columns: string[];
}

/** GET /api/plates/:plate?column= */
export interface PlateHeat {
  plate: string;
  column: string;
  rows: number;
  columns: number;
  /** Wells with cells. row and position count from 0; value null where it is not known. */
  wells: { well: string; row: number; position: number; value: number | null; cells: number; proteins: string[] }[];
}

/** GET /api/events. */
export type Event =
  /** The journal has a new line, written by this or another tab. */
  | { event: 'journal'; sequence: number; client: string }
  | { event: 'work'; work: Work[] }
  | { event: 'training'; training: Training }
  | { event: 'map'; map: MapState }
  /** Posteriors of all cells have changed: ask for rows and views again. */
  | { event: 'predictions' };
