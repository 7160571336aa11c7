import type { Root } from 'protobufjs';

/** The part of onnx.proto3 that such a graph needs, with the field numbers of the ONNX specification. */
const schema = `
  syntax = "proto3";
  package onnx;
  message OperatorSetIdProto { string domain = 1; int64 version = 2; }
  message StringStringEntryProto { string key = 1; string value = 2; }
  message TensorProto { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
  message AttributeProto { string name = 1; float f = 2; int64 i = 3; repeated int64 ints = 8; int32 type = 20; }
  message NodeProto {
    repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4;
    repeated AttributeProto attribute = 5;
  }
  message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
  message TensorShapeProto { repeated Dimension dim = 1; }
  message TensorType { int32 elem_type = 1; TensorShapeProto shape = 2; }
  message TypeProto { TensorType tensor_type = 1; }
  message ValueInfoProto { string name = 1; TypeProto type = 2; string doc_string = 3; }
  message GraphProto {
    repeated NodeProto node = 1; string name = 2; repeated TensorProto initializer = 5; string doc_string = 10;
    repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12;
  }
  message ModelProto {
    int64 ir_version = 1; string producer_name = 2; string producer_version = 3; string domain = 4; int64 model_version = 5;
    string doc_string = 6; GraphProto graph = 7; repeated OperatorSetIdProto opset_import = 8;
    repeated StringStringEntryProto metadata_props = 14;
  }
`;

let parsed: Promise<Root> | undefined;

/** ONNX's messages for protobufjs, which is loaded on first use. */
export function onnxMessages(): Promise<Root> {
  parsed ??= import('protobufjs').then(({ parse }) => parse(schema, { keepCase: true }).root);
  return parsed;
}

export const elementTypes = { float32: 1, uint8: 2, int64: 7 } as const;
export const attributeTypes = { float: 1, int: 2, ints: 7 } as const;
