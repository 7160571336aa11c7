import type { Root } from 'protobufjs';

/**
 * The part of Caffe's caffe.proto that such a network needs, with its field numbers. What is left out is skipped in a
 * .caffemodel; in a .prototxt, which is text, it would be an error, so everything that stands in usual files is named.
 */
const schema = `
  syntax = "proto2";
  package caffe;
  message BlobShape { repeated int64 dim = 1 [packed = true]; }
  message BlobProto {
    optional BlobShape shape = 7;
    repeated float data = 5 [packed = true];
    repeated float diff = 6 [packed = true];
    repeated double double_data = 8 [packed = true];
    repeated double double_diff = 9 [packed = true];
    optional int32 num = 1 [default = 0];
    optional int32 channels = 2 [default = 0];
    optional int32 height = 3 [default = 0];
    optional int32 width = 4 [default = 0];
  }
  message FillerParameter {
    optional string type = 1; optional float value = 2; optional float min = 3; optional float max = 4;
    optional float mean = 5; optional float std = 6; optional int32 sparse = 7;
    enum VarianceNorm { FAN_IN = 0; FAN_OUT = 1; AVERAGE = 2; }
    optional VarianceNorm variance_norm = 8;
  }
  enum Phase { TRAIN = 0; TEST = 1; }
  message NetState { optional Phase phase = 1; optional int32 level = 2; repeated string stage = 3; }
  message NetStateRule {
    optional Phase phase = 1; optional int32 min_level = 2; optional int32 max_level = 3;
    repeated string stage = 4; repeated string not_stage = 5;
  }
  message ParamSpec {
    enum DimCheckMode { STRICT = 0; PERMISSIVE = 1; }
    optional string name = 1; optional DimCheckMode share_mode = 2; optional float lr_mult = 3; optional float decay_mult = 4;
  }
  message NetParameter {
    optional string name = 1;
    repeated V1LayerParameter layers = 2;
    repeated string input = 3;
    repeated int32 input_dim = 4;
    optional bool force_backward = 5;
    optional NetState state = 6;
    optional bool debug_info = 7;
    repeated BlobShape input_shape = 8;
    repeated LayerParameter layer = 100;
  }
  message V1LayerParameter { repeated string bottom = 2; repeated string top = 3; optional string name = 4; }
  message LayerParameter {
    optional string name = 1;
    optional string type = 2;
    repeated string bottom = 3;
    repeated string top = 4;
    optional Phase phase = 10;
    repeated float loss_weight = 5;
    repeated ParamSpec param = 6;
    repeated BlobProto blobs = 7;
    repeated bool propagate_down = 11;
    repeated NetStateRule include = 8;
    repeated NetStateRule exclude = 9;
    optional TransformationParameter transform_param = 100;
    optional LossParameter loss_param = 101;
    optional AccuracyParameter accuracy_param = 102;
    optional BatchNormParameter batch_norm_param = 139;
    optional ConvolutionParameter convolution_param = 106;
    optional DataParameter data_param = 107;
    optional DropoutParameter dropout_param = 108;
    optional InnerProductParameter inner_product_param = 117;
    optional InputParameter input_param = 143;
    optional PoolingParameter pooling_param = 121;
    optional ReLUParameter relu_param = 123;
    optional ScaleParameter scale_param = 142;
    optional SoftmaxParameter softmax_param = 125;
    optional FlattenParameter flatten_param = 135;
  }
  message TransformationParameter {
    optional float scale = 1; optional bool mirror = 2; optional uint32 crop_size = 3; optional string mean_file = 4;
    repeated float mean_value = 5; optional bool force_color = 6; optional bool force_gray = 7;
  }
  message LossParameter {
    enum NormalizationMode { FULL = 0; VALID = 1; BATCH_SIZE = 2; NONE = 3; }
    optional int32 ignore_label = 1; optional NormalizationMode normalization = 3; optional bool normalize = 2;
  }
  message AccuracyParameter { optional uint32 top_k = 1; optional int32 axis = 2; optional int32 ignore_label = 3; }
  message BatchNormParameter {
    optional bool use_global_stats = 1; optional float moving_average_fraction = 2; optional float eps = 3 [default = 1e-5];
  }
  message ConvolutionParameter {
    enum Engine { DEFAULT = 0; CAFFE = 1; CUDNN = 2; }
    optional uint32 num_output = 1; optional bool bias_term = 2 [default = true];
    repeated uint32 pad = 3; repeated uint32 kernel_size = 4; repeated uint32 stride = 6; repeated uint32 dilation = 18;
    optional uint32 pad_h = 9; optional uint32 pad_w = 10;
    optional uint32 kernel_h = 11; optional uint32 kernel_w = 12; optional uint32 stride_h = 13; optional uint32 stride_w = 14;
    optional uint32 group = 5 [default = 1];
    optional FillerParameter weight_filler = 7; optional FillerParameter bias_filler = 8;
    optional Engine engine = 15; optional int32 axis = 16; optional bool force_nd_im2col = 17;
  }
  message DataParameter {
    enum DB { LEVELDB = 0; LMDB = 1; }
    optional string source = 1; optional uint32 batch_size = 4; optional uint32 rand_skip = 7; optional DB backend = 8;
    optional float scale = 2; optional string mean_file = 3; optional uint32 crop_size = 5; optional bool mirror = 6;
    optional bool force_encoded_color = 9; optional uint32 prefetch = 10;
  }
  message DropoutParameter { optional float dropout_ratio = 1 [default = 0.5]; }
  message InnerProductParameter {
    optional uint32 num_output = 1; optional bool bias_term = 2 [default = true];
    optional FillerParameter weight_filler = 3; optional FillerParameter bias_filler = 4;
    optional int32 axis = 5 [default = 1]; optional bool transpose = 6 [default = false];
  }
  message InputParameter { repeated BlobShape shape = 1; }
  message PoolingParameter {
    enum PoolMethod { MAX = 0; AVE = 1; STOCHASTIC = 2; }
    enum Engine { DEFAULT = 0; CAFFE = 1; CUDNN = 2; }
    enum RoundMode { CEIL = 0; FLOOR = 1; }
    optional PoolMethod pool = 1 [default = MAX];
    optional uint32 pad = 4 [default = 0]; optional uint32 pad_h = 9; optional uint32 pad_w = 10;
    optional uint32 kernel_size = 2; optional uint32 kernel_h = 5; optional uint32 kernel_w = 6;
    optional uint32 stride = 3 [default = 1]; optional uint32 stride_h = 7; optional uint32 stride_w = 8;
    optional Engine engine = 11; optional bool global_pooling = 12; optional RoundMode round_mode = 13;
  }
  message ReLUParameter {
    enum Engine { DEFAULT = 0; CAFFE = 1; CUDNN = 2; }
    optional float negative_slope = 1 [default = 0]; optional Engine engine = 2;
  }
  message ScaleParameter {
    optional int32 axis = 1 [default = 1]; optional int32 num_axes = 2 [default = 1]; optional FillerParameter filler = 3;
    optional bool bias_term = 4 [default = false]; optional FillerParameter bias_filler = 5;
  }
  message SoftmaxParameter {
    enum Engine { DEFAULT = 0; CAFFE = 1; CUDNN = 2; }
    optional Engine engine = 1; optional int32 axis = 2 [default = 1];
  }
  message FlattenParameter { optional int32 axis = 1 [default = 1]; optional int32 end_axis = 2 [default = -1]; }
`;

let parsed: Promise<Root> | undefined;

/** Caffe's messages for protobufjs, which is loaded on first use. */
export function caffeMessages(): Promise<Root> {
  parsed ??= import('protobufjs').then(({ parse }) => parse(schema, { keepCase: true }).root);
  return parsed;
}
