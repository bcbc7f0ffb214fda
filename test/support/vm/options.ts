/** The words of `npm run vm`: options first, then the command, untouched. */

/** Kernels that a microVM can be asked for: a series of Debian's, ordinary or PREEMPT_RT. */
export const KERNELS = ['6.1', '6.1-rt', '6.12', '6.12-rt'] as const;
export type KernelName = (typeof KERNELS)[number];

/** What to run, and on which machine. */
export interface VmOptions {
  /** One word is run by `bash -c`; several are a program and its arguments. */
  readonly command: readonly string[];
  /** Default: 6.1, or 6.12 where Debian offers no 6.1. */
  readonly kernel?: KernelName | undefined;
  /** The kernel's `lsm=`, in order. Default: `landlock,lockdown,yama,apparmor,bpf`. */
  readonly lsm?: string | undefined;
  /** Virtual processors. Default: 2. */
  readonly cpus?: number | undefined;
  /** MiB. Default: 3072. Taken from the host only as it is used. */
  readonly memory?: number | undefined;
  /** More words for the kernel's command line. */
  readonly append?: string | undefined;
  /** Seconds, boot included, after which the machine is stopped with status 124. Default: 600. */
  readonly timeout?: number | undefined;
  /** Host directories mounted read-write at their own paths; everything else is a copy-on-write view. */
  readonly share?: readonly string[] | undefined;
  /** Whether containerd is started first. Default: true. */
  readonly containerd?: boolean | undefined;
  /** Makes the guest's clock count instructions: one nanosecond each, on one processor. For figures that no load of the host can change. */
  readonly icount?: boolean | undefined;
}

export const USAGE = `usage: npm run vm -- [options] COMMAND...

Runs COMMAND as root in a microVM on a copy-on-write view of this machine, in this tree, with containerd up.
One word is run by bash; several are a program and its arguments. The exit status is the command's own;
124 when time is up, 125 when the machine did not start, 2 for wrong usage.

  --kernel NAME     ${KERNELS.join(', ')} (default: 6.1, or 6.12 where there is no 6.1)
  --lsm LIST        the kernel's LSM list (default: landlock,lockdown,yama,apparmor,bpf)
  --cpus N          virtual processors (default: 2)
  --memory MIB      memory in MiB (default: 3072)
  --append ARGS     more words for the kernel's command line
  --timeout S       seconds until the machine is stopped, boot included (default: 600)
  --share DIR       a host directory, mounted read-write at its own path; may be given more than once
  --no-containerd   do not start containerd
  --icount          one processor whose clock counts instructions, a nanosecond each
  --help            this text
`;

type Draft = { -readonly [key in keyof VmOptions]: VmOptions[key] } & { share: string[] };

const wholeNumber = (word: string, { from, to }: { from: number; to: number }): number | undefined => {
  const value = /^\d{1,9}$/.test(word) ? Number(word) : NaN;
  return value >= from && value <= to ? value : undefined;
};

/** Each option that takes a value: stores it, or says what it should have been. */
const VALUED: Record<string, (draft: Draft, word: string) => string | undefined> = {
  '--kernel': (draft, word) => {
    draft.kernel = KERNELS.find((name) => name === word);
    return draft.kernel === undefined ? `one of ${KERNELS.join(', ')}` : undefined;
  },
  '--lsm': (draft, word) => {
    draft.lsm = word;
    return /^[a-z_]+(,[a-z_]+)*$/.test(word) ? undefined : 'names separated by commas';
  },
  '--cpus': (draft, word) => {
    draft.cpus = wholeNumber(word, { from: 1, to: 64 });
    return draft.cpus === undefined ? 'a number from 1 to 64' : undefined;
  },
  '--memory': (draft, word) => {
    draft.memory = wholeNumber(word, { from: 512, to: 1_048_576 });
    return draft.memory === undefined ? 'a number of MiB from 512' : undefined;
  },
  '--append': (draft, word) => {
    draft.append = word;
    return /^[\x20-\x7e]*$/.test(word) ? undefined : 'printable ASCII';
  },
  '--timeout': (draft, word) => {
    draft.timeout = wholeNumber(word, { from: 1, to: 1_000_000 });
    return draft.timeout === undefined ? 'a number of seconds from 1' : undefined;
  },
  '--share': (draft, word) => {
    draft.share.push(word);
    return word.startsWith('/') && !word.includes('\n') ? undefined : 'an absolute path';
  },
};

/** Takes the option at the head of `words` into `draft`. Returns how many words it took, and what was wrong with it. */
function takeOption(words: readonly string[], draft: Draft): { taken: number; problem?: string } {
  const word = words[0] ?? '';
  if (word === '--no-containerd') {
    draft.containerd = false;
    return { taken: 1 };
  }
  if (word === '--icount') {
    draft.icount = true;
    return { taken: 1 };
  }
  const equals = word.indexOf('=');
  const name = equals < 0 ? word : word.slice(0, equals);
  const store = VALUED[name];
  if (store === undefined) return { taken: 1, problem: `unknown option ${name}` };
  const value = equals < 0 ? words[1] : word.slice(equals + 1);
  if (value === undefined) return { taken: 1, problem: `${name} takes a value` };
  const expected = store(draft, value);
  const taken = equals < 0 ? 2 : 1;
  return expected === undefined ? { taken } : { taken, problem: `${name} takes ${expected}, not '${value}'` };
}

/**
 * Reads the words after `npm run vm --`. Returns what is wrong with them, all of it, instead of throwing.
 * `undefined` options mean that help was asked for.
 */
export function parseVmArguments(words: readonly string[]): { options?: VmOptions; problems: string[] } {
  const draft: Draft = { command: [], share: [] };
  const problems: string[] = [];
  let rest = words;
  while (rest[0]?.startsWith('-') === true && rest[0] !== '--') {
    if (rest[0] === '--help' || rest[0] === '-h') return { problems: [] };
    const { taken, problem } = takeOption(rest, draft);
    if (problem !== undefined) problems.push(problem);
    rest = rest.slice(taken);
  }
  draft.command = rest[0] === '--' ? rest.slice(1) : rest;
  if ((draft.command[0] ?? '') === '') problems.push('no command given');
  return { options: draft, problems };
}
