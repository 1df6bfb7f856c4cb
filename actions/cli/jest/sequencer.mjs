// Which test files begin first. jest knows how long each took from a cache of its own, which a new machine does not
// have; there it goes by the size of a file, and one of few lines may take a quarter of an hour, alone at the end.
import Sequencer from '@jest/test-sequencer';

/** Longest first, as they were seen to be; a test holds that they exist. */
export const LONGEST = [
  'actions/cli/src/containers/sixty.test.ctr.ts',
  'actions/cli/src/containers/broken/broken.test.ctr.ts',
  'actions/cli/src/containers/killed.test.ctr.ts',
  'actions/cli/src/containers/together.test.ctr.ts',
  'actions/shared/src/targets/compose/compose.test.ctr.ts',
  'actions/cli/src/act/compose.test.ctr.ts',
  'actions/cli/src/act/workflows.test.itg.ts',
  'loadtests/src/suites.test.itg.ts',
  'actions/cli/src/ship.test.itg.ts',
  'actions/shared/src/ship/ship.test.itg.ts',
  'actions/cli/src/rollout/production.test.itg.ts',
  'actions/cli/src/chaos/chaos.test.itg.ts',
];

export default class LongestFirst extends Sequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    const first = LONGEST.flatMap((path) => sorted.filter((test) => test.path.endsWith(`/${path}`)));
    return [...first, ...sorted.filter((test) => !first.includes(test))];
  }
}
