// The tests that need a Docker Engine, one file after the other: `npm run test:containers`.
import { fileURLToPath } from 'node:url';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

export default {
  rootDir: here('../../..'),
  extensionsToTreatAsEsm: ['.ts'],
  modulePathIgnorePatterns: ['<rootDir>/.papergate/'],
  testEnvironment: 'node',
  // Those of the night take longer than a submission can wait for.
  testMatch: process.env.PAPERGATE_NIGHTLY === 'true' ? ['**/*.nightly.ctr.ts'] : ['**/*.test.ctr.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/.papergate/'],
  testTimeout: 300_000,
  maxWorkers: 1,
  setupFilesAfterEnv: [here('containers-again.mjs')],
  globalSetup: here('containers.mjs'),
  globalTeardown: here('containers-end.mjs'),
  transform: { '\\.ts$': here('strip-types.mjs') },
};
