import { expect, test } from 'vitest';
import { withSlashes } from '../../src/files/slashes';

test('backslashes are slashes on Windows, and letters of a name elsewhere', () => {
  expect(withSlashes('{class}\\{protein}-{cell}.png', 'win32')).toBe('{class}/{protein}-{cell}.png');
  expect(withSlashes('a\\b/c', 'linux')).toBe('a\\b/c');
});
