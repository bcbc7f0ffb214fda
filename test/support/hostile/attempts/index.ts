/** All families of attempts, those that take longest first. */
import type { Family } from '../attempt.ts';
import { depth } from './depth.ts';
import { environment } from './environment.ts';
import { escapes } from './escapes.ts';
import { files } from './files.ts';
import { gate } from './gate.ts';
import { git } from './git.ts';
import { imports } from './imports.ts';
import { judging } from './judging.ts';
import { links } from './links.ts';
import { lockFiles } from './lock-files.ts';
import { memory } from './memory.ts';
import { network } from './network.ts';
import { output } from './output.ts';
import { pollution } from './pollution.ts';
import { places } from './servers.ts';
import { sizes } from './sizes.ts';
import { time } from './time.ts';
import { trees } from './trees.ts';

export const FAMILIES: readonly Family[] = [
  ...[output, pollution, imports, network, escapes, sizes, time, git, judging],
  ...[gate, lockFiles, files, memory, trees, environment, depth, places, links],
];
