import { defineConfig } from 'vitest/config';

// unit: `npm test`, minutes. real: `npm run test:real`, trains on the real cells beside the project.
// Every test file has a process of its own (forks), so that a crash of the native addon is one file's failure. Two files
// at a time: each may use native threads of its own.
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/real/**'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: { name: 'real', include: ['test/real/**/*.test.ts'], testTimeout: 900_000, hookTimeout: 120_000 },
      },
    ],
  },
});
