/** Loads and attaches all programs as the agent does; prints `seconds N` and `program NAME VERIFIED JITED`. For the microVM, as root. */
import path from 'node:path';
import { openLibrary } from '../../../agent/src/adapters/kernel/library.ts';
import { startPrograms } from '../../../agent/src/adapters/kernel/programs.ts';
import { loadedPrograms } from '../../support/loaded-programs.ts';

const BUILD = path.resolve('bpf/build');
const library = openLibrary(BUILD);
const start = performance.now();
const programs = await startPrograms(library, { bpfDirectory: BUILD, pinDirectory: '/sys/fs/bpf/parapet' });
process.stdout.write(`seconds ${((performance.now() - start) / 1000).toFixed(2)}\n`);
for (const { name, verified, machineCode } of loadedPrograms()) process.stdout.write(`program ${name} ${verified} ${machineCode}\n`);
await programs.remove();
programs.unlock();
