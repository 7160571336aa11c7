// The shared model as an ONNX file, batch normalization folded: uint8 cells [n, size, size, channels] in, posteriors out.
import protobuf from 'protobufjs';
import { foldedLayers, transposed } from './model-file.js';

// The part of onnx.proto3 that such a graph needs, with the field numbers of the ONNX specification.
const schema = protobuf.parse(
  `
  syntax = "proto3";
  message OperatorSetId { string domain = 1; int64 version = 2; }
  message Tensor { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
  message Attribute { string name = 1; int64 i = 3; repeated int64 ints = 8; int32 type = 20; }
  message Node { repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4;
                 repeated Attribute attribute = 5; }
  message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
  message Shape { repeated Dimension dim = 1; }
  message TensorType { int32 elem_type = 1; Shape shape = 2; }
  message Type { TensorType tensor_type = 1; }
  message ValueInfo { string name = 1; Type type = 2; }
  message Graph { repeated Node node = 1; string name = 2; repeated Tensor initializer = 5;
                  repeated ValueInfo input = 11; repeated ValueInfo output = 12; }
  message Model { int64 ir_version = 1; string producer_name = 2; Graph graph = 7; repeated OperatorSetId opset_import = 8; }
`,
  { keepCase: true },
).root;

const elementTypes = { float32: 1, uint8: 2, int64: 7 };
const attributeTypes = { int: 2, ints: 7 };

export function onnxModel(model) {
  const { topology, tensors, scale } = model;
  const { imageSize: size, channels, classes } = topology;
  const node = [];
  const initializer = [];
  const constant = (name, dims, values) => {
    const type = values instanceof BigInt64Array ? 'int64' : 'float32';
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    initializer.push({ name, dims, data_type: elementTypes[type], raw_data: bytes });
    return name;
  };
  let last = 'cells';
  const operation = (op_type, inputs, attributes = {}) => {
    const output = `${op_type}_${node.length}`;
    const attribute = Object.entries(attributes).map(([name, value]) =>
      Array.isArray(value)
        ? { name, ints: value, type: attributeTypes.ints }
        : { name, i: value, type: attributeTypes.int },
    );
    node.push({ name: output, op_type, input: [last, ...inputs], output: [output], attribute });
    last = output;
  };
  operation('Cast', [], { to: elementTypes.float32 });
  operation('Sub', [constant('mean_image', [size, size, channels], tensors.get('mean_image').values)]);
  if (scale !== 1) operation('Mul', [constant('scale', [], Float32Array.of(scale))]);
  operation('Transpose', [], { perm: [0, 3, 1, 2] });
  let flat = false;
  for (const { name, kind, shape, weight, bias, pool, relu } of foldedLayers(model)) {
    if (kind === 'convolution') {
      const [outputs, height, width, inputs] = shape;
      const dims = [outputs, inputs, height, width];
      const kernel = constant(`${name}.weight`, dims, transposed(weight, shape, [0, 3, 1, 2]));
      operation('Conv', [kernel, constant(`${name}.bias`, [outputs], bias)], {
        kernel_shape: [3, 3],
        pads: [1, 1, 1, 1],
      });
    } else {
      if (!flat) {
        operation('Transpose', [], { perm: [0, 2, 3, 1] });
        operation('Reshape', [constant('flat', [2], BigInt64Array.of(-1n, BigInt(shape[1])))]);
        flat = true;
      }
      operation('Gemm', [constant(`${name}.weight`, shape, weight), constant(`${name}.bias`, [shape[0]], bias)], {
        transB: 1,
      });
    }
    if (relu) operation('Relu', []);
    if (pool) operation('MaxPool', [], { kernel_shape: [2, 2], strides: [2, 2] });
  }
  operation('Softmax', [], { axis: -1 });
  const value = (name, elem_type, dims) => ({
    name,
    type: {
      tensor_type: { elem_type, shape: { dim: [{ dim_param: 'n' }, ...dims.map((dim_value) => ({ dim_value }))] } },
    },
  });
  const type = schema.lookupType('Model');
  return type
    .encode(
      type.fromObject({
        ir_version: 8,
        producer_name: 'deepyeast bench',
        opset_import: [{ domain: '', version: 17 }],
        graph: {
          name: 'deepyeast',
          node,
          initializer,
          input: [value('cells', elementTypes.uint8, [size, size, channels])],
          output: [value(last, elementTypes.float32, [classes])],
        },
      }),
    )
    .finish();
}
