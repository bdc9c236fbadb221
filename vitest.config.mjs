import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['__test__/**/*.test.mjs'],
    // Real processes start and stop in these tests, on machines that may be busy.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
  },
})
