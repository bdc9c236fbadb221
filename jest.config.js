module.exports = {
  testEnvironment: 'node',
  testMatch: ['**/__test__/**/*.jest.cjs'],
  testTimeout: 60_000,
  transform: {},
}
