/** Prints what the agent finds out about this kernel, as one line of JSON. */
import path from 'node:path';
import { probeKernel } from '../../../agent/src/adapters/kernel/index.ts';

const support = await probeKernel({ bpfDirectory: path.resolve('bpf/build') });
process.stdout.write(`support ${JSON.stringify(support)}\n`);
