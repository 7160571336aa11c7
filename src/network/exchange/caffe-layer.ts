/** A layer of a Caffe network as its messages hold it. */
export interface Blob {
  shape?: { dim: number[] };
  data: number[];
  double_data: number[];
  num: number;
  channels: number;
  height: number;
  width: number;
}

export type Parameters = Record<string, unknown>;

export interface StateRule {
  phase?: number;
  min_level?: number;
  max_level?: number;
  stage: string[];
  not_stage: string[];
}

export interface Layer {
  name: string;
  type: string;
  bottom: string[];
  top: string[];
  blobs: Blob[];
  include: StateRule[];
  exclude: StateRule[];
  [parameters: `${string}_param`]: Parameters | undefined;
}
