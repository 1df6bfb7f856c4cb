import type { InputSpec } from './kinds.ts';

/** The checkout that holds the release's tree. */
export const WORKING_DIRECTORY_INPUT = {
  kind: 'path',
  is: 'folder',
  default: '.',
  description: 'The checkout that holds the tree of the release, against the workspace.',
} as const satisfies InputSpec;

/** Where state lies; `job.home` is what comes of it. */
export const HOME_INPUT = {
  kind: 'path',
  description:
    'Where state lies. Without it: the variable PAPERGATE_HOME, else papergate in the temporary folder of the job.',
} as const satisfies InputSpec;
