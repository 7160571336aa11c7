/** How a plate is read and cut: options that `cells` and `screen` share. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ChannelChoice } from '../data/image-file';
import { type Layout, layouts } from '../fields/layout';
import { type CellFlag, cellFlags } from '../fields/measure';
import { addNormalizationOptions, type NormalizationOptions, parseChannels } from './image-source';
import { nameList, realNumber, wholeNumber } from './options';

export interface PlateCommandOptions extends NormalizationOptions {
  channels: ChannelChoice[];
  layout?: Layout | 'auto';
  pattern?: string;
  plateMap?: string;
  classes?: string;
  z?: 'best' | 'max' | number;
  t?: number;
  diameter?: number | 'auto';
  buds?: 'apart' | 'with-mother';
  masksFrom?: string;
  masksPattern?: string;
  pixelSize?: number;
  fieldPixelSize?: number;
  cellDiameter?: number;
  drop?: CellFlag[];
}

/** Adds the options of the layout, the segmentation, the crops' scale and their intensities. */
export function addPlateOptions(command: Command): Command {
  command
    .addOption(
      new Option(
        '--channels <names>',
        'which channel is what, the cytosolic marker first, as in rfp=ch3,gfp=ch1: number or name of the channel',
      )
        .argParser(parseChannels)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--layout <name>', 'how the microscope names its files (default: told from the names)').choices([
        'auto',
        ...layouts,
      ]),
    )
    .option(
      '--pattern <pattern>',
      'how paths are made up instead; {plate} {well} or {row} and {column}, {field} {channel} {z} {t} {protein} and any other name',
    )
    .option('--plate-map <table>', 'CSV or TSV with the columns well and, as far as known, plate, protein, class, ...')
    .option('--classes <file>', 'a CSV "protein,class", where the plate map has no classes')
    .addOption(
      new Option(
        '--z <plane>',
        'of a z-stack the sharpest plane, the maximum of all, or the one of this number',
      ).argParser(parsePlane),
    )
    .addOption(new Option('--t <time>', 'time point, where there are several').argParser(wholeNumber(0, 1e6)))
    .addOption(
      new Option(
        '--diameter <pixels>',
        'of a typical cell in the fields, or auto: measured on a few fields (default: auto)',
      ).argParser(parseDiameter),
    )
    .addOption(
      new Option('--buds <policy>', 'whether a bud is a cell of its own (default: apart)').choices([
        'apart',
        'with-mother',
      ]),
    )
    .option('--masks-from <folder>', 'take the masks of another program instead: TIFF, PNG or .npy, one a field')
    .option(
      '--masks-pattern <pattern>',
      'how the names of those masks are made up (default: as the images, with _mask, ...)',
    )
    .addOption(
      new Option('--pixel-size <micrometres>', 'of the crops: fields are resampled to it').argParser(
        realNumber(1e-3, 1e3),
      ),
    )
    .addOption(
      new Option(
        '--field-pixel-size <micrometres>',
        'of the fields, where their files do not say it (or not rightly)',
      ).argParser(realNumber(1e-3, 1e3)),
    )
    .addOption(
      new Option('--cell-diameter <pixels>', 'resample so that a typical cell is so wide in the crops').argParser(
        realNumber(2, 1e3),
      ),
    )
    .addOption(
      new Option('--drop <flags>', `leave out cells with one of these flags: ${cellFlags.join(', ')}`).argParser(
        parseFlags,
      ),
    );
  return addNormalizationOptions(command);
}

/** Role to channel, as the library takes them. */
export function channelMap(channels: readonly ChannelChoice[]): Map<string, string> {
  return new Map(channels.map(({ name, plane = name }) => [name, plane]));
}

function parsePlane(text: string): 'best' | 'max' | number {
  return text === 'best' || text === 'max' ? text : wholeNumber(0, 1e6)(text);
}

function parseDiameter(text: string): number | 'auto' {
  return text === 'auto' ? text : realNumber(2, 1e4)(text);
}

/** Parser of flags between commas, for Option.argParser. */
export function parseFlags(text: string): CellFlag[] {
  return nameList(text).map((name) => {
    const flag = cellFlags.find((known) => known === name);
    if (flag === undefined) throw new InvalidArgumentError(`Expected flags among ${cellFlags.join(', ')}.`);
    return flag;
  });
}
