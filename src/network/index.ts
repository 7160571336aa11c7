export type { Device, Precision } from '../native';
export {
  type Checkpoint,
  type CheckpointDescription,
  type ModelAbout,
  readCheckpoint,
  readCheckpointDescription,
  type WeightType,
  writeCheckpoint,
  writeModel,
} from './checkpoint';
export type { InputTransform } from './input-transform';
export {
  type ActivationBatch,
  type BatchOptions,
  type DeviceOptions,
  type ImageSource,
  Network,
  type NetworkOptions,
  type PredictionBatch,
  type Predictions,
} from './network';
export { type Depth, depths, layerNames, parameterCount, type TopologyOptions, topologyOf } from './topology';
