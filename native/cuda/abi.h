// What libdeepyeast_cuda exports: one function, deepyeast_cuda(), that returns a table of functions. Handles are opaque, no
// exception and no type of the standard library crosses; a function that fails returns a status other than 0 and leaves a
// code of src/errors.ts and a message behind for its thread. The C++ interface, engine/backend.h, is put around this table
// on the addon's side: client/cuda_backend.h.
//
// Every change of this file or of engine/shapes.h raises DEEPYEAST_CUDA_ABI. `abi` and `version` stay the first members.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "../engine/shapes.h"

#define DEEPYEAST_CUDA_ABI 3u

namespace deepyeast {

enum CudaPrecision { cuda_float32 = 0, cuda_tf32 = 1, cuda_bfloat16 = 2 };

struct CudaOptions {
  int device;                // ordinal
  CudaPrecision precision;
  const char* cache_folder;  // of the plans; null: none is kept
};

struct CudaDevice {
  char name[128];
  int major, minor;          // compute capability
  int multiprocessors;
  uint64_t memory, free_memory;  // bytes; free_memory is 0 unless it was asked for
  int supported;             // whether the library holds code for it
};

struct CudaVersions {
  int driver, runtime;       // as 13000 for 13.0; driver 0: none
  int cudnn, cublas;         // as 92400 for 9.24.0, 130101 for 13.1.1
};

// system/random.h's streams: key, stream, iteration, purpose.
struct CudaStream {
  uint32_t key[2], stream, iteration, purpose;
};

struct CudaNormalization {
  const float* input;
  BatchStatistics statistics;
  const float* gamma;
  const float* beta;
  const CudaStream* dropout;  // null: none
};

struct CudaGather {
  int batch, size, channels;
  const uint8_t* images;
  const uint8_t* augmentation;
  const float* mean;
  float scale;
  const CellPerturbation* perturbations;
  CudaStream white_noise, correlated_noise;
};

struct CudaIteration {
  int batch, size, channels;
  const uint8_t* images;
  const uint32_t* rows;
  const int32_t* labels;
  const uint8_t* augmentation;
  uint32_t iteration;
  float learning_rate;
  const CellPerturbation* perturbations;
  const float* targets;
  int classes;
};

struct CudaUpdateRange {
  size_t offset, count;
  float weight_decay;
};

struct CudaUpdate {
  const CudaUpdateRange* ranges;
  size_t range_count;
  float learning_rate, momentum;
  int caffe_momentum;
  float* parameters;
  float* velocity;
  const float* gradient;
};

// What Recording::run is to do.
enum CudaRecordingStep { cuda_run = 0, cuda_record = 1, cuda_replayed = 2 };

struct CudaContext;
struct CudaConvolution;
struct CudaDense;
struct CudaRecording;

struct CudaTable {
  uint32_t abi;
  const char* version;

  const char* (*error_code)(void);
  const char* (*error_message)(void);

  // Without a context. devices: at most `capacity` are written, `count` is how many there are. free_memory: whether that is
  // wanted too, which takes some memory of every device and of time.
  int (*versions)(CudaVersions* versions);
  int (*devices)(CudaDevice* devices, int capacity, int free_memory, int* count);

  int (*create)(const CudaOptions* options, CudaContext** context);
  void (*destroy)(CudaContext* context);
  const char* (*description)(CudaContext* context);  // lives as long as the context
  int (*available_memory)(CudaContext* context, size_t* bytes);

  // Device memory, zero-filled; activations are `count` values of the context's activation type.
  int (*allocate)(CudaContext* context, size_t floats, float** memory);
  int (*allocate_activations)(CudaContext* context, size_t count, float** memory);
  void (*release)(CudaContext* context, float* memory);
  int (*upload)(CudaContext* context, const float* host, size_t count, float* device);
  int (*download)(CudaContext* context, const float* device, size_t count, float* host);
  int (*download_later)(CudaContext* context, const float* device, size_t count, float* host);
  int (*finish)(CudaContext* context);
  int (*upload_activations)(CudaContext* context, const float* host, size_t count, float* device);
  int (*download_activations)(CudaContext* context, const float* device, size_t count, float* host);
  int (*staging)(CudaContext* context, size_t bytes, uint8_t** host);

  // Images that stay on the device: held says whether those of `id` are there. hold makes room (fits 0: there is none),
  // put copies a stretch of them.
  int (*held)(CudaContext* context, uint64_t id, int* held);
  int (*hold)(CudaContext* context, uint64_t id, uint64_t count, size_t image_bytes, int* fits);
  int (*put)(CudaContext* context, uint64_t first, size_t number, const uint8_t* images, int last);

  int (*recording_create)(CudaContext* context, CudaRecording** recording);
  void (*recording_destroy)(CudaRecording* recording);
  int (*recording_begin)(CudaRecording* recording, CudaRecordingStep* step);
  // After the operations; failed: they threw. again: the recording did not succeed, so they must be run once more.
  int (*recording_end)(CudaRecording* recording, int failed, int* again);

  int (*begin_iteration)(CudaContext* context, const CudaIteration* iteration);
  int (*end_iteration)(CudaContext* context);
  // The results since the last call, at most `capacity` (most_pending is enough where it is called before as many are
  // enqueued); more: there are others.
  int (*collect)(CudaContext* context, StepResult* results, int capacity, int* count, int* more);

  int (*convolution_create)(CudaContext* context, const ConvolutionShape* shape, int training,
                            CudaConvolution** convolution);
  void (*convolution_destroy)(CudaConvolution* convolution);
  int (*convolution_set_weights)(CudaConvolution* convolution, const float* weights);
  int (*convolution_forward)(CudaConvolution* convolution, int batch, const float* input, float* output,
                             const BatchStatistics* statistics);
  int (*convolution_infer)(CudaConvolution* convolution, int batch, const float* input,
                           const InferenceEpilogue* epilogue, float* output);
  int (*convolution_backward_data)(CudaConvolution* convolution, int batch, const float* output_gradient,
                                   float* input_gradient);
  int (*convolution_backward_weights)(CudaConvolution* convolution, int batch, const float* input,
                                      const float* output_gradient, float* weight_gradient);

  int (*dense_create)(CudaContext* context, const DenseShape* shape, int training, CudaDense** dense);
  void (*dense_destroy)(CudaDense* dense);
  int (*dense_set_weights)(CudaDense* dense, const float* weights);
  int (*dense_forward)(CudaDense* dense, int batch, const float* input, const float* bias, float* output,
                       const BatchStatistics* statistics);
  int (*dense_infer)(CudaDense* dense, int batch, const float* input, const InferenceEpilogue* epilogue,
                     float* output);
  int (*dense_backward_data)(CudaDense* dense, int batch, const float* output_gradient, float* input_gradient);
  int (*dense_backward_weights)(CudaDense* dense, int batch, const float* input, const float* output_gradient,
                                float* weight_gradient, float* bias_gradient);

  int (*gather)(CudaContext* context, const CudaGather* arguments, float* output);
  int (*normalization_forward)(CudaContext* context, const NormalizationShape* shape,
                               const CudaNormalization* arguments, float* output);
  int (*normalization_backward)(CudaContext* context, const NormalizationShape* shape,
                                const CudaNormalization* arguments, const float* output_gradient,
                                float* input_gradient, float* gamma_gradient, float* beta_gradient);
  int (*running_statistics)(CudaContext* context, int channels, size_t count, float momentum,
                            const BatchStatistics* statistics, float* running_mean, float* running_variance);
  int (*softmax)(CudaContext* context, int batch, int classes, const float* logits, float* posterior);
  int (*softmax_cross_entropy)(CudaContext* context, int batch, int classes, const float* logits,
                               const int32_t* labels, const float* targets, double* losses, int32_t* predicted,
                               float* logits_gradient);
  int (*average)(CudaContext* context, size_t count, float share, const float* values, float* average);
  int (*update)(CudaContext* context, const CudaUpdate* update);

  // How convolutions are carried out: text of client/plan_cache.h. *text lives until the next call. use_plans: *warning
  // (same life) is empty where all of them can be taken.
  int (*plans)(CudaContext* context, const char** text);
  int (*use_plans)(CudaContext* context, const char* text, const char** warning);

  // For measuring: from profile_begin to profile_end operations are timed one by one and nothing is recorded or replayed;
  // *text is lines of "milliseconds<TAB>calls<TAB>name".
  int (*profile_begin)(CudaContext* context);
  int (*profile_end)(CudaContext* context, const char** text);
  // Waits for all enqueued work; milliseconds since the last call, on the device's clock (negative the first time).
  int (*elapsed)(CudaContext* context, double* milliseconds);
  // What went other than planned, in sentences: recordings that fell back, shapes without an engine. Empty: nothing.
  int (*notes)(CudaContext* context, const char** text);
};

}  // namespace deepyeast

extern "C" {
typedef const deepyeast::CudaTable* (*deepyeast_cuda_function)(void);
#if defined(DEEPYEAST_CUDA_LIBRARY)
__attribute__((visibility("default"))) const deepyeast::CudaTable* deepyeast_cuda(void);
#endif
}
