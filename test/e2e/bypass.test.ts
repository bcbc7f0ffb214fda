/** Every attempt to get round the rules, for real, on kernels that preempt at any point: docs/bypasses.md. */
import { testAttempts, testCatalogue } from './bypass/on-machines.ts';

testCatalogue();
testAttempts('full');
