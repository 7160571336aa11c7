export { type BioimageAuthor, type BioimageOptions, type BioimagePackage, exportBioimageModel } from './bioimage-model';
export { type CaffeImportOptions, importCaffe, readMeanImage } from './caffe';
export type { ImportOptions } from './imported-network';
export { importKeras, type KerasImportOptions } from './keras';
export {
  exportOnnx,
  type OnnxDescription,
  type OnnxLayerOutput,
  type OnnxOptions,
  type OnnxValue,
  onnxModel,
} from './onnx';
export { exportSafetensors, type SafetensorsExportOptions } from './safetensors-model';
