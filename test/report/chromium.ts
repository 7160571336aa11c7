import { existsSync } from 'node:fs';

const candidates = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
];

/** The system's Chromium, undefined where there is none. */
export const chromium = candidates.find(
  (path): path is string => path !== undefined && path !== '' && existsSync(path),
);
