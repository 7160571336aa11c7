/** The process that readKerasFile reads HDF5 in, by jsfive. */
import { readFile } from 'node:fs/promises';
import type { AttributeValue, Dataset, File, Group } from 'jsfive';
import { DeepYeastError, fileError, readerReason } from '../../errors';
import { serveParent } from '../../files/separate-process';
import type { KerasFile, StoredLayer } from './keras-file';

/** Attributes hold at most 64 KiB, so Keras writes long lists in pieces. More pieces than this are a broken file. */
const mostPieces = 10_000;

function invalid(path: string, found: string, cause?: unknown): DeepYeastError {
  return new DeepYeastError('foreign-model-invalid', `${path} ${found}`, { cause });
}

async function read(path: string): Promise<KerasFile> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw fileError('read', path, error);
  }
  const { File: Hdf5File } = await import('jsfive');
  // jsfive writes to the console about attributes that it does not know.
  console.warn = () => {};
  try {
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
    return readLayers(new Hdf5File(buffer, path), path, bytes.length);
  } catch (error) {
    if (error instanceof DeepYeastError) throw error;
    throw invalid(path, `is no HDF5 file that can be read (${readerReason(error)}); copy it again`, error);
  }
}

function readLayers(file: File, path: string, fileSize: number): KerasFile {
  const whole = file.keys.includes('model_weights');
  const root = whole ? (file.get('model_weights') as Group) : file;
  const names = textList(root.attrs, 'layer_names');
  if (names === undefined) {
    const newer = file.keys.some((key) => ['layers', '_layer_checkpoint_dependencies', 'vars'].includes(key));
    const hint = newer ? ' It looks like a file of Keras 3: save it with Keras 2, or export it to ONNX.' : '';
    throw invalid(path, `has no layer_names; expected weights as Keras 2 saves them.${hint}`);
  }
  const backend = text(root.attrs.backend) ?? text(file.attrs.backend);
  if (backend !== undefined && backend !== 'tensorflow') {
    throw invalid(
      path,
      `was saved with the backend ${backend}, whose kernels are laid out otherwise; expected tensorflow`,
    );
  }
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) throw invalid(path, `lists the layer ${repeated} twice`);
  const layers = names.map((name) => readLayer(root, name, path, fileSize));
  const configuration = whole ? text(file.attrs.model_config) : undefined;
  return { layers, ...(configuration !== undefined && { configuration }) };
}

function readLayer(root: Group, name: string, path: string, fileSize: number): StoredLayer {
  if (!root.keys.includes(name)) throw invalid(path, `lists the layer ${name} but does not hold it; copy it again`);
  const group = root.get(name) as Group;
  const weights: StoredLayer['weights'] = new Map();
  for (const weight of textList(group.attrs, 'weight_names') ?? []) {
    const dataset = group.get(weight) as Dataset | null;
    if (!dataset || !Array.isArray(dataset.shape)) throw invalid(path, `lists ${weight} but does not hold it`);
    const count = dataset.shape.reduce((product, extent) => product * extent, 1);
    // A broken size must not take all memory: weights do not compress to less than a byte each.
    if (!(count <= fileSize))
      throw invalid(path, `says that ${weight} is [${dataset.shape.join(', ')}], more than it holds`);
    const values = Float32Array.from(dataset.value);
    if (values.length !== count) {
      throw invalid(
        path,
        `holds ${values.length} values of ${weight}; expected ${count} for [${dataset.shape.join(', ')}]`,
      );
    }
    const part = (weight.split('/').at(-1) as string).replace(/:\d+$/, '');
    if (weights.has(part)) throw invalid(path, `holds two weights ${part} of the layer ${name}; expected one`);
    weights.set(part, { shape: [...dataset.shape], values });
  }
  return { name, weights };
}

/** A list of texts that is one attribute, or NAME0, NAME1 ... */
function textList(attributes: Record<string, AttributeValue>, name: string): string[] | undefined {
  // Texts of one length for all, the shorter ones filled up with zeros.
  const unpadded = (value: string | number) => String(value).replace(/\0+$/, '');
  const list = (value: AttributeValue) => (Array.isArray(value) ? value : value == null ? [] : [value]).map(unpadded);
  if (attributes[name] !== undefined) return list(attributes[name]);
  if (attributes[`${name}0`] === undefined) return undefined;
  const all: string[] = [];
  for (let i = 0; i < mostPieces && attributes[`${name}${i}`] !== undefined; i++) {
    all.push(...list(attributes[`${name}${i}`]));
  }
  return all;
}

function text(value: AttributeValue): string | undefined {
  const single = Array.isArray(value) && value.length === 1 ? value[0] : value;
  return typeof single === 'string' ? single : undefined;
}

serveParent(async function* (path: string) {
  yield await read(path);
});
