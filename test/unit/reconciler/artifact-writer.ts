/** A process that stores artifacts for ever, to be killed at any moment: `artifact-writer.ts DIRECTORY`. */
import { ArtifactStore } from '../../../reconciler/src/adapters/flux/store.ts';

const place = { namespace: 'shop', name: 'policies' };
const store = new ArtifactStore(process.argv[2] ?? '');
await store.open();
process.stdout.write('open\n');
for (let number = 0; ; number += 1) {
  const { digest } = await store.put(place, Buffer.alloc(500_000, String(number % 10)));
  await store.tidy(place, digest);
}
