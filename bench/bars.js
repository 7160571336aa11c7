// What the benchmark is held to. A bar whose figure is missing is not met. A name may depend on the result.
const ratio = (name, key, atLeast, aim) => ({
  name,
  value: ({ ratios }) => ratios?.[key],
  unit: 'x',
  atLeast,
  aim,
});
const most = (name, unit, atMost, aim, value) => ({ name, value, unit, atMost, aim });
const megabytes = (kind) => (result) => result.memoryMegabytes?.[kind]?.deepyeast;

const bars = [
  ratio('inference, batch 100, against onnxruntime-node', 'inference.100.onnxruntime-node', 2.7, 3.2),
  ratio('inference, batch 1, against onnxruntime-node', 'inference.1.onnxruntime-node', 2.3, 3),
  ratio(
    'training, batch 100, against PyTorch float32 (best of eager, compiled)',
    'training.100.pytorch-float32',
    2.7,
    3.5,
  ),
  ratio('training, batch 100, against PyTorch bfloat16', 'training.100.pytorch-bfloat16', 1),
  ratio('training, batch 100, against tfjs-node', 'training.100.tfjs-node', 5),
  ratio('inference from JavaScript against C++', 'inference.100.deepyeast-engine', 0.97),
  ratio(
    ({ avx2Rival }) =>
      avx2Rival === 'onnxruntime-node-avx2'
        ? 'AVX2 kernels against onnxruntime-node restricted to AVX2'
        : 'AVX2 kernels against onnxruntime-node, which uses all that the processor has',
    'inference.100.onnxruntime-node.avx2',
    2,
  ),
  ratio('two threads against one', 'inference.100.deepyeast-one-thread', 1.9),
  most('memory, inference at batch 100', 'MB', 200, 150, megabytes('inference.100')),
  most('memory, inference at batch 10,000', 'MB', 200, 150, megabytes('inference.10000')),
  most('memory, training at batch 100', 'MB', 1000, 800, megabytes('training.100')),
  most('start of node to first posterior', 's', 0.2, 0.12, (result) => result.coldStartSeconds?.deepyeast),
];

/** [{name, value, unit, atLeast or atMost, aim, met}] of a result. */
export function judge(result) {
  return bars.map(({ name, value: figure, ...bar }) => {
    const value = figure(result);
    const met = value !== undefined && (bar.atLeast === undefined ? value <= bar.atMost : value >= bar.atLeast);
    return { name: typeof name === 'function' ? name(result) : name, ...bar, value: value ?? null, met };
  });
}
