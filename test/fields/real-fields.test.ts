import { expect, test } from 'vitest';
import { listFields, readField } from '../../src/fields';
import { sharedDataOrSkip } from '../shared-data';
import { rfpGfp } from './fixture';

test('two fields of an Opera Phenix', async (context) => {
  const source = sharedDataOrSkip(context, 'fields');
  const { fields, problems, size } = await listFields([source], { channels: rfpGfp('ch3', 'ch1') });
  expect(problems).toEqual([]);
  expect(fields.map(({ well, field }) => [well, field])).toEqual([
    ['A01', '1'],
    ['A01', '2'],
  ]);
  expect(size).toEqual({ width: 1080, height: 1080 });
  for (const field of fields) {
    for (const { width, height, data } of Object.values(await readField(field, { size: size! }))) {
      expect([width, height, data.constructor]).toEqual([1080, 1080, Uint16Array]);
    }
  }
});
