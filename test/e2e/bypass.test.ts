/** Every attempt to get round the rules, for real, on kernels that preempt at any point: docs/bypasses.md. */
import { NIGHTLY } from '../support/nightly.ts';
import { testAttempts, testCatalogue } from './bypass/on-machines.ts';

testCatalogue();
testAttempts({ kernel: '6.1', preempt: 'full', cpus: 1 });
if (NIGHTLY) testAttempts({ kernel: '6.1', preempt: 'full', cpus: 2 });
