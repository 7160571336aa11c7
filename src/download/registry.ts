import { readFile } from 'node:fs/promises';
import { DeepYeastError, fileError } from '../errors';

/** A file that can be downloaded. */
export interface RegistryFile {
  /** Its name on the disk, without folders. */
  name: string;
  /** Where it is, in the order of preference: mirrors of one and the same file. */
  urls: readonly string[];
  /** In bytes. */
  size?: number;
  /** In hexadecimal. */
  md5?: string;
  sha256?: string;
  /** Unpack it (.zip, .tar, .tar.gz, .tgz) into a folder of its name without the ending. */
  extract?: boolean;
}

/** What is downloaded together under one name. */
export interface RegistryEntry {
  description: string;
  /** SPDX identifier, or words. */
  licence?: string;
  citation?: string;
  files: readonly RegistryFile[];
}

export type Registry = Readonly<Record<string, RegistryEntry>>;

const lists = (name: string, md5: string): RegistryFile => ({
  name,
  urls: [
    `http://kodu.ut.ee/~leopoldp/2016_DeepYeast/code/image_prep/data/${name}`,
    `https://raw.githubusercontent.com/tanelp/deepyeast/master/deepyeast/data/${name}`,
  ],
  md5,
});

const paper = 'Pärnamaa and Parts, G3 7(5):1385-1392, 2017';
const screen = 'Chong et al., Cell 161(6):1413-1424, 2015';

/**
 * The public DeepYeast data and weights, with the addresses and MD5 sums that the authors publish: in README.md and
 * deepyeast/dataset.py of https://github.com/tanelp/deepyeast.
 */
export const publicRegistry: Registry = {
  weights: {
    description:
      'The authors’ network (Keras 2 HDF5, 90% of their validation cells right), for `deepyeast model import`',
    licence: 'MIT',
    citation: paper,
    files: [
      {
        name: 'deepyeast-weights-22-0.902.hdf5',
        urls: ['https://github.com/tanelp/deepyeast/releases/download/v0.1/deepyeast-weights-22-0.902.hdf5'],
        md5: 'c42d8788ba006f9c82725fffe3b096b6',
      },
    ],
  },
  main: {
    description:
      '90,000 cells of twelve compartments with the authors’ three label lists, for `deepyeast import --labels`',
    citation: `${paper}; ${screen}`,
    files: [
      lists('HOwt_doc.txt', '33b7780020972e2da4f884c6b5a63b25'),
      lists('HOwt_train.txt', 'b71eb4ff50f955adfa72048c6d8c0233'),
      lists('HOwt_val.txt', '2ac1d1874b89d6a1ad3d948d36c1e229'),
      lists('HOwt_test.txt', 'c7958faa20232ff52fb196e754645bd1'),
      {
        name: 'main.tar.gz',
        urls: ['http://kodu.ut.ee/~leopoldp/2016_DeepYeast/data/main.tar.gz'],
        md5: 'f313fc0b8068941ab18ae65eb113afee',
        extract: true,
      },
    ],
  },
  transfer: {
    description: '10,000 cells of the four compartments of the transfer task with their label lists',
    citation: `${paper}; ${screen}`,
    files: [
      lists('HOwt_transfer_doc.txt', '699e4f5e390b8af78bbddae39f217745'),
      lists('HOwt_transfer_train.txt', '9dcbe909a81e3bdab6fa72504c4205a7'),
      lists('HOwt_transfer_val.txt', '32177364beaeabf54c4b4e589e2cb998'),
      lists('HOwt_transfer_test.txt', '3d5ff91995abfed6c0dd3b6e1727b6d2'),
      {
        name: 'transfer.tar.gz',
        urls: ['http://kodu.ut.ee/~leopoldp/2016_DeepYeast/data/transfer.tar.gz'],
        md5: '5dfc4baab5156e3fc6b5694bab96ac41',
        extract: true,
      },
    ],
  },
};

/** Reads a registry of your own: JSON of the form {NAME: {description, files: [{name, urls, size, md5, sha256, extract}]}}. */
export async function readRegistry(path: string): Promise<Registry> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw fileError('read the registry', path, error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (cause) {
    throw new DeepYeastError('registry-invalid', `${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
  return parseRegistry(value, path);
}

/**
 * Checks a registry; `name` is for messages. Unknown fields are errors: a misspelt `sha256` would leave a file unverified.
 *
 * @throws registry-invalid naming the field
 */
export function parseRegistry(value: unknown, name: string): Registry {
  const invalid = (where: string, found: string) =>
    new DeepYeastError('registry-invalid', `${name}: ${where} ${found}`);
  const object = (item: unknown, where: string, known: readonly string[]): Record<string, unknown> => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) throw invalid(where, 'is not an object');
    for (const key of Object.keys(item)) {
      if (!known.includes(key)) throw invalid(`${where}.${key}`, `is not known; expected ${known.join(', ')}`);
    }
    return item as Record<string, unknown>;
  };
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('the registry', 'is not an object');
  const entries = Object.entries(value).map(([key, item]): [string, RegistryEntry] => {
    const fields = object(item, key, ['description', 'licence', 'citation', 'files']);
    for (const field of ['description', 'licence', 'citation']) {
      if (!['string', 'undefined'].includes(typeof fields[field])) throw invalid(`${key}.${field}`, 'is not text');
    }
    if (!Array.isArray(fields.files) || fields.files.length === 0)
      throw invalid(`${key}.files`, 'is not a list of files');
    const files = fields.files.map((file, i) => {
      const where = `${key}.files[${i}]`;
      return parseFile(object(file, where, ['name', 'urls', 'size', 'md5', 'sha256', 'extract']), where, invalid);
    });
    if (new Set(files.map((file) => file.name)).size !== files.length)
      throw invalid(`${key}.files`, 'has a name twice');
    return [key, { description: '', ...fields, files }];
  });
  return Object.fromEntries(entries);
}

function parseFile(
  fields: Record<string, unknown>,
  where: string,
  invalid: (where: string, found: string) => DeepYeastError,
): RegistryFile {
  const { name, urls, size, md5, sha256, extract } = fields;
  if (typeof name !== 'string' || !/^[^/\\\0]{1,200}$/.test(name) || name.startsWith('.')) {
    throw invalid(`${where}.name`, `is ${JSON.stringify(name)}; expected a file name without folders`);
  }
  if (!Array.isArray(urls) || urls.length === 0 || !urls.every(isWebAddress)) {
    throw invalid(`${where}.urls`, 'is not a list of http or https addresses');
  }
  if (size !== undefined && !(Number.isSafeInteger(size) && (size as number) >= 0)) {
    throw invalid(`${where}.size`, `is ${JSON.stringify(size)}; expected a number of bytes`);
  }
  for (const [key, digits] of [['md5', 32] as const, ['sha256', 64] as const]) {
    const hash = fields[key];
    if (hash !== undefined && !(typeof hash === 'string' && new RegExp(`^[0-9a-fA-F]{${digits}}$`).test(hash))) {
      throw invalid(`${where}.${key}`, `is ${JSON.stringify(hash)}; expected ${digits} hexadecimal digits`);
    }
  }
  if (extract !== undefined && typeof extract !== 'boolean') throw invalid(`${where}.extract`, 'is not true or false');
  const file: RegistryFile = { name, urls };
  if (size !== undefined) file.size = size as number;
  if (md5 !== undefined) file.md5 = (md5 as string).toLowerCase();
  if (sha256 !== undefined) file.sha256 = (sha256 as string).toLowerCase();
  if (extract !== undefined) file.extract = extract;
  return file;
}

function isWebAddress(text: unknown): boolean {
  return typeof text === 'string' && URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol);
}
