/** What the scenarios in this directory tell of a node with real containers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildImage } from '../../support/image/index.ts';
import type { ImageContent } from '../../support/image/index.ts';
import { MACHINE_LIMIT } from '../../support/patience.ts';
import { guestProgram, outputOf } from '../../support/vm/index.ts';
import type { VmRequest } from '../../support/vm/index.ts';

interface Scenario {
  /** A file of this directory. */
  readonly file: string;
  /** What its containers are made of. */
  readonly image: ImageContent;
  /** Words after the image's file. */
  readonly words?: readonly string[];
  readonly machine?: Pick<VmRequest, 'kernel' | 'cpus' | 'append'>;
}

/** Runs a scenario in the microVM; its facts by name. Throws with the end of its output when it ends badly. */
export async function factsOf({ file, image, words = [], machine = {} }: Scenario): Promise<ReadonlyMap<string, unknown>> {
  const share = mkdtempSync(path.join(tmpdir(), 'parapet-scenario-'));
  try {
    const out = path.join(share, 'image.tar');
    buildImage({ ...image, out });
    const command = [...guestProgram(path.join(import.meta.dirname, file)), out, ...words];
    const output = await outputOf({ ...machine, command, share: [share], timeout: MACHINE_LIMIT });
    const lines = output.split('\n').filter((line) => line.startsWith('{"fact":'));
    const facts = lines.map((line) => JSON.parse(line) as { fact: string; value: unknown });
    return new Map(facts.map(({ fact, value }) => [fact, value]));
  } finally {
    rmSync(share, { recursive: true, force: true });
  }
}
