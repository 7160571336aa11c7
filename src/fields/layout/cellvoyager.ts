/**
 * The files in which CellVoyager (Yokogawa CV7000, CV8000, CQ1) notes a measurement: MeasurementData.mlf has a record an
 * image, MeasurementDetail.mrf the pixel size of each channel, the .mes file what a channel shows.
 */

import { basename, dirname, join } from 'node:path';
import { parseColumn, parseRow, wellName } from '../../data/well';
import { parseNumber, parseWholeNumber } from '../../files/number';
import { readXmlFile } from '../xml';
import type { FoundPlane, FoundPlanes, PlateNotes, SourceFiles } from './found-plane';

type Position = NonNullable<FoundPlane['position']>;

/** Reads what there is of these files; each tells of the images in its folder. */
export async function readCellVoyagerNotes({ root, paths }: SourceFiles, found: FoundPlanes): Promise<PlateNotes> {
  const notes = paths.filter((path) => /\.(mlf|mrf|mes)$/i.test(path));
  const channelNames = new Map<string, string>();
  /** By folder and channel. */
  const pixelSizes = new Map<string, number>();
  /** By path. */
  const positions = new Map<string, Position>();
  for (const path of notes) {
    const folder = dirname(path);
    const full = join(root, path);
    if (/\.mlf$/i.test(path)) await readRecords(full, folder, positions, found);
    else {
      await readXmlFile(full, {
        open(name, attributes) {
          const channel = String(parseWholeNumber(attributes.Ch ?? '') ?? '');
          const pixelSize = parseNumber(attributes.HorizontalPixelDimension ?? '') ?? 0;
          if (name === 'MeasurementChannel' && pixelSize > 0) pixelSizes.set(`${folder}/${channel}`, pixelSize);
          else if (name === 'Channel' && attributes.Target) channelNames.set(channel, attributes.Target);
        },
      });
    }
  }
  return {
    files: new Set(notes),
    channelNames,
    of(path, channel) {
      const pixelSize = pixelSizes.get(`${dirname(path)}/${channel}`);
      const position = positions.get(join(dirname(path), basename(path)));
      return { ...(pixelSize !== undefined && { pixelSize }), ...(position && { position }) };
    },
  };
}

async function readRecords(
  path: string,
  folder: string,
  positions: Map<string, Position>,
  found: FoundPlanes,
): Promise<void> {
  let position: Position | undefined;
  let errorWell: string | undefined;
  let errors = 0;
  let firstError = '';
  await readXmlFile(path, {
    open(name, { Type, X, Y, Row, Column }) {
      if (name !== 'MeasurementRecord') return;
      position = Type === 'IMG' ? readPosition(X, Y) : undefined;
      errorWell = Type === 'ERR' ? wellOf(Row, Column) : undefined;
    },
    close(name, text) {
      if (name !== 'MeasurementRecord') return;
      if (position && text !== '') positions.set(join(folder, basename(text.replaceAll('\\', '/'))), position);
      if (errorWell !== undefined && errors++ === 0) firstError = `${text || 'an error'} (${errorWell})`;
    },
  });
  if (errors > 0) {
    found.warning(
      `the microscope recorded ${errors} ${errors === 1 ? 'error' : 'errors'} in ${path}: ${firstError} for one`,
    );
  }
}

function readPosition(x: string | undefined, y: string | undefined): Position | undefined {
  const [left, top] = [parseNumber(x ?? ''), parseNumber(y ?? '')];
  return left !== undefined && top !== undefined ? { x: left, y: top } : undefined;
}

function wellOf(row: string | undefined, column: string | undefined): string {
  const [down, across] = [parseRow(row ?? ''), parseColumn(column ?? '')];
  return down !== undefined && across !== undefined ? wellName({ row: down, column: across }) : 'no well';
}
