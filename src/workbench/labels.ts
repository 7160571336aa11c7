/** What the journal's lines add up to: the label of every cell, the classes, and the steps that can be undone. */
import { DeepYeastError } from '../errors';
import type { JournalLine, JournalWork } from './journal';
import type { Answer, ClassEntry, LabelCounts, LabelState } from './protocol';

/** Answers as they are held; a class is its number. */
const unanswered = -1;
const answerCodes = { none: unanswered, skip: -2, unsure: -3, 'not-a-cell': -4 } as const;
const stateNames = { [-2]: 'skip', [-3]: 'unsure', [-4]: 'not-a-cell' } as const;

/** Classes that a workbench can have. */
export const mostClasses = 1000;

/** Keys in the order in which classes get them: those that the page has no other use for. */
const classKeys = '1234567890qwertyuiopasdfghjklzxcvbnm';

interface Class {
  name: string;
  mergedInto: number | null;
}

/** What a step changed, to take it back: cells with what they were before and after, or a class. */
type Step =
  | { cells: Uint32Array; before: Int16Array; after: Int16Array }
  | { class: number; before: Class; after: Class };

export class Labels {
  readonly count: number;
  readonly #datasetLabels: Int32Array;
  readonly #datasetClasses: number;
  readonly #answers: Int16Array;
  readonly #classes: Class[];
  readonly #undo: Step[] = [];
  readonly #redo: Step[] = [];

  constructor(datasetLabels: Int32Array, datasetClasses: readonly string[]) {
    this.count = datasetLabels.length;
    this.#datasetLabels = datasetLabels;
    this.#datasetClasses = datasetClasses.length;
    this.#answers = new Int16Array(this.count).fill(unanswered);
    this.#classes = datasetClasses.map((name) => ({ name, mergedInto: null }));
  }

  get undoDepth(): number {
    return this.#undo.length;
  }

  get redoDepth(): number {
    return this.#redo.length;
  }

  /** The class of a cell: answered here, else the dataset's; -1 where it has none. */
  label(cell: number): number {
    const answer = this.#answers[cell] as number;
    return answer < unanswered
      ? -1
      : this.#resolve(answer === unanswered ? (this.#datasetLabels[cell] as number) : answer);
  }

  /** The class that a person gave the cell here; -1 where none did. */
  answeredClass(cell: number): number {
    const answer = this.#answers[cell] as number;
    return answer < 0 ? -1 : this.#resolve(answer);
  }

  state(cell: number): LabelState {
    const answer = this.#answers[cell] as number;
    if (answer >= 0) return 'answered';
    if (answer < unanswered) return stateNames[answer as keyof typeof stateNames];
    return (this.#datasetLabels[cell] as number) >= 0 ? 'dataset' : 'none';
  }

  className(id: number): string {
    return (this.#classes[id] as Class).name;
  }

  /** The numbers of the classes that can be given. */
  get offered(): number[] {
    return [...this.#classes.keys()].filter((id) => this.#classes[id]?.mergedInto === null);
  }

  counts(): LabelCounts {
    const counts: LabelCounts = { answered: 0, skip: 0, unsure: 0, 'not-a-cell': 0, fromDataset: 0, none: 0 };
    for (let cell = 0; cell < this.count; cell++) {
      const state = this.state(cell);
      counts[state === 'dataset' ? 'fromDataset' : state]++;
    }
    return counts;
  }

  classes(): ClassEntry[] {
    const labels = new Float64Array(this.#classes.length + 1);
    for (let cell = 0; cell < this.count; cell++) {
      const at = this.label(cell) + 1;
      labels[at] = (labels[at] as number) + 1;
    }
    let keys = 0;
    return this.#classes.map(({ name, mergedInto }, id) => ({
      id,
      name,
      key: mergedInto === null ? (classKeys[keys++] ?? null) : null,
      mergedInto,
      origin: id < this.#datasetClasses ? 'dataset' : 'added',
      labels: labels[id + 1] as number,
    }));
  }

  /**
   * Whether the work can be done as things stand; nothing is changed.
   * @throws invalid-argument that says what is wrong with it
   */
  check(work: JournalWork): void {
    if (work.do === 'answers') {
      for (const { cells, answer } of work.operations) {
        if ('class' in answer) this.#requireOffered(answer.class);
        for (const cell of cells) if (!(cell < this.count)) throw invalid(`found the cell ${cell} of ${this.count}`);
      }
    } else if (work.do === 'undo') {
      if (this.#undo.length === 0) throw invalid('there is nothing to undo');
    } else if (work.do === 'redo') {
      if (this.#redo.length === 0) throw invalid('there is nothing to redo');
    } else if (work.do === 'add' || work.do === 'rename') {
      if (work.do === 'rename') this.#requireOffered(work.class);
      if (work.do === 'add' && this.#classes.length >= mostClasses) throw invalid(`there are ${mostClasses} classes`);
      const taken = this.#classes.findIndex(({ name, mergedInto }) => mergedInto === null && name === work.name);
      if (taken >= 0) throw invalid(`there is a class named '${work.name}' already`);
    } else if (work.do === 'merge') {
      this.#requireOffered(work.class);
      this.#requireOffered(work.into);
      if (work.class === work.into) throw invalid('a class cannot be merged into itself');
    }
  }

  /** Does what a line says, and returns the cells whose answer changed; null where a class changed. */
  apply(line: JournalLine): Uint32Array | null {
    if (line.do === 'open') return new Uint32Array(0);
    this.check(line);
    if (line.do === 'undo') return this.#move(this.#undo, this.#redo, 'before');
    if (line.do === 'redo') return this.#move(this.#redo, this.#undo, 'after');
    this.#redo.length = 0;
    if (line.do === 'answers') return this.#answer(line.operations);
    if (line.do === 'add') {
      // Not undone: later lines may name its number. A class that is not wanted is renamed or merged.
      this.#classes.push({ name: line.name, mergedInto: null });
      return null;
    }
    const before = this.#classes[line.class] as Class;
    const after = line.do === 'rename' ? { ...before, name: line.name } : { ...before, mergedInto: line.into };
    this.#classes[line.class] = after;
    this.#undo.push({ class: line.class, before, after });
    return null;
  }

  #answer(operations: readonly { cells: readonly number[]; answer: Answer }[]): Uint32Array {
    const before = new Map<number, number>();
    for (const { cells, answer } of operations) {
      const code = 'class' in answer ? answer.class : answerCodes[answer.state];
      for (const cell of cells) {
        if (!before.has(cell)) before.set(cell, this.#answers[cell] as number);
        this.#answers[cell] = code;
      }
    }
    const cells = Uint32Array.from(before.keys());
    this.#undo.push({
      cells,
      before: Int16Array.from(before.values()),
      after: Int16Array.from(cells, (cell) => this.#answers[cell] as number),
    });
    return cells;
  }

  #move(from: Step[], to: Step[], side: 'before' | 'after'): Uint32Array | null {
    const step = from.pop() as Step;
    to.push(step);
    if ('class' in step) {
      this.#classes[step.class] = step[side];
      return null;
    }
    for (const [i, cell] of step.cells.entries()) this.#answers[cell] = step[side][i] as number;
    return step.cells;
  }

  #resolve(label: number): number {
    let id = label;
    for (let next = this.#classes[id]?.mergedInto; next != null; next = this.#classes[id]?.mergedInto) id = next;
    return id;
  }

  #requireOffered(id: number): void {
    if (this.#classes[id]?.mergedInto === null) return;
    throw invalid(`found the class ${id}, expected one of ${this.offered.join(', ')}`);
  }
}

function invalid(message: string): DeepYeastError {
  return new DeepYeastError('invalid-argument', `${message}; ask for the session again`);
}
