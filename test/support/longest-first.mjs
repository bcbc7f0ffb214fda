/**
 * The order of the end-to-end tests for jest: the longest first, so that two files at a time end together. Jest itself would go by the size
 * of the files where it has not run them before. Minutes as measured; a file that is not here takes less.
 */
const MINUTES = {
  'bypass.test.ts': 5,
  'bypass-voluntary.test.ts': 5,
  'agent.test.ts': 4,
  'kernels.test.ts': 4,
  'containers.test.ts': 3,
  'holding.test.ts': 3,
};

const minutesOf = ({ path }) => MINUTES[path.slice(path.lastIndexOf('/') + 1)] ?? 0;

export default class LongestFirst {
  sort(tests) {
    return [...tests].sort((one, other) => minutesOf(other) - minutesOf(one) || one.path.localeCompare(other.path));
  }

  cacheResults() {}
}
