/** The same attempts as in bypass.test.ts, on kernels that preempt where they say so: by itself, so that it can run beside the other. */
import { nightly } from '../support/nightly.ts';
import { testAttempts } from './bypass/on-machines.ts';
import type { BypassMachine } from './bypass/on-machines.ts';

testAttempts(
  { kernel: '6.12', preempt: 'voluntary', cpus: 2 },
  ...nightly<BypassMachine>({ kernel: '6.1', preempt: 'voluntary', cpus: 1 }, { kernel: '6.1', preempt: 'voluntary', cpus: 2 }),
);
