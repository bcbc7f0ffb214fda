/** Kernel maps with room for few entries, in place of the enforcer's own: to see what happens when one is full. */
import path from 'node:path';
import ffi from 'ffi-napi';
import { checked } from '../../agent/src/adapters/kernel/library.ts';

const LIBRARY = path.join(import.meta.dirname, '../../bpf/build/libparapet.so');
const TYPE = { hash: 1, trie: 11 } as const;
/** struct bpf_map_create_opts, up to and with map_flags */
const OPTIONS = { size: 32, flags: 28 } as const;
const NO_PREALLOC = 1;

/** The descriptor of a new map, made as bpf/maps.h makes those of its kind. */
export function createSmallMap(
  kind: keyof typeof TYPE,
  { keySize, valueSize, entries }: { readonly keySize: number; readonly valueSize: number; readonly entries: number },
): number {
  const library = ffi.Library(LIBRARY, { bpf_map_create: ['int', ['int', 'string', 'uint32', 'uint32', 'uint32', 'pointer']] });
  const options = Buffer.alloc(OPTIONS.size);
  options.writeBigUInt64LE(BigInt(OPTIONS.size));
  options.writeUInt32LE(NO_PREALLOC, OPTIONS.flags);
  return checked(Number(library.bpf_map_create(TYPE[kind], 'small', keySize, valueSize, entries, options)), 'creating a map');
}
