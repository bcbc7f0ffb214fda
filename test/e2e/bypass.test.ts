/** Every attempt to get round the rules, for real, on kernels that preempt at any point: docs/bypasses.md. */
import { nightly } from '../support/nightly.ts';
import { testAttempts, testCatalogue } from './bypass/on-machines.ts';
import type { BypassMachine } from './bypass/on-machines.ts';

testCatalogue();
testAttempts({ kernel: '6.1', preempt: 'full', cpus: 1 }, ...nightly<BypassMachine>({ kernel: '6.1', preempt: 'full', cpus: 2 }));
