// TensorFlow.js: BENCH_TFJS names the backend: cpu (pure JavaScript), wasm (SIMD, one thread), or tensorflow
// (tfjs-node, where its addon is there). Inference with batch normalization folded; training with the layers API.
import { createRequire } from 'node:module';
import { foldedLayers, readModel, transposed } from './model-file.js';
import { cells, save, serve, timedEach } from './protocol.js';

const require = createRequire(import.meta.url);
const backend = process.env.BENCH_TFJS;
const tf = backend === 'tensorflow' ? require('@tensorflow/tfjs-node') : require('@tensorflow/tfjs');
if (backend === 'wasm') {
  const wasm = require('@tensorflow/tfjs-backend-wasm');
  const { dirname } = require('node:path');
  wasm.setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
}
await tf.setBackend(backend);
await tf.ready();

const model = readModel(process.env.BENCH_MODEL);
const { imageSize: size, channels, classes, blocks, dense, normalizationEpsilon } = model.topology;
const mean = tf.tensor(model.tensors.get('mean_image').values, [1, size, size, channels]);
const layers = foldedLayers(model).map((layer) => {
  const { kind, shape, weight, bias } = layer;
  const kernel =
    kind === 'convolution'
      ? tf.tensor(transposed(weight, shape, [1, 2, 3, 0]), [shape[1], shape[2], shape[3], shape[0]])
      : tf.tensor(transposed(weight, shape, [1, 0]), [shape[1], shape[0]]);
  return { ...layer, kernel, offset: tf.tensor(bias) };
});

function toInput(pixels, batch) {
  const images = tf.tensor(pixels, [batch, size, size, channels], 'int32');
  return tf.mul(tf.sub(tf.cast(images, 'float32'), mean), model.scale);
}

function forward(pixels, batch) {
  return tf.tidy(() => {
    let x = toInput(pixels, batch);
    for (const { kind, kernel, offset, relu, pool } of layers) {
      const activation = relu ? 'relu' : 'linear';
      if (kind === 'convolution') {
        x = tf.fused.conv2d({ x, filter: kernel, strides: 1, pad: 'same', bias: offset, activation });
        if (pool) x = tf.maxPool(x, 2, 2, 'valid');
      } else {
        x = tf.fused.matMul({ a: tf.reshape(x, [batch, -1]), b: kernel, bias: offset, activation });
      }
    }
    return tf.softmax(x);
  });
}

/** The layers API's model with the shared weights. */
function trainable() {
  const network = tf.sequential();
  let inputShape = [size, size, channels];
  const normalize = (weights) => {
    network.add(tf.layers.batchNormalization({ momentum: 0.9, epsilon: normalizationEpsilon, weights }));
    network.add(tf.layers.reLU());
  };
  const values = (name) => {
    const { shape, values: data } = model.tensors.get(name);
    return tf.tensor(data, shape);
  };
  const statistics = (layer) =>
    ['gamma', 'beta', 'running_mean', 'running_variance'].map((part) => values(`${layer}.${part}`));
  blocks.forEach((widths, block) => {
    widths.forEach((filters, i) => {
      const name = `conv${block + 1}_${i + 1}`;
      const kernel = tf.transpose(values(`${name}.weight`), [1, 2, 3, 0]);
      const options = { filters, kernelSize: 3, padding: 'same', useBias: false, weights: [kernel] };
      network.add(tf.layers.conv2d(inputShape ? { ...options, inputShape } : options));
      inputShape = undefined;
      normalize(statistics(name));
    });
    network.add(tf.layers.maxPooling2d({ poolSize: 2 }));
  });
  network.add(tf.layers.flatten());
  dense.forEach((units, i) => {
    const name = `fc${i + 1}`;
    network.add(tf.layers.dense({ units, useBias: false, weights: [tf.transpose(values(`${name}.weight`))] }));
    normalize(statistics(name));
  });
  const last = `fc${dense.length + 1}`;
  const weights = [tf.transpose(values(`${last}.weight`)), values(`${last}.bias`)];
  network.add(tf.layers.dense({ units: classes, weights }));
  return network;
}

await serve(
  {
    name: { cpu: 'tfjs', wasm: 'tfjs-wasm', tensorflow: 'tfjs-node' }[backend],
    version:
      backend === 'tensorflow'
        ? `${tf.version_core} on TensorFlow ${tf.backend().binding.TF_Version}`
        : tf.version_core,
    device: backend,
  },
  {
    async inference({ batch, repeats, images, result }) {
      const pixels = cells(images).subarray(0, batch * size * size * channels);
      let posteriors;
      const seconds = await timedEach(repeats, async () => {
        const output = forward(pixels, batch);
        posteriors = await output.data();
        output.dispose();
      });
      save(result, posteriors);
      return { seconds };
    },
    async training({ batch, repeats, images, labels, rate, result }) {
      if (backend !== 'tensorflow') return { unsupported: true }; // no gradient of a convolution, or hours
      const network = trainable();
      // Caffe's momentum and this one are the same where the rate does not change.
      const optimizer = tf.train.momentum(rate, 0.9);
      const variables = network.trainableWeights.map((weight) => weight.val);
      const pixels = cells(images);
      const step = batch * size * size * channels;
      const losses = [];
      const seconds = await timedEach(repeats, async (i) => {
        const loss = tf.tidy(() => {
          const { value, grads } = tf.variableGrads(() => {
            const x = toInput(pixels.subarray(i * step, (i + 1) * step), batch);
            const target = tf.oneHot(tf.tensor1d(labels.slice(i * batch, (i + 1) * batch), 'int32'), classes);
            return tf.losses.softmaxCrossEntropy(target, network.apply(x, { training: true }));
          }, variables);
          for (const variable of variables) {
            if (variable.rank < 2) continue; // decay acts on convolution and dense weights only
            grads[variable.name] = tf.add(grads[variable.name], tf.mul(variable, 0.0005));
          }
          optimizer.applyGradients(grads);
          return value;
        });
        losses.push((await loss.data())[0]);
        loss.dispose();
      });
      // In deepyeast's layouts: [output, 3, 3, input] and [output, input].
      const weights = variables.map((variable) =>
        tf.tidy(() => {
          const order = { 4: [3, 0, 1, 2], 2: [1, 0] }[variable.rank];
          return (order ? tf.transpose(variable, order) : variable).dataSync();
        }),
      );
      save(
        result,
        Buffer.concat(weights.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength))),
      );
      network.dispose();
      optimizer.dispose();
      return { seconds, losses };
    },
  },
);
