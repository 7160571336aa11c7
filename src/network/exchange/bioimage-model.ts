/**
 * Writes a model as a package of the BioImage Model Zoo: a zip file with rdf.yaml (model description 0.5,
 * https://github.com/bioimage-io/spec-bioimage-io), the weights as ONNX, a test input and the output for it as .npy, a
 * README and a cover image.
 */
import { createHash } from 'node:crypto';
import { throwIfAborted } from '../../abort';
import type { Dataset } from '../../data/dataset';
import { describeNormalization } from '../../data/normalization';
import { DeepYeastError } from '../../errors';
import { AtomicFile } from '../../files/atomic-file';
import { npyHeader } from '../../files/npy';
import { RandomStream } from '../../random';
import { type Checkpoint, readCheckpoint } from '../checkpoint';
import { Network } from '../network';
import { defaultOpset, onnxModel } from './onnx';

/** Of the specification, the first with everything that is used here. */
const formatVersion = '0.5.3';
/** How far another runtime's posteriors may be from ours: single precision in another order of summation. */
const tolerance = { relative_tolerance: 1e-3, absolute_tolerance: 1e-4 };
const testCells = 4;

export interface BioimageAuthor {
  name: string;
  affiliation?: string;
  orcid?: string;
  github_user?: string;
}

export interface BioimageOptions {
  /** 5 to 128 letters, digits, spaces, and _ - ( ). */
  name?: string;
  description?: string;
  authors?: readonly BioimageAuthor[];
  /** SPDX identifier, such as MIT; default what the model says. */
  licence?: string;
  /** Where the test cells and the cover come from; default soft random spots. */
  data?: Dataset;
  /** Default: kept. */
  batchNorm?: 'kept' | 'folded';
  opset?: number;
  signal?: AbortSignal;
}

export interface BioimagePackage {
  path: string;
  /** rdf.yaml as an object. */
  description: Record<string, unknown>;
  files: { name: string; bytes: number; sha256: string }[];
}

const paper = {
  text:
    'Pärnamaa T, Parts L: Accurate Classification of Protein Subcellular Localization from High-Throughput Microscopy ' +
    'Images Using Deep Learning. G3 7(5), 1385-1392 (2017)',
  url: 'http://www.g3journal.org/content/7/5/1385',
};

/**
 * Writes the package of a model file or a run's best model.
 *
 * @throws model-invalid, model-mismatch (the data), invalid-argument (name, licence, authors), io-error, disk-full
 */
export async function exportBioimageModel(
  model: string,
  path: string,
  options: BioimageOptions = {},
): Promise<BioimagePackage> {
  const checkpoint = await readCheckpoint(model);
  const about = aboutModel(checkpoint, options);
  const { batchNorm = 'kept', opset = defaultOpset } = options;
  const { bytes: weights, description } = await onnxModel(checkpoint, { batchNorm, opset, input: 'float32' });
  throwIfAborted(options.signal);
  const network = await Network.load(model);
  let cells: Uint8Array;
  let posteriors: Float32Array;
  try {
    cells = options.data ? await firstCells(network, options.data) : randomCells(checkpoint);
    ({ posteriors } = await network.predict(cells, options.signal ? { signal: options.signal } : {}));
  } finally {
    await network.close();
  }
  const { imageSize, channels } = checkpoint.topology;
  const count = cells.length / (imageSize * imageSize * channels);
  const contents = new Map<string, Uint8Array>([
    ['weights.onnx', weights],
    ['test_input.npy', npyFloats([count, ...(description.inputs[0]?.shape ?? [])], Float32Array.from(cells))],
    ['test_output.npy', npyFloats([count, checkpoint.classes.length], posteriors)],
    ['cover.png', await coverImage(cells, count, imageSize, channels)],
    ['README.md', Buffer.from(readme(checkpoint, about))],
  ]);
  const files = [...contents].map(([name, bytes]) => ({ name, bytes: bytes.length, sha256: sha256(bytes) }));
  const hash = (name: string) => ({ source: name, sha256: files.find((file) => file.name === name)?.sha256 });
  const rdf = describe(checkpoint, about, opset, hash);
  const { stringify } = await import('yaml');
  contents.set('rdf.yaml', Buffer.from(stringify(rdf, { lineWidth: 120 })));
  await writeZip(path, contents);
  return { path, description: rdf, files };
}

interface About {
  name: string;
  description: string;
  authors: readonly BioimageAuthor[];
  licence: string;
  citations: { text: string; doi?: string; url?: string }[];
}

function aboutModel({ about, classes }: Checkpoint, options: BioimageOptions): About {
  const name = options.name ?? 'DeepYeast subcellular localization';
  if (!/^[A-Za-z0-9_\- ()]{5,128}$/.test(name)) {
    throw new DeepYeastError(
      'invalid-argument',
      `the name is "${name}"; expected 5 to 128 letters, digits, spaces, underscores, hyphens and parentheses`,
    );
  }
  const licence = options.licence ?? about?.licence;
  if (licence === undefined || !/^[A-Za-z0-9.+-]{2,64}$/.test(licence)) {
    throw new DeepYeastError(
      'invalid-argument',
      `the licence is ${licence === undefined ? 'not given' : `"${licence}"`}; expected an SPDX identifier such as ` +
        'MIT or CC-BY-4.0: the zoo takes no model without one',
    );
  }
  const authors = options.authors ?? about?.authors?.map((author) => ({ name: author })) ?? [];
  if (authors.length === 0 || authors.some((author) => author.name.trim() === '')) {
    throw new DeepYeastError('invalid-argument', 'there is no author; expected the name of one or more');
  }
  const citations = (about?.citations ?? []).filter(({ doi, url }) => doi !== undefined || url !== undefined);
  return {
    name,
    licence,
    authors,
    description:
      options.description ??
      about?.description ??
      `Classifies fluorescence micrographs of single yeast cells into ${classes.length} subcellular compartments.`,
    citations: citations.some(({ url }) => url === paper.url) ? citations : [...citations, paper],
  };
}

/** Channel names must be identifiers: `nuclear periphery` becomes nuclear_periphery. */
function identifiers(names: readonly string[]): string[] {
  const used = new Set<string>();
  return names.map((name, i) => {
    const plain = name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d|$)/, '_');
    const unique = used.has(plain) ? `${plain}_${i}` : plain;
    used.add(unique);
    return unique;
  });
}

function describe(
  model: Checkpoint,
  about: About,
  opset: number,
  hash: (name: string) => { source: string; sha256: string | undefined },
): Record<string, unknown> {
  const { topology, classes, inputTransform } = model;
  const { imageSize } = topology;
  return {
    type: 'model',
    format_version: formatVersion,
    name: about.name,
    description: about.description,
    authors: about.authors,
    cite: about.citations,
    license: about.licence,
    tags: [
      'yeast',
      'cell',
      'fluorescence-light-microscopy',
      'image-classification',
      'protein-localization',
      'deepyeast',
    ],
    documentation: 'README.md',
    covers: ['cover.png'],
    inputs: [
      {
        id: 'cells',
        description: 'Crops of single cells, pixels from 0 to 255',
        axes: [
          { type: 'batch' },
          { type: 'space', id: 'y', size: imageSize },
          { type: 'space', id: 'x', size: imageSize },
          { type: 'channel', channel_names: identifiers(inputTransform?.channels ?? []) },
        ],
        data: { type: 'float32', range: [0, 255] },
        test_tensor: hash('test_input.npy'),
      },
    ],
    outputs: [
      {
        id: 'posteriors',
        description: 'Probability of each compartment',
        axes: [{ type: 'batch' }, { type: 'channel', channel_names: identifiers(classes) }],
        data: { type: 'float32', range: [0, 1] },
        test_tensor: hash('test_output.npy'),
      },
    ],
    weights: { onnx: { ...hash('weights.onnx'), opset_version: opset } },
    config: {
      bioimageio: {
        reproducibility_tolerance: [{ ...tolerance, output_ids: ['posteriors'], weights_formats: ['onnx'] }],
      },
      deepyeast: { classes, channels: inputTransform?.channels, normalization: inputTransform?.normalization },
    },
  };
}

function readme(model: Checkpoint, about: About): string {
  const { topology, classes, inputTransform, metrics } = model;
  const rule = inputTransform ? describeNormalization(inputTransform.normalization) : 'none';
  return `# ${about.name}

${about.description}

Input \`cells\`: crops of ${topology.imageSize} x ${topology.imageSize} pixels, channels ${inputTransform?.channels.join(', ')}, values
from 0 to 255; raw images became these by the rule: ${rule}. The subtraction of the mean image is part of the network.

Output \`posteriors\`: one probability a class, in this order:

${classes.map((name, i) => `${i}. ${name}`).join('\n')}

## Validation

${metrics === undefined ? 'Compare the argmax of the posteriors with the labels of cells of proteins that were not trained on.' : `When the model was written: \`${JSON.stringify(metrics)}\`.`}
With [deepyeast](https://github.com/tanelp/deepyeast)'s data: \`deepyeast evaluate --model MODEL --data TEST --out REPORT\`.

## Citation

${about.citations.map(({ text, doi, url }) => `- ${text}${doi ? `, doi:${doi}` : ` ${url}`}`).join('\n')}
`;
}

async function firstCells(network: Network, data: Dataset): Promise<Uint8Array> {
  const count = Math.min(testCells, data.count);
  if (count === 0) throw new DeepYeastError('invalid-argument', `${data.path} has no cells; expected one or more`);
  const indices = Uint32Array.from({ length: count }, (_, i) => Math.floor((i * data.count) / count));
  return network.imageStore(data).read(indices);
}

/** Soft spots on a dim ground, so that every layer sees more than noise; the same for every model of one shape. */
function randomCells({ topology: { imageSize: size, channels } }: Checkpoint): Uint8Array {
  const cells = new Uint8Array(testCells * size * size * channels);
  const spots = 6;
  for (let plane = 0; plane < testCells * channels; plane++) {
    const random = new RandomStream(2017, 'simulation', 0, plane);
    const [cell, channel] = [Math.floor(plane / channels), plane % channels];
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        let value = 20;
        for (let spot = 0; spot < spots; spot++) {
          const [cx, cy, width] = [0, 1, 2].map((k) => random.uniform(3 * spot + k)) as [number, number, number];
          const distance = ((x / size - cx) ** 2 + (y / size - cy) ** 2) / (0.02 + 0.15 * width) ** 2;
          value += 150 * Math.exp(-distance);
        }
        cells[((cell * size + y) * size + x) * channels + channel] = Math.min(255, Math.round(value));
      }
    }
  }
  return cells;
}

function npyFloats(shape: readonly number[], values: Float32Array): Uint8Array {
  return Buffer.concat([npyHeader('<f4', shape), new Uint8Array(values.buffer, values.byteOffset, values.byteLength)]);
}

/** The test cells side by side: the first channel red, the second green, the third blue; a single one grey. */
async function coverImage(cells: Uint8Array, count: number, size: number, channels: number): Promise<Uint8Array> {
  const pixels = new Uint8Array(count * size * size * 3);
  for (let i = 0; i < count * size * size; i++) {
    const [cell, y, x] = [Math.floor(i / (size * size)), Math.floor(i / size) % size, i % size];
    for (let colour = 0; colour < 3; colour++) {
      const channel = channels === 1 ? 0 : colour;
      if (channel < channels)
        pixels[(y * count * size + cell * size + x) * 3 + colour] = cells[i * channels + channel] as number;
    }
  }
  const { default: sharp } = await import('sharp');
  const raw = { width: count * size, height: size, channels: 3 as const };
  // The zoo shows covers of about 2:1 or 1:1, at least some hundred pixels high.
  const height = Math.max(256, size);
  return sharp(pixels, { raw })
    .resize({ width: height * 2, height, fit: 'contain', kernel: 'nearest', background: 'black' })
    .png()
    .toBuffer();
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The zip's times are fixed, so that equal models make equal packages. */
async function writeZip(path: string, contents: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const { ZipFile } = await import('yazl');
  const zip = new ZipFile();
  for (const [name, bytes] of contents) {
    zip.addBuffer(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), name, {
      mtime: new Date(2017, 4, 1),
      mode: 0o100644,
    });
  }
  zip.end();
  const file = await AtomicFile.create(path);
  try {
    for await (const chunk of zip.outputStream) await file.write(chunk as Buffer);
    await file.commit();
  } catch (error) {
    await file.abort();
    throw error;
  }
}
