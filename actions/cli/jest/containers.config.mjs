// The tests that need a Docker Engine: `npm run test:containers`.
import { fileURLToPath } from 'node:url';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

export default {
  rootDir: here('../../..'),
  extensionsToTreatAsEsm: ['.ts'],
  modulePathIgnorePatterns: ['<rootDir>/.papergate/'],
  testEnvironment: 'node',
  testMatch: ['**/*.test.ctr.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/.papergate/'],
  testTimeout: 300_000,
  setupFilesAfterEnv: [here('containers-again.mjs')],
  globalSetup: here('containers.mjs'),
  globalTeardown: here('containers-end.mjs'),
  transform: { '\\.ts$': here('strip-types.mjs') },
};
