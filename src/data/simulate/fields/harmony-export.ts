/** Names and index of the images as Harmony 4 (Opera Phenix, Operetta) exports them: Images/Index.idx.xml. */
import { groupBy } from '../../../group-by';
import type { PlannedWell } from './plate-plan';

export interface HarmonyChannel {
  /** Number in the names of the images: 1 is ch1. */
  readonly number: number;
  readonly name: string;
  /** Nanometres. */
  readonly excitation: number;
  readonly emission: number;
}

/** One field of the plate, with its place in micrometres from the middle of the well, y upwards. */
export interface HarmonyField {
  readonly well: PlannedWell;
  /** From 1. */
  readonly field: number;
  readonly x: number;
  readonly y: number;
}

export interface HarmonyPlate {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly width: number;
  readonly height: number;
  /** Micrometres. */
  readonly pixelSize: number;
  readonly channels: readonly HarmonyChannel[];
  readonly wells: readonly PlannedWell[];
  readonly fields: readonly HarmonyField[];
}

export function harmonyImageName({ row, column }: PlannedWell, field: number, channel: number): string {
  return `r${twoDigits(row)}c${twoDigits(column)}f${twoDigits(field)}p01-ch${channel}sk1fk1fl1.tiff`;
}

/** The index, in pieces. */
export function* harmonyIndex(plate: HarmonyPlate): Generator<string> {
  yield '<?xml version="1.0" encoding="utf-8"?>\n';
  yield '<EvaluationInputData Version="1" xmlns="http://www.perkinelmer.com/PEHH/HarmonyV5">\n';
  yield '  <User>deepyeast simulate</User>\n  <InstrumentType>Simulation</InstrumentType>\n';
  yield '  <Plates>\n    <Plate>\n';
  yield element(6, 'PlateID', plate.name);
  yield element(6, 'Name', plate.name);
  yield element(6, 'PlateTypeName', `${plate.rows * plate.columns} wells`);
  yield element(6, 'PlateRows', plate.rows);
  yield element(6, 'PlateColumns', plate.columns);
  for (const well of plate.wells) yield `      <Well id="${wellId(well)}" />\n`;
  yield '    </Plate>\n  </Plates>\n  <Wells>\n';
  const fieldsOf = groupBy(plate.fields, ({ well }) => well);
  for (const well of plate.wells) {
    yield '    <Well>\n';
    yield element(6, 'id', wellId(well)) + element(6, 'Row', well.row) + element(6, 'Col', well.column);
    for (const { field } of fieldsOf.get(well) ?? [])
      for (const { number } of plate.channels) yield `      <Image id="${imageId(well, field, number)}" />\n`;
    yield '    </Well>\n';
  }
  yield '  </Wells>\n  <Images>\n';
  for (const field of plate.fields) for (const channel of plate.channels) yield imageElement(plate, field, channel);
  yield '  </Images>\n</EvaluationInputData>\n';
}

function imageElement(plate: HarmonyPlate, { well, field, x, y }: HarmonyField, channel: HarmonyChannel): string {
  const texts: [name: string, text: string | number, unit?: string][] = [
    ['id', imageId(well, field, channel.number)],
    ['State', 'Ok'],
    ['URL', harmonyImageName(well, field, channel.number)],
    ['Row', well.row],
    ['Col', well.column],
    ['FieldID', field],
    ['PlaneID', 1],
    // The first time is 0 here and sk1 in the names.
    ['TimepointID', 0],
    ['SequenceID', 1],
    ['GroupID', 1],
    ['ChannelID', channel.number],
    ['FlimID', 1],
    ['ChannelName', channel.name],
    ['ImageType', 'Signal'],
    ['AcquisitionType', 'NipkowConfocal'],
    ['IlluminationType', 'Epifluorescence'],
    ['ChannelType', 'Fluorescence'],
    ['ImageResolutionX', metres(plate.pixelSize), 'm'],
    ['ImageResolutionY', metres(plate.pixelSize), 'm'],
    ['ImageSizeX', plate.width],
    ['ImageSizeY', plate.height],
    ['BinningX', 1],
    ['BinningY', 1],
    ['MaxIntensity', 65536],
    ['PositionX', metres(x), 'm'],
    ['PositionY', metres(y), 'm'],
    ['PositionZ', metres(0), 'm'],
    ['MeasurementTimeOffset', 0, 's'],
    ['MainExcitationWavelength', channel.excitation, 'nm'],
    ['MainEmissionWavelength', channel.emission, 'nm'],
  ];
  const lines = texts.map(([name, text, unit]) => element(6, name, text, unit));
  return `    <Image Version="1">\n${lines.join('')}    </Image>\n`;
}

function element(indent: number, name: string, text: string | number, unit?: string): string {
  const attribute = unit === undefined ? '' : ` Unit="${unit}"`;
  return `${' '.repeat(indent)}<${name}${attribute}>${escaped(String(text))}</${name}>\n`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function wellId({ row, column }: PlannedWell): string {
  return `${twoDigits(row)}${twoDigits(column)}`;
}

/** Time K, field F, plane P, channel R. */
function imageId(well: PlannedWell, field: number, channel: number): string {
  return `${wellId(well)}K1F${field}P1R${channel}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

/** Harmony writes lengths in metres. */
function metres(micrometres: number): string {
  return micrometres === 0 ? '0' : (micrometres * 1e-6).toExponential(9).replace('e', 'E');
}
