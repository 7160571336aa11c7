/** The part of jsfive (which has no types of its own) that the Keras reader uses. It throws strings. */
declare module 'jsfive' {
  export type AttributeValue = string | number | (string | number)[] | null | undefined;

  export class Group {
    readonly keys: string[];
    readonly attrs: Record<string, AttributeValue>;
    get(path: string): Group | Dataset | null;
  }

  export class File extends Group {
    constructor(bytes: ArrayBuffer, name: string);
  }

  export class Dataset {
    readonly shape: number[];
    readonly dtype: unknown;
    readonly value: ArrayLike<number>;
  }
}
