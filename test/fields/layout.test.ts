import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DeepYeastError } from '../../src/errors';
import { type FieldListing, listFields, readField } from '../../src/fields';
import { temporaryFolder } from '../temporary-folder';
import { fieldsFixture, rfpGfp, summary, writeFiles } from './fixture';

const folder = temporaryFolder();
const channels = rfpGfp('ch3', 'ch1');

async function refusal(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DeepYeastError);
  const { code, message } = error as DeepYeastError;
  return { code, message };
}

describe('Harmony', () => {
  const measurements: [string, string, string, string[]][] = [
    ['schema HarmonyV4', 'v4__2016-02-03T10_11_12-Measurement 1', 'v4', ['Images/r01c01f01p01-ch3sk1fk1fl1.tiff z1']],
    [
      'schema HarmonyV5, a stack of three planes',
      'v5__2019-02-03T10_11_12-Measurement 1',
      'v5',
      [1, 2, 3].map((z) => `Images/r01c01f01p0${z}-ch3sk1fk1fl1.tiff z${z}`),
    ],
    ['schema HarmonyV6', 'v6__2021-02-03T10_11_12-Measurement 1', 'v6', ['Images/r01c01f01p01-ch3sk1fk1fl1.tiff z1']],
    ['schema HarmonyV7', 'v7__2023-02-03T10_11_12-Measurement 2', 'v7', ['Images/r01c01f01p01-ch3sk1fk1fl1.tiff z1']],
    [
      'the index above the images',
      'above__2024-02-03T10_11_12-Measurement 1',
      'above',
      ['Images/r01c01f01p01-ch3sk1fk1fl1.tiff z1'],
    ],
    [
      'an archive',
      'archive',
      'archived',
      ['hs/00000000-0000-0000-0000-00000000004d/images/r01c01/r01c01f01p01-ch3t01.tiff z1'],
    ],
  ];

  test.each(measurements)('%s', async (_, measurement, plate, planes) => {
    const root = join(fieldsFixture, 'harmony', measurement);
    const listing = await listFields([root], { channels });
    expect(listing).toMatchObject({ problems: [], leftOut: [], warnings: [], plateNames: [plate] });
    expect(listing.channelNames).toEqual(['ch1 (EGFP)', 'ch3 (mCherry & more)']);
    expect(listing.fields.map(({ key }) => key)).toEqual(
      ['A01/1', 'A01/2', 'B03/1', 'B03/2'].map((rest) => `${plate}/${rest}`),
    );
    expect(summary(listing, root)[`${plate}/A01/1`]!.rfp).toBe(planes.join(', '));
    const [first] = listing.fields;
    expect(first).toMatchObject({ plate, well: 'A01', field: '1' });
    expect(first!.markerPath).toBe(join(root, planes[0]!.replace(/ z1$/, '')));
    expect(first!.pixelSize).toBeCloseTo(0.108333, 6);
    expect(first!.position!.x).toBeCloseTo(-100, 6);
    expect(first!.position!.y).toBeCloseTo(200, 6);
    expect(listing.size).toEqual({ width: 12, height: 9 });
    const { rfp, gfp } = await readField(first!);
    expect([rfp!.width, rfp!.height, gfp!.data.length]).toEqual([12, 9, 108]);
  });

  test('channels go by number, by ch and number, and by the name in the index', async () => {
    const root = join(fieldsFixture, 'harmony', measurements[2]![1]);
    const listings = await Promise.all(
      [rfpGfp('3', '1'), rfpGfp('ch3', 'CH1'), rfpGfp('mcherry & more', 'EGFP'), rfpGfp('03', '01')].map((wanted) =>
        listFields([root], { channels: wanted }),
      ),
    );
    for (const listing of listings) expect(listing.fields).toEqual(listings[0]!.fields);
  });

  test('without an index the names of files and folders tell everything but pixel size and position', async () => {
    const root = folder.path('plate 7__2020-01-01T00_00_00-Measurement 1');
    writeFiles(join(root, 'Images'), [
      'r02c11f10p01-ch1sk1fk1fl1.tiff',
      'r02c11f10p01-ch3sk1fk1fl1.tiff',
      'r02c11f09p01-ch1sk1fk1fl1.tiff',
      'r02c11f09p01-ch3sk1fk1fl1.tiff',
    ]);
    const listing = await listFields([root], { channels });
    expect(listing.fields.map(({ key }) => key)).toEqual(['plate 7/B11/9', 'plate 7/B11/10']);
    expect(listing.channelNames).toEqual(['ch1', 'ch3']);
    // The folder of the images alone says the same.
    const images = await listFields([join(root, 'Images')], { channels });
    expect(images.fields).toEqual(listing.fields);
  });

  test('a field without one of the channels is a problem by its path; other channels and files are counted', async () => {
    const root = folder.path('plate');
    writeFiles(root, [
      'r01c01f01p01-ch1sk1fk1fl1.tiff',
      'r01c01f01p01-ch2sk1fk1fl1.tiff',
      'r01c01f01p01-ch3sk1fk1fl1.tiff',
      'r01c01f02p01-ch1sk1fk1fl1.tiff',
      'r01c01f02p01-ch2sk1fk1fl1.tiff',
      'overview.tiff',
      'notes.txt',
      '.DS_Store',
      '.hidden',
    ]);
    const listing = await listFields([root], { channels });
    expect(listing.fields.map(({ key }) => key)).toEqual(['plate/A01/1']);
    expect(listing.problems).toEqual([
      {
        path: join(root, 'r01c01f02p01-ch1sk1fk1fl1.tiff'),
        reason: 'the field plate/A01/2 has no image for the channel rfp (ch3)',
        code: 'image-invalid',
      },
    ]);
    expect(counts(listing)).toEqual({
      hidden: 1,
      "not named as Harmony's images": 2,
      'the channel ch2, not asked for': 2,
    });
  });

  test('the index may be given for its folder', async () => {
    const root = join(fieldsFixture, 'harmony', measurements[2]![1], 'Images');
    const byIndex = await listFields([join(root, 'Index.xml')], { channels });
    expect(byIndex.fields).toEqual((await listFields([root], { channels })).fields);
  });

  test('early versions name the channel by its record', async () => {
    const root = folder.path('plate');
    writeFiles(root, ['r02c07f01p01rc1-ch1sk1fk1fl1.tiff', 'r02c07f01p01rc2-ch1sk1fk1fl1.tiff']);
    const listing = await listFields([root], { channels: rfpGfp('ch2', '1') });
    expect(summary(listing, root)).toEqual({
      'plate/B07/1': { rfp: 'r02c07f01p01rc2-ch1sk1fk1fl1.tiff z1', gfp: 'r02c07f01p01rc1-ch1sk1fk1fl1.tiff z1' },
    });
  });

  test('no channels asked for: all of them, by their numbers', async () => {
    const { fields } = await listFields([join(fieldsFixture, 'harmony', measurements[2]![1])], { channels: new Map() });
    expect(Object.keys(fields[0]!.channels)).toEqual(['1', '3']);
  });

  test('a listing that is cancelled says so', async () => {
    const source = join(fieldsFixture, 'harmony', measurements[2]![1]);
    const { code } = await refusal(listFields([source], { channels, signal: AbortSignal.abort() }));
    expect(code).toBe('aborted');
  });

  test('one folder twice is refused', async () => {
    const source = join(fieldsFixture, 'harmony', measurements[2]![1]);
    expect((await refusal(listFields([source, source], { channels }))).message).toMatch(
      /tiff is found twice: give each folder once/,
    );
    expect((await refusal(listFields([], { channels }))).code).toBe('invalid-argument');
  });

  test('times: one of several has to be chosen', async () => {
    const root = folder.path('plate');
    const names = [1, 2, 3].flatMap((t) => [1, 3].map((channel) => `r01c01f01p01-ch${channel}sk${t}fk1fl1.tiff`));
    writeFiles(root, names);
    expect(await refusal(listFields([root], { channels }))).toEqual({
      code: 'invalid-argument',
      message: 'the images have the times 1, 2, 3: say which one with --t',
    });
    const listing = await listFields([root], { channels, t: 2 });
    expect(summary(listing, root)).toEqual({
      'plate/A01/1': { rfp: 'r01c01f01p01-ch3sk2fk1fl1.tiff z1', gfp: 'r01c01f01p01-ch1sk2fk1fl1.tiff z1' },
    });
    expect(counts(listing)).toEqual({ 'another time than 2': 4 });
    expect((await refusal(listFields([root], { channels, t: 4 }))).message).toBe(
      'found no time 4; the images have 1, 2, 3',
    );
  });

  test('the times of an index that counts from 0 are those of the names', async () => {
    const root = folder.path('plate');
    const source = join(fieldsFixture, 'harmony', measurements[0]![1], 'Images', 'Index.idx.xml');
    const index = readFileSync(source, 'utf8').replaceAll(/r(\d+c\d+)f(\d+)p01-ch(\d)sk1fk1fl1/g, 'x$1-$2-$3');
    writeFiles(root, ['x01c01-01-1.tiff', 'x01c01-01-3.tiff']);
    writeFileSync(join(root, 'Index.idx.xml'), index);
    const listing = await listFields([root], { channels, layout: 'harmony', t: 1 });
    expect(summary(listing, root)).toEqual({ 'v4/A01/1': { rfp: 'x01c01-01-3.tiff z1', gfp: 'x01c01-01-1.tiff z1' } });
  });

  test('an index and the files that do not agree', async () => {
    const root = folder.path('plate');
    const source = join(fieldsFixture, 'harmony', measurements[0]![1], 'Images', 'Index.idx.xml');
    writeFiles(root, [
      'r01c01f01p01-ch1sk1fk1fl1.tiff',
      'r01c01f01p01-ch3sk1fk1fl1.tiff',
      'r05c01f01p01-ch1sk1fk1fl1.tiff',
      'r05c01f01p01-ch3sk1fk1fl1.tiff',
    ]);
    writeFileSync(join(root, 'Index.idx.xml'), readFileSync(source));
    const listing = await listFields([root], { channels });
    expect(listing.fields.map(({ key }) => key)).toEqual(['v4/A01/1', 'v4/E01/1']);
    expect(listing.warnings).toEqual([
      `${join(root, 'Index.idx.xml')} lists 8 images, of which 6 are not there, r01c01f02p01-ch1sk1fk1fl1.tiff for one`,
      `2 images are not listed in ${join(root, 'Index.idx.xml')} and taken by their names, r05c01f01p01-ch1sk1fk1fl1.tiff for one`,
    ]);
  });

  test('two measurements of one plate are refused: their planes would be mixed up', async () => {
    const measurement = (number: number) => `P1__2020-01-0${number}T00_00_00-Measurement ${number}/Images`;
    const root = folder.path('both');
    for (const number of [1, 2]) {
      writeFiles(join(root, measurement(number)), ['r01c01f01p01-ch1sk1fk1fl1.tiff', 'r01c01f01p01-ch3sk1fk1fl1.tiff']);
    }
    const { code, message } = await refusal(listFields([root], { channels }));
    expect(code).toBe('invalid-argument');
    expect(message).toMatch(/ are the same plane of one field by their names: read one measurement at a time/);
  });
});

describe('MetaXpress', () => {
  test('names of every kind; thumbnails are passed over', async () => {
    const root = folder.path('2024-03-01');
    const identifier = 'A1B2C3D4-0000-4000-8000-00000000000A';
    writeFiles(root, [
      'my_plate_A01_s1_w1.TIF',
      'my_plate_A01_s1_w2.TIF',
      'my_plate_A01_s1_w1_thumb.TIF',
      `my_plate_A01_s2_w1${identifier}.tif`,
      `my_plate_A01_s2_w2${identifier}.tif`,
      `my_plate_A01_s2_w2_thumb${identifier}.tif`,
      'my_plate_AB12_s1_w1.TIF',
      'my_plate_AB12_s1_w2.TIF',
      'my_plate.HTD',
    ]);
    const listing = await listFields([root], { channels: rfpGfp('w2', '1') });
    expect(summary(listing, root)).toEqual({
      'my_plate/A01/1': { rfp: 'my_plate_A01_s1_w2.TIF', gfp: 'my_plate_A01_s1_w1.TIF' },
      'my_plate/A01/2': {
        rfp: `my_plate_A01_s2_w2${identifier}.tif`,
        gfp: `my_plate_A01_s2_w1${identifier}.tif`,
      },
      'my_plate/AB12/1': { rfp: 'my_plate_AB12_s1_w2.TIF', gfp: 'my_plate_AB12_s1_w1.TIF' },
    });
    expect(counts(listing)).toEqual({ thumbnails: 2 });
  });

  test('folders of times and planes; a projection beside its stack is left out', async () => {
    const root = folder.path('plate');
    const files = [1, 2].flatMap((t) =>
      ['', 'ZStep_1/', 'ZStep_2/'].flatMap((z) => [1, 2].map((w) => `TimePoint_${t}/${z}P_A01_s1_w${w}.TIF`)),
    );
    writeFiles(root, files);
    const listing = await listFields([root], { channels: rfpGfp('2', '1'), t: 2 });
    expect(summary(listing, root)).toEqual({
      'P/A01/1': {
        rfp: 'TimePoint_2/ZStep_1/P_A01_s1_w2.TIF z1, TimePoint_2/ZStep_2/P_A01_s1_w2.TIF z2',
        gfp: 'TimePoint_2/ZStep_1/P_A01_s1_w1.TIF z1, TimePoint_2/ZStep_2/P_A01_s1_w1.TIF z2',
      },
    });
    expect(counts(listing)).toEqual({ 'a projection beside its z-stack': 2, 'another time than 2': 6 });
  });

  test('the HTD file gives the channels their names', async () => {
    const root = folder.path('plate');
    writeFiles(root, ['TimePoint_1/P_A01_s1_w1.TIF', 'TimePoint_1/P_A01_s1_w2.TIF']);
    writeFileSync(
      join(root, 'P.HTD'),
      '"HTSInfoFile", Version 1.0\r\n"Description", ""\r\n"NWavelengths", 2\r\n"WaveName1", "GFP"\r\n"WaveName2", "TxRed 5%"\r\n"EndFile"\r\n',
    );
    const listing = await listFields([root], { channels: rfpGfp('txred 5%', 'GFP') });
    expect(listing.channelNames).toEqual(['w1 (GFP)', 'w2 (TxRed 5%)']);
    expect(summary(listing, root)['P/A01/1']!.rfp).toBe('TimePoint_1/P_A01_s1_w2.TIF');
    expect(listing.leftOut).toEqual([]);
  });
});

describe('CellVoyager', () => {
  const names = (well: string, field: number, z: number) =>
    [1, 2].map((channel) => `PL_1_${well}_T0001F00${field}L01A0${channel}Z0${z}C0${channel}.tif`);

  test('names give plate, well, field, plane and channel', async () => {
    const root = folder.path('plate');
    writeFiles(root, [...names('A01', 1, 1), ...names('A01', 1, 2), ...names('P24', 3, 1), 'DC_DCAM#1_CAM3.tif']);
    const listing = await listFields([root], { channels: rfpGfp('C02', '1') });
    expect(summary(listing, root)).toEqual({
      'PL_1/A01/1': {
        rfp: 'PL_1_A01_T0001F001L01A02Z01C02.tif z1, PL_1_A01_T0001F001L01A02Z02C02.tif z2',
        gfp: 'PL_1_A01_T0001F001L01A01Z01C01.tif z1, PL_1_A01_T0001F001L01A01Z02C01.tif z2',
      },
      'PL_1/P24/3': {
        rfp: 'PL_1_P24_T0001F003L01A02Z01C02.tif z1',
        gfp: 'PL_1_P24_T0001F003L01A01Z01C01.tif z1',
      },
    });
    expect(counts(listing)).toEqual({ 'not named as images of the layout cellvoyager': 1 });
  });

  test('its files of metadata give pixel size, positions and names of channels', async () => {
    const root = folder.path('plate');
    const files = names('B02', 1, 1);
    writeFiles(root, files);
    const bts = 'xmlns:bts="http://www.yokogawa.co.jp/BTS/BTSSchema/1.0"';
    const record = (file: string, channel: number) =>
      `<bts:MeasurementRecord bts:Type="IMG" bts:Column="2" bts:Row="2" bts:TimePoint="1" bts:FieldIndex="1" bts:ZIndex="1" bts:X="-65.5" bts:Y="12" bts:Z="3" bts:Ch="${channel}">${file}</bts:MeasurementRecord>`;
    writeFileSync(
      join(root, 'MeasurementData.mlf'),
      `<?xml version="1.0" encoding="utf-8"?><bts:MeasurementData bts:Version="1.0" ${bts}>${files.map((file, index) => record(file, index + 1)).join('')}<bts:MeasurementRecord bts:Type="ERR" bts:Column="3" bts:Row="2" bts:TimePoint="1" bts:FieldIndex="1" bts:Value="Failed to focus">Failed to focus</bts:MeasurementRecord></bts:MeasurementData>`,
    );
    writeFileSync(
      join(root, 'MeasurementDetail.mrf'),
      `<?xml version="1.0"?><bts:MeasurementDetail ${bts} bts:MeasurementSettingFileName="s.mes">${[1, 2].map((channel) => `<bts:MeasurementChannel bts:Ch="${channel}" bts:HorizontalPixelDimension="0.1625" bts:VerticalPixelDimension="0.1625"/>`).join('')}</bts:MeasurementDetail>`,
    );
    writeFileSync(
      join(root, 's.mes'),
      `<bts:MeasurementSetting ${bts}><bts:ChannelList><bts:Channel bts:Ch="1" bts:Target="GFP"/><bts:Channel bts:Ch="2" bts:Target="mCherry"/></bts:ChannelList></bts:MeasurementSetting>`,
    );
    const listing = await listFields([root], { channels: rfpGfp('mCherry', 'GFP') });
    expect(listing.fields).toMatchObject([
      { key: 'PL_1/B02/1', pixelSize: 0.1625, position: { x: -65.5, y: 12 }, channels: { rfp: [{ z: 1 }] } },
    ]);
    expect(listing.channelNames).toEqual(['C1 (GFP)', 'C2 (mCherry)']);
    expect(listing.leftOut).toEqual([]);
    expect(listing.warnings).toEqual([
      `the microscope recorded 1 error in ${join(root, 'MeasurementData.mlf')}: Failed to focus (B03) for one`,
    ]);
  });
});

describe('patterns', () => {
  test('a folder a well', async () => {
    const root = folder.path('screen');
    writeFiles(root, ['A1/1-rfp.tif', 'A1/1-gfp.tif', 'H12/1-rfp.tif', 'H12/1-gfp.tif']);
    const listing = await listFields([root], {
      pattern: '{well}/{field}-{channel}.tif',
      channels: rfpGfp('rfp', 'gfp'),
    });
    expect(summary(listing, root)).toEqual({
      'screen/A01/1': { rfp: 'A1/1-rfp.tif', gfp: 'A1/1-gfp.tif' },
      'screen/H12/1': { rfp: 'H12/1-rfp.tif', gfp: 'H12/1-gfp.tif' },
    });
  });

  test('rows and columns, planes, proteins, and names that mean nothing', async () => {
    const root = folder.path('screen');
    const file = (z: number, channel: string) => `P9/AAC1_het_r02_c03_f1_z${z}_${channel}.tif`;
    writeFiles(root, [file(1, 'a'), file(1, 'b'), file(2, 'a'), file(2, 'b'), 'P9/deeper/x.tif', 'readme.txt']);
    const pattern = '{plate}/{protein}_{ploidy}_r{row}_c{column}_f{field}_z{z}_{channel}.tif';
    const listing = await listFields([root], { pattern, channels: rfpGfp('a', 'b') });
    expect(listing.fields).toMatchObject([
      { key: 'P9/B03/1', plate: 'P9', well: 'B03', field: '1', protein: 'AAC1', columns: { ploidy: 'het' } },
    ]);
    expect(listing.fields[0]!.channels.gfp!.map(({ z }) => z)).toEqual([1, 2]);
    expect(counts(listing)).toEqual({ [`not of the pattern ${pattern}`]: 2 });
  });

  test('a row or a number that is none leaves its file out, with the reason', async () => {
    const root = folder.path('screen');
    writeFiles(root, ['X9_1_a.tif', 'A1_1_a.tif', 'A1_1_b.tif', 'A1_one_a.tif']);
    const listing = await listFields([root], {
      pattern: '{row}{column}_{z}_{channel}.tif',
      channels: rfpGfp('a', 'b'),
    }).catch((error: Error) => error);
    if (listing instanceof Error) throw listing;
    expect(counts(listing)['the plane "one" is no number']).toBe(1);
  });

  test.each([
    ['{row}_{channel}.tif', /only one of \{row\} and \{column\}/],
    ['{well}_{row}_{column}_{channel}.tif', /\{well\} beside \{row\} and \{column\}/],
    ['/{well}.tif', /relative to the source/],
  ])('the pattern %s is refused', async (pattern, says) => {
    writeFiles(folder.path('screen'), ['A1_a.tif']);
    const { code, message } = await refusal(
      listFields([folder.path('screen')], { pattern, channels: rfpGfp('a', 'b') }),
    );
    expect(code).toBe('invalid-argument');
    expect(message).toMatch(says);
  });

  test('a layout beside a pattern is refused', async () => {
    const { code } = await refusal(
      listFields([fieldsFixture], { layout: 'harmony', pattern: '{well}_{channel}.tif', channels }),
    );
    expect(code).toBe('invalid-argument');
  });
});

describe('names that a pattern fits in several ways', () => {
  const pattern = '{plate}_{well}_s{field}_w{channel}.tif';

  test('are read by what all of them allow', async () => {
    const root = folder.path('screen');
    writeFiles(root, [
      'my_plate_A01_s1_w1.tif',
      'my_plate_A01_s1_w2.tif',
      'my_plate_B12_s1_w1.tif',
      'my_plate_B12_s1_w2.tif',
    ]);
    const listing = await listFields([root], { pattern, channels: rfpGfp('2', '1') });
    expect(listing.fields.map(({ key }) => key)).toEqual(['my_plate/A01/1', 'my_plate/B12/1']);
    expect(listing.warnings).toEqual([expect.stringMatching(/4 of 4 paths fit .* in several ways; read by/)]);
  });

  test('are refused where nothing tells', async () => {
    const root = folder.path('screen');
    writeFiles(root, ['a_b_c_1.tif', 'a_b_c_2.tif']);
    const { code, message } = await refusal(
      listFields([root], { pattern: '{plate}_{strain}_{channel}.tif', channels: rfpGfp('2', '1') }),
    );
    expect(code).toBe('invalid-argument');
    expect(message).toMatch(/fits 2 paths in several ways/);
  });
});

describe('what cannot be taken is told', () => {
  test('nothing of any layout', async () => {
    writeFiles(folder.path('empty'), ['readme.txt']);
    expect(await refusal(listFields([folder.path('empty')], { channels }))).toEqual({
      code: 'invalid-argument',
      message: expect.stringMatching(
        /none of the 1 files in .*empty is named as Harmony.*the first is readme\.txt.*--pattern/,
      ),
    });
    expect((await refusal(listFields([folder.path('nowhere')], { channels }))).code).toBe('io-error');
  });

  test('a channel that no image has', async () => {
    const root = join(fieldsFixture, 'harmony/v6__2021-02-03T10_11_12-Measurement 1');
    expect(await refusal(listFields([root], { channels: rfpGfp('ch3', 'ch7') }))).toEqual({
      code: 'invalid-argument',
      message: 'found no channel "ch7" for gfp; the images have ch1 (EGFP), ch3 (mCherry & more)',
    });
    expect((await refusal(listFields([root], { channels: rfpGfp('ch3', '3') }))).message).toMatch(
      /rfp and gfp are both the channel ch3/,
    );
  });

  test('links are followed; broken ones, rings and names that are not UTF-8 are counted', async () => {
    const root = folder.path('plate');
    const other = folder.path('elsewhere');
    writeFiles(other, ['r01c01f01p01-ch1sk1fk1fl1.tiff']);
    writeFiles(root, ['r01c01f01p01-ch3sk1fk1fl1.tiff']);
    symlinkSync(join(other, 'r01c01f01p01-ch1sk1fk1fl1.tiff'), join(root, 'r01c01f01p01-ch1sk1fk1fl1.tiff'));
    mkdirSync(join(root, 'within'));
    symlinkSync(root, join(root, 'within', 'ring'));
    symlinkSync(join(root, 'nothing'), join(root, 'broken.tiff'));
    symlinkSync(join(root, 'itself'), join(root, 'itself'));
    writeFileSync(Buffer.concat([Buffer.from(join(root, 'na')), Buffer.from([0xef]), Buffer.from('ve.tiff')]), 'x');
    const listing = await listFields([root], { channels });
    expect(listing.fields.map(({ key }) => key)).toEqual(['plate/A01/1']);
    expect(counts(listing)).toEqual({
      'a link to a folder that holds it': 1,
      'a link that leads nowhere': 1,
      'a link to itself': 1,
      'a name that is not UTF-8': 1,
    });
  });

  test('a folder without permission is a fault of the file system', async (context) => {
    if (process.getuid?.() === 0) context.skip('the super-user may read everything');
    const root = folder.path('plate');
    writeFiles(root, ['r01c01f01p01-ch1sk1fk1fl1.tiff', 'r01c01f01p01-ch3sk1fk1fl1.tiff', 'closed/x.tiff']);
    chmodSync(join(root, 'closed'), 0);
    try {
      const { problems } = await listFields([root], { channels });
      expect(problems).toEqual([{ path: join(root, 'closed'), reason: 'permission denied', code: 'io-error' }]);
    } finally {
      chmodSync(join(root, 'closed'), 0o700);
      rmSync(root, { recursive: true });
    }
  });

  test('several sources are listed together', async () => {
    const measurement = (name: string) => join(fieldsFixture, 'harmony', name);
    const listing = await listFields(
      [measurement('v7__2023-02-03T10_11_12-Measurement 2'), measurement('v6__2021-02-03T10_11_12-Measurement 1')],
      { channels },
    );
    expect(listing.plateNames).toEqual(['v6', 'v7']);
    expect(listing.fields).toHaveLength(8);
  });
});

function counts({ leftOut }: FieldListing): Record<string, number> {
  return Object.fromEntries(leftOut.map(({ reason, count }) => [reason, count]));
}
