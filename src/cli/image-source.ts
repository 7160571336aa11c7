/** The options that say how images become cells: shared by import and by predict on images. */

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Fit, fits } from '../data/crop';
import { datasetFiles, readDescription } from '../data/dataset';
import type { ChannelChoice } from '../data/image-file';
import type { PlanOptions } from '../data/import-plan';
import { defaultNormalization, type Normalization, type NormalizationScope } from '../data/normalization';
import { DeepYeastError } from '../errors';
import { parseNumber } from '../files/number';
import { realNumber, wholeNumber } from './options';

export interface ImageSourceOptions {
  labels?: string;
  classes?: string;
  pattern?: string;
  channels?: ChannelChoice[];
  size: number;
  fit: Fit;
  onError: 'stop' | 'skip';
}

export interface NormalizationOptions {
  normalization?: 'auto' | 'none' | 'percentile' | 'range' | 'bit-depth';
  per?: NormalizationScope;
  percentiles?: [number, number];
  noiseFloor?: number;
  floor?: number;
  range?: RangeOption[];
  bitDepth?: number;
  ruleFrom?: string;
}

/** Adds --labels, --classes, --pattern, --channels, --fit, --on-error and, unless a model gives the size, --size. */
export function addImageSourceOptions(command: Command, { size = true } = {}): Command {
  command
    .option('--labels <list>', 'import only the images of this list, lines "path index" (the DeepYeast layout)')
    .option(
      '--classes <file>',
      'classes: "label;label_idx" as HOwt_doc.txt, or a CSV "protein,class" (default: DeepYeast\'s twelve with --labels, else the {class} folders)',
    )
    .option(
      '--pattern <pattern>',
      'how paths are made up; {plate} {well} {field} {image} {cell} {protein} {channel} {class} {x} {y} and any other name, * for any text (default: {plate}/{well}-{field}-{image}-{cell}.png with --labels, else {class}/*)',
    )
    .addOption(
      new Option(
        '--channels <names>',
        'channels in order, as in rfp,gfp; NAME=WHERE where a channel has another name or place in the file: its text for {channel}, its plane or page (from 0), its OME name (default: rfp,gfp)',
      ).argParser(parseChannels),
    );
  if (size) {
    command.addOption(
      new Option('--size <pixels>', 'width and height of the crops').default(64).argParser(wholeNumber(1, 4096)),
    );
  }
  return command
    .addOption(
      new Option('--fit <how>', 'images of another size: refuse them, crop or pad around the centre')
        .choices(fits)
        .default('error'),
    )
    .addOption(
      new Option('--on-error <what>', 'an image that cannot be read: stop, or skip it (listed, exit status 5)')
        .choices(['stop', 'skip'])
        .default('stop'),
    );
}

/** Adds the options of the rule for intensities. */
export function addNormalizationOptions(command: Command): Command {
  const { low, high, noiseFloor } = defaultNormalization;
  return command
    .addOption(
      new Option(
        '--normalization <rule>',
        'intensities to 0..255; auto: 8-bit images as they are, all else percentile (default: auto)',
      ).choices(['auto', 'none', 'percentile', 'range', 'bit-depth']),
    )
    .addOption(
      new Option('--per <scope>', 'percentiles of each cell, field or the whole dataset (default: cell)').choices([
        'cell',
        'field',
        'dataset',
      ]),
    )
    .addOption(
      new Option('--percentiles <low,high>', `percentiles that become 0 and 255 (default: ${low},${high})`).argParser(
        parsePair,
      ),
    )
    .addOption(
      new Option(
        '--noise-floor <factor>',
        `range at least this many times the pixel noise, so that noise is not stretched (default: ${noiseFloor})`,
      ).argParser(realNumber(0)),
    )
    .addOption(
      new Option('--floor <value>', 'range at least this, in units of the images (default: 0)').argParser(
        realNumber(0),
      ),
    )
    .addOption(
      new Option(
        '--range <low,high...>',
        'fixed numbers that become 0 and 255: LOW,HIGH for all channels or NAME=LOW,HIGH for each',
      ).argParser((text: string, earlier: RangeOption[] | undefined) => [...(earlier ?? []), parseRange(text)]),
    )
    .addOption(
      new Option('--bit-depth <bits>', 'bits of the camera: 0 to 2^bits - 1 becomes 0 to 255').argParser(
        wholeNumber(1, 32),
      ),
    )
    .option('--rule-from <model|dataset>', 'the rule, with its numbers, of a model or a dataset');
}

/** What planImport takes. */
export function planOptions(source: string, options: ImageSourceOptions): PlanOptions {
  const { labels, classes, pattern, channels } = options;
  return {
    source,
    ...(labels === undefined ? {} : { labels }),
    ...(classes === undefined ? {} : { classes }),
    ...(pattern === undefined ? {} : { pattern }),
    ...(channels === undefined ? {} : { channels }),
  };
}

/** The rule that the options ask for. Contradictions are `invalid-argument`. */
export async function requestedNormalization(
  options: NormalizationOptions,
  channels: readonly ChannelChoice[],
): Promise<Normalization | 'auto'> {
  const { per, percentiles, noiseFloor, floor, range, bitDepth, ruleFrom } = options;
  const percentileOptions = [per, percentiles, noiseFloor, floor].some((value) => value !== undefined);
  const asked = new Set<string>();
  if (options.normalization !== undefined) asked.add(options.normalization);
  if (percentileOptions) asked.add('percentile');
  if (range !== undefined) asked.add('range');
  if (bitDepth !== undefined) asked.add('bit-depth');
  if (ruleFrom !== undefined) asked.add('--rule-from');
  if (asked.size > 1) {
    throw new DeepYeastError(
      'invalid-argument',
      `found options of several rules (${[...asked].join(', ')}), expected those of one`,
    );
  }
  if (ruleFrom !== undefined) {
    return readRule(
      ruleFrom,
      channels.map((channel) => channel.name),
    );
  }
  switch ([...asked][0]) {
    case 'none':
      return { rule: 'none' };
    case 'percentile': {
      const [low, high] = percentiles ?? [defaultNormalization.low, defaultNormalization.high];
      if (!(low >= 0 && low < high && high <= 100)) {
        throw new DeepYeastError(
          'invalid-argument',
          `found the percentiles ${low},${high}, expected 0 <= low < high <= 100`,
        );
      }
      return {
        rule: 'percentile',
        per: per ?? defaultNormalization.per,
        low,
        high,
        noiseFloor: noiseFloor ?? defaultNormalization.noiseFloor,
        floor: floor ?? defaultNormalization.floor,
      };
    }
    case 'range':
      return { rule: 'range', ranges: channels.map(({ name }) => rangeOf(name, range ?? [])) };
    case 'bit-depth':
      if (bitDepth === undefined) throw new DeepYeastError('invalid-argument', 'say how many bits: --bit-depth 14');
      return { rule: 'bit-depth', bits: bitDepth };
    default:
      return 'auto';
  }
}

/** The rule of a dataset's folder, a model file or a run folder. Its channels must be the same: numbers may be per channel. */
async function readRule(path: string, channels: readonly string[]): Promise<Normalization> {
  const isDataset = await stat(join(path, datasetFiles.description)).then(
    () => true,
    () => false,
  );
  let found: { channels: string[]; normalization: Normalization } | undefined;
  if (isDataset) {
    found = await readDescription(path);
  } else {
    const { readCheckpointDescription } = await import('../network/checkpoint.js');
    found = (await readCheckpointDescription(path)).input;
    if (!found)
      throw new DeepYeastError('model-invalid', `${path} has seen no training set, so it has no rule for intensities`);
  }
  if (found.channels.join() !== channels.join()) {
    throw new DeepYeastError(
      'model-mismatch',
      `${path} has the channels ${found.channels.join(',')}, expected ${channels.join(',')}: name and order them alike with --channels`,
    );
  }
  return found.normalization;
}

export interface RangeOption {
  channel?: string;
  range: [number, number];
}

function rangeOf(channel: string, ranges: readonly RangeOption[]): [number, number] {
  const found =
    ranges.find((option) => option.channel === channel) ?? ranges.find((option) => option.channel === undefined);
  if (found) return found.range;
  throw new DeepYeastError(
    'invalid-argument',
    `no range for the channel ${channel}: give --range LOW,HIGH or --range ${channel}=LOW,HIGH`,
  );
}

export function parseChannels(text: string): ChannelChoice[] {
  const channels = text.split(',').map((part): ChannelChoice => {
    const [name, ...rest] = part.split('=');
    const plane = rest.join('=');
    return rest.length === 0 ? { name: (name ?? '').trim() } : { name: (name ?? '').trim(), plane: plane.trim() };
  });
  const names = channels.map((channel) => channel.name);
  if (names.includes('') || channels.some((channel) => channel.plane === '')) {
    throw new InvalidArgumentError('Expected names between commas, as in rfp,gfp or rfp=0,gfp=1.');
  }
  if (names.length > 8 || new Set(names).size !== names.length)
    throw new InvalidArgumentError('Expected 1 to 8 different names.');
  return channels;
}

function parsePair(text: string): [number, number] {
  const numbers = text.split(',').map((part) => parseNumber(part) ?? Number.NaN);
  if (numbers.length !== 2 || !numbers.every(Number.isFinite))
    throw new InvalidArgumentError('Expected two numbers, as in 1,99.9.');
  return numbers as [number, number];
}

function parseRange(text: string): RangeOption {
  const at = text.lastIndexOf('=');
  const range = parsePair(at < 0 ? text : text.slice(at + 1));
  if (!(range[0] < range[1])) throw new InvalidArgumentError('Expected the lower number first.');
  return at < 0 ? { range } : { channel: text.slice(0, at), range };
}
