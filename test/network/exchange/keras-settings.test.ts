/**
 * What a whole Keras model's configuration says is what the DeepYeast network does, or the file is refused. Each case
 * changes the model_config of test/fixtures/exchange/keras-model.h5 in place: the JSON is written again without its
 * spaces, and the rest filled up with spaces.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { LogLevel } from '../../../src/log';
import { importKeras, type KerasImportOptions } from '../../../src/network/exchange/keras';
import { namedKind } from '../../../src/network/exchange/keras-names';
import { temporaryFolder } from '../../temporary-folder';
import { fixture } from './fixture';

const folder = temporaryFolder();
const options: KerasImportOptions = { classes: ['a', 'b', 'c'] };

interface Layer {
  class_name: string;
  name: string;
  // biome-ignore lint/suspicious/noExplicitAny: a foreign configuration
  config: Record<string, any>;
  inbound_nodes: unknown[];
}

interface Model {
  class_name: string;
  config: { name: string; layers: Layer[]; input_layers: unknown; output_layers: unknown };
}

async function withConfiguration(change: (model: Model, layer: (name: string) => Layer) => void): Promise<string> {
  const bytes = await readFile(fixture('keras-model.h5'));
  const start = bytes.indexOf('{"class_name"');
  const end = bytes.indexOf('}', bytes.indexOf('"output_layers"')) + 2;
  const model = JSON.parse(bytes.toString('utf8', start, end)) as Model;
  change(model, (name) => model.config.layers.find((layer) => layer.name === name) as Layer);
  const text = JSON.stringify(model);
  expect(text.length).toBeLessThanOrEqual(end - start);
  bytes.write(text.padEnd(end - start), start);
  const path = folder.path('changed.h5');
  await writeFile(path, bytes);
  return path;
}

const outcome = (work: Promise<unknown>) =>
  work.then(
    () => 'read',
    (error) => `${error.code}: ${error.message}`,
  );

test('the unchanged configuration is read, in the form of Keras 3 too', async () => {
  expect(await outcome(importKeras(await withConfiguration(() => {}), options))).toBe('read');
  const path = await withConfiguration((model, layer) => {
    model.class_name = 'Functional';
    layer('pool1').config = { name: 'pool1', dtype: { class_name: 'DTypePolicy', config: { name: 'float32' } } };
    layer('input_1').config = { name: 'input_1', batch_shape: [null, 16, 16, 2], ragged: false };
    const history = { class_name: '__keras_tensor__', config: { keras_history: ['relu1_2', 0, 0] } };
    layer('pool1').inbound_nodes = [{ args: [history], kwargs: { mask: null } }];
  });
  expect(await outcome(importKeras(path, options))).toBe('read');
});

const shape = (...extents: (number | null)[]) => ({ batch_input_shape: [null, ...extents] });

describe('refused with the reason:', () => {
  test.each<[string, (layer: (name: string) => Layer, model: Model) => void, RegExp]>([
    // 18 is halved to 9 and, with padding `valid`, to 4; 14 with `same` to 7 and 4: as 16 is.
    [
      'an image side that pools round down',
      (of) => Object.assign(of('input_1').config, shape(18, 18, 2)),
      /18 x 18 pixels, which its 2 pools do not halve without a remainder/,
    ],
    [
      'an image side that pools round up',
      (of) => {
        Object.assign(of('input_1').config, shape(14, 14, 2));
        for (const pool of ['pool1', 'pool2']) of(pool).config.padding = 'same';
      },
      /14 x 14 pixels, which its 2 pools/,
    ],
    [
      'another image side',
      (of) => Object.assign(of('input_1').config, shape(32, 32, 2)),
      /ip1 has 96 inputs, which images of 32 pixels/,
    ],
    [
      'an oblong image',
      (of) => Object.assign(of('input_1').config, shape(16, 32, 2)),
      /images of 32 x 16 pixels; expected square/,
    ],
    [
      'other channels',
      (of) => Object.assign(of('input_1').config, shape(16, 16, 3)),
      /images of 3 channels, but its first convolution conv1_1 takes 2/,
    ],
    [
      'two input shapes',
      (of) => Object.assign(of('conv1_1').config, shape(32, 32, 2)),
      /says two input shapes: \[16, 16, 2\] and, of conv1_1, \[32, 32, 2\]/,
    ],
    ['a vector as input', (of) => Object.assign(of('input_1').config, shape(512)), /for an input of \[null,512\]/],
    [
      'a stride',
      (of) => {
        of('conv1_2').config.strides = [2, 2];
      },
      /conv1_2 with strides \[2,2\]; expected \[1,1\]/,
    ],
    [
      'a dilation',
      (of) => {
        of('conv1_2').config.dilation_rate = [2, 2];
      },
      /conv1_2 with dilation_rate \[2,2\]/,
    ],
    [
      'padding that is Keras’s default',
      (of) => {
        delete of('conv1_2').config.padding;
      },
      /conv1_2 with padding "valid"; expected "same"/,
    ],
    [
      'groups',
      (of) => {
        of('conv1_2').config.groups = 2;
      },
      /conv1_2 with groups 2/,
    ],
    [
      'channels first',
      (of) => {
        of('pool1').config.data_format = 'channels_first';
      },
      /pool1 with data_format "channels_first"/,
    ],
    [
      'a kernel size unlike the weights',
      (of) => {
        of('conv1_2').config.kernel_size = [5, 5];
      },
      /conv1_2 with kernel_size \[5,5\]/,
    ],
    [
      'filters unlike the weights',
      (of) => {
        of('conv1_2').config.filters = 9;
      },
      /conv1_2 with filters 9, but weights for 5/,
    ],
    [
      'units unlike the weights',
      (of) => {
        of('ip1').config.units = 9;
      },
      /ip1 with units 9, but weights for 8/,
    ],
    [
      'no bias, but one in the weights',
      (of) => {
        of('ip1').config.use_bias = false;
      },
      /ip1 with use_bias false, but a bias/,
    ],
    [
      'no gamma, but one in the weights',
      (of) => {
        of('bn3').config.scale = false;
      },
      /bn3 with scale false, but a gamma/,
    ],
    [
      'a pool of 3',
      (of) => {
        of('pool1').config.pool_size = [3, 3];
      },
      /pool1 with pool_size \[3,3\]/,
    ],
    [
      'a pool that steps by 1',
      (of) => {
        of('pool1').config.strides = [1, 1];
      },
      /pool1 with strides \[1,1\]/,
    ],
    [
      'an average pool',
      (of) => {
        of('pool1').class_name = 'AveragePooling2D';
      },
      /pool1 of the kind AveragePooling2D/,
    ],
    [
      'a rescaling layer',
      (of) => {
        of('relu1_1').class_name = 'Rescaling';
      },
      /relu1_1 of the kind Rescaling/,
    ],
    [
      'another activation, whatever the name says',
      (of) => {
        of('relu1_1').config.activation = 'elu';
      },
      /relu1_1 with the activation "elu"/,
    ],
    [
      'a softmax between layers',
      (of) => {
        of('relu2_1').config.activation = 'softmax';
      },
      /pool2 follows the softmax/,
    ],
    [
      'an activation in the convolution',
      (of) => {
        of('conv1_1').config.activation = 'relu';
      },
      /normalization bn1_1 is not right behind conv1_1, before its ReLU/,
    ],
    [
      'a ReLU with a top',
      (of) => {
        of('relu1_1').class_name = 'ReLU';
        of('relu1_1').config = { name: 'relu1_1', max_value: 6 };
      },
      /relu1_1 with max_value 6/,
    ],
    [
      'a leaky ReLU',
      (of) => {
        of('relu1_1').class_name = 'ReLU';
        of('relu1_1').config = { name: 'relu1_1', negative_slope: 0.1 };
      },
      /relu1_1 with negative_slope 0.1/,
    ],
    [
      'normalization over rows',
      (of) => {
        of('bn1_1').config.axis = 1;
      },
      /bn1_1 with axis 1; expected -1/,
    ],
    [
      'renormalization',
      (of) => {
        of('bn1_1').config.renorm = true;
      },
      /bn1_1 with renorm true/,
    ],
    [
      'an epsilon of its own',
      (of) => {
        of('bn1_1').config.epsilon = 0.5;
      },
      /different epsilons \(0.5, 0.02\)/,
    ],
    [
      'an epsilon that is none',
      (of) => {
        of('bn1_1').config.epsilon = '0.02';
      },
      /bn1_1 with epsilon "0.02"/,
    ],
    [
      'half precision',
      (of) => {
        of('conv1_1').config.dtype = { class_name: 'DTypePolicy', config: { name: 'mixed_float16' } };
      },
      /conv1_1 with dtype "mixed_float16"/,
    ],
    [
      'a setting that is not known',
      (of) => {
        of('conv1_1').config.causal = true;
      },
      /conv1_1 \(Conv2D\) with the setting causal, which is not known/,
    ],
    [
      'no Flatten',
      (of, model) => {
        model.config.layers = model.config.layers.filter(({ name }) => name !== 'flatten');
        of('ip1').inbound_nodes = [[['pool2', 0, 0, {}]]];
      },
      /no Flatten before the dense layer ip1/,
    ],
    [
      'a layer left out',
      (of, model) => {
        model.config.layers = model.config.layers.filter(({ name }) => name !== 'bn1_1');
        of('relu1_1').inbound_nodes = [[['conv1_1', 0, 0, {}]]];
      },
      /holds weights of the layer bn1_1, which its model_config does not have/,
    ],
    [
      'a layer used twice',
      (of) => {
        of('relu1_1').inbound_nodes = [[['bn1_1', 0, 0, {}]], [['bn1_1', 0, 0, {}]]];
      },
      /relu1_1 is used 2 times/,
    ],
    [
      'two inputs of a layer',
      (of) => {
        of('relu1_1').inbound_nodes = [
          [
            ['bn1_1', 0, 0, {}],
            ['conv1_1', 0, 0, {}],
          ],
        ];
      },
      /relu1_1 takes bn1_1, conv1_1/,
    ],
    [
      'a layer of Keras 3 behind another',
      (of) => {
        of('relu1_1').inbound_nodes = [{ args: [{ config: { keras_history: ['conv1_1', 0, 0] } }], kwargs: {} }];
      },
      /relu1_1 takes conv1_1 after bn1_1/,
    ],
    [
      'inbound nodes of a form of their own',
      (of) => {
        of('relu1_1').inbound_nodes = ['bn1_1'];
      },
      /no chain of layers: relu1_1/,
    ],
    [
      'normalization by the batch',
      (of) => {
        of('bn1_1').inbound_nodes = [[['conv1_1', 0, 0, { training: true }]]];
      },
      /calls the layer bn1_1 with training true/,
    ],
    [
      'an output before the end',
      (_, model) => {
        model.config.output_layers = [['ip1', 0, 0]];
      },
      /output_layers ip1; expected predictions alone/,
    ],
    [
      'a model of another class',
      (_, model) => {
        model.class_name = 'MyNet';
      },
      /model of the class MyNet/,
    ],
    [
      'two layers of one name',
      (of) => {
        of('relu1_1').name = 'conv1_1';
      },
      /two layers named conv1_1/,
    ],
  ])('%s', async (_, change, reason) => {
    const path = await withConfiguration((model, layer) => change(layer, model));
    const found = await outcome(importKeras(path, options));
    expect(found).toMatch(/^foreign-model-invalid: /);
    expect(found).toMatch(reason);
  });
});

test('an epsilon or an image size that contradicts the file is an invalid argument', async () => {
  const path = fixture('keras-model.h5');
  expect(await outcome(importKeras(path, { ...options, epsilon: 0.001 }))).toMatch(/^invalid-argument: .*0\.02/);
  expect(await outcome(importKeras(path, { ...options, imageSize: 64 }))).toMatch(/^invalid-argument: .*16 x 16/);
  expect(await outcome(importKeras(path, { ...options, epsilon: 0.02, imageSize: 16 }))).toBe('read');
});

test('weights alone do not say the image size: it is assumed aloud, or checked', async () => {
  const path = fixture('keras-weights.h5');
  const said: string[] = [];
  const log = (level: LogLevel, message: string) => void said.push(`${level}: ${message}`);
  await importKeras(path, { ...options, log });
  expect(said).toEqual([expect.stringMatching(/^warn: .*taken for 16 x 16 pixels.*--image-size/)]);
  said.length = 0;
  await importKeras(path, { ...options, imageSize: 16, log });
  expect(said).toEqual([]);
  expect(await outcome(importKeras(path, { ...options, imageSize: 18 }))).toMatch(/18 x 18 pixels, which its 2 pools/);
});

describe('of weights alone, a name says what a layer is, or it is refused', () => {
  test.each([
    ['conv2d_3', ['kernel', 'bias'], 4, 'convolution'],
    ['dense_1', ['kernel', 'bias'], 2, 'dense'],
    ['prob', ['kernel', 'bias'], 2, 'dense'],
    ['batch_normalization_7', ['gamma', 'beta', 'moving_mean', 'moving_variance'], undefined, 'normalization'],
    ['max_pooling2d_2', [], undefined, 'pool'],
    ['Pool5', [], undefined, 'pool'],
    ['dropout_1', [], undefined, 'dropout'],
    ['flatten_1', [], undefined, 'flatten'],
    ['activation_4', [], undefined, 'activation'],
    ['relu1_1', [], undefined, 'relu'],
    ['predictions', [], undefined, 'softmax'],
    ['input_1', [], undefined, 'input'],
  ] as const)('%s with %j is %s %s', (name, parts, dimensions, kind) => {
    expect(namedKind(name, parts, dimensions)).toBe(kind);
  });

  test.each([
    ['leaky_re_lu_1', [], undefined],
    ['p_re_lu_1', ['alpha'], undefined],
    ['elu_1', [], undefined],
    ['sigmoid', [], undefined],
    ['average_pooling2d_1', [], undefined],
    ['global_max_pooling2d', [], undefined],
    ['zero_padding2d_1', [], undefined],
    ['spatial_dropout2d_1', [], undefined],
    ['lambda_1', [], undefined],
    ['add_3', [], undefined],
    ['mystery', [], undefined],
    ['conv2d_transpose_1', ['kernel', 'bias'], 4],
    ['separable_conv2d_1', ['depthwise_kernel', 'pointwise_kernel', 'bias'], undefined],
    ['pool3', ['kernel', 'bias'], 4],
    ['layer_normalization', ['gamma', 'beta'], undefined],
  ] as const)('%s with %j', (name, parts, dimensions) => {
    expect(namedKind(name, parts, dimensions)).toMatchObject({ problem: expect.stringContaining(name) });
  });
});
