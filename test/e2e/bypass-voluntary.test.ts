/** The same attempts as in bypass.test.ts, on kernels that preempt where they say so: by itself, so that it can run beside the other. */
import { testAttempts } from './bypass/on-machines.ts';

testAttempts('voluntary');
