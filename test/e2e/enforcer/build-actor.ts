/** The program that tries accesses, compiled. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const SOURCES = [
  'actor.c',
  'foreign.c',
  'sockets.c',
  'peers.c',
  'dns.c',
  'intrusion.c',
  'doors.c',
  'agent.c',
  'held.c',
  '../bypass/uring.c',
  '../bypass/compat.c',
].map((file) => path.resolve('test/e2e/enforcer', file));

/** Compiles it to `file`, from the tree's root. */
export async function buildActor(file: string): Promise<void> {
  await promisify(execFile)('cc', ['-O2', '-static', '-pthread', '-o', file, ...SOURCES]);
}
