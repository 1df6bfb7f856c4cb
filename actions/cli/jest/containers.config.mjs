// The tests that need a Docker Engine, one file after the other: `npm run test:containers`.
import { fileURLToPath } from 'node:url';

const rootDir = fileURLToPath(new URL('../../..', import.meta.url));

export default {
  rootDir,
  extensionsToTreatAsEsm: ['.ts'],
  modulePathIgnorePatterns: ['<rootDir>/.papergate/'],
  testEnvironment: 'node',
  testMatch: ['**/*.test.ctr.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/.papergate/'],
  testTimeout: 300_000,
  maxWorkers: 1,
  globalSetup: '<rootDir>/actions/cli/jest/containers.mjs',
  globalTeardown: '<rootDir>/actions/cli/jest/containers-end.mjs',
  transform: { '\\.ts$': '<rootDir>/actions/cli/jest/strip-types.mjs' },
};
