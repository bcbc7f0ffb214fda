/** A process that applies revisions to a target for ever, to be killed at any moment: `target-writer.ts DIRECTORY`. */
import { StandaloneTarget } from '../../../reconciler/src/adapters/standalone/target.ts';
import { revision } from './revisions.ts';

const target = new StandaloneTarget(process.argv[2] ?? '');
await target.open();
process.stdout.write('open\n');
for (let number = 0; ; number += 1) await target.apply(revision(number % 5));
