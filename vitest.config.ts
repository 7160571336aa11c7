import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: ['test/real/**'], testTimeout: 60_000, pool: 'forks' } },
      { test: { name: 'real', include: ['test/real/**/*.test.ts'], testTimeout: 600_000, pool: 'forks' } },
    ],
  },
});
