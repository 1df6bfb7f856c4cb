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
  // Every call of docker forks the process that makes it, and one that has run other files is hundreds of megabytes
  // larger: each file gets a worker of its own.
  workerIdleMemoryLimit: '1MB',
  transform: { '\\.ts$': here('strip-types.mjs') },
};
