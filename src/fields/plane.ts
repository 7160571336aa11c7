/** One channel of a field of view, as its file stores the samples. */
export interface Plane {
  width: number;
  height: number;
  /** Row by row. */
  data: Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array;
}
