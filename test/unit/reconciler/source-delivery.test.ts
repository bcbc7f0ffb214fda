import { describe, expect, test } from '@jest/globals';
import { complaintsOf, read } from './source-objects.ts';

describe('delivery', () => {
  test.each([
    [{ mode: 'Direct' }, { mode: 'Direct' }],
    [{ mode: 'FluxArtifact' }, { mode: 'FluxArtifact', artifactName: 'shop' }],
    [
      { mode: 'RenderedBranch', branch: 'rendered' },
      { mode: 'RenderedBranch', branch: 'rendered', path: '.', secret: { name: 'git' } },
    ],
    [
      { mode: 'RenderedBranch', branch: 'main', path: 'a/', url: 'git@other.test:x', secretRef: { name: 'other' } },
      { mode: 'RenderedBranch', branch: 'main', path: 'a', url: 'ssh://git@other.test/x', secret: { name: 'other' } },
    ],
    // The source's credentials are not for another repository.
    [
      { mode: 'RenderedBranch', branch: 'main', url: 'https://other.test/x' },
      { mode: 'RenderedBranch', branch: 'main', path: '.', url: 'https://other.test/x' },
    ],
  ])('%j', (delivery, means) => expect(read({ secretRef: { name: 'git' }, delivery }).delivery).toEqual(means));

  test.each([
    [{}, 'spec.delivery.mode missing-field: is required (one of Direct, RenderedBranch, FluxArtifact)'],
    [{ mode: 'Direct', branch: 'x' }, 'spec.delivery.branch unknown-field: is not a field of this API (that is for mode RenderedBranch)'],
    [{ mode: 'FluxArtifact', path: 'x' }, 'spec.delivery.path unknown-field: is not a field of this API (that is for mode RenderedBranch)'],
    [{ mode: 'RenderedBranch' }, 'spec.delivery.branch missing-field: is required (the branch that the YAML is written to)'],
    [
      { mode: 'RenderedBranch', branch: 'main' },
      'spec.delivery.branch invalid-value: is the branch that the source reads (write to another one)',
    ],
  ])('%j is refused', (delivery, complaint) => expect(complaintsOf({ ref: { branch: 'main' }, delivery })).toEqual([complaint]));
});
