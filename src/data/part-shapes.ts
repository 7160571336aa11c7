/** What a part of a path may look like: digits, a well, a word, a systematic name of an open reading frame. */

/** Kinds that a pattern may name, as in `{field:number}`. */
export const partKinds = ['number', 'well', 'word', 'orf'] as const;
export type PartKind = (typeof partKinds)[number];

/** `labelled number` is found in sets of paths only: letters and digits, as in f01 or plate3. */
export type PartShape = PartKind | 'labelled number';

/** Where a part that begins at `start` may end: pairs of the first and the last end, ascending. */
export type Ends = readonly number[];

const isDigit = (code: number) => code >= 48 && code <= 57;
const isLetter = (code: number) => (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
/** What stands between the parts of a name. */
const separators = new Set('-_. ,;+=~#@()[]{}');

/** A01, A1, AF48; no A00. */
const well = /[A-Za-z]{1,2}(?:0[1-9]|[1-4]\d|[1-9])/y;
/** Nuclear, mitochondrial and plasmid genes: YER087C-B, Q0045, R0010W. */
const orf = /(?:Y[A-P][LR]\d{3}[CW](?:-[A-Z])?|Q\d{4}|R\d{4}[CW])/iy;

const whole: Record<PartShape, RegExp> = {
  number: /^\d+$/,
  'labelled number': /^[A-Za-z]+\d+$/,
  well: /^[A-Za-z]{1,2}(?:0[1-9]|[1-4]\d|[1-9])$/,
  word: /^[^-_. ,;+=~#@()[\]{}]+$/,
  orf: /^(?:Y[A-P][LR]\d{3}[CW](?:-[A-Z])?|Q\d{4}|R\d{4}[CW])$/i,
};

/** Whether a text has a shape. */
export function hasShape(text: string, shape: PartShape): boolean {
  return whole[shape].test(text);
}

/** The ends of all parts of a shape that begin at `start`, in time that grows with the part's length alone. */
export function shapeEnds(shape: PartShape, text: string, start: number): Ends {
  switch (shape) {
    case 'number':
      return run(text, start, start);
    case 'labelled number': {
      let letters = start;
      while (letters < text.length && isLetter(text.charCodeAt(letters))) letters++;
      return letters === start ? [] : run(text, letters, letters);
    }
    case 'word': {
      let end = start;
      while (end < text.length && !separators.has(text[end] as string)) end++;
      return end === start ? [] : [start + 1, end];
    }
    case 'well': {
      well.lastIndex = start;
      const found = well.exec(text)?.[0];
      if (found === undefined) return [];
      const end = start + found.length;
      // A12 may be A1 and a 2.
      return /[1-4]\d$/.test(found) ? [end - 1, end] : [end, end];
    }
    case 'orf': {
      orf.lastIndex = start;
      const found = orf.exec(text)?.[0];
      if (found === undefined) return [];
      const end = start + found.length;
      return found.at(-2) === '-' ? [end - 2, end - 2, end, end] : [end, end];
    }
  }
}

/** Digits from `from` on. */
function run(text: string, from: number, first: number): Ends {
  let end = from;
  while (end < text.length && isDigit(text.charCodeAt(end))) end++;
  return end === from ? [] : [first + 1, end];
}

/** What the parts of this name usually are, the narrowest first; tried against a whole set of paths. */
export function usualShapes(name: string): readonly PartShape[] {
  const known = name.toLowerCase();
  if (known === 'class' || known === 'channel') return [];
  if (['protein', 'orf', 'strain', 'gene'].includes(known)) return ['orf'];
  if (known === 'well') return ['well', 'number', 'labelled number'];
  return ['number', 'labelled number'];
}
