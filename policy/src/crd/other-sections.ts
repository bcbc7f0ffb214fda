/** Schemas of `spec.network`, `spec.capabilities`, `spec.syscalls`, `spec.hardening`, `spec.presets` and `spec.resources`. */
import { CAPABILITIES } from '../capability.ts';
import { ENDPOINT_OPERATIONS, ENDPOINT_PROTOCOLS, HARDENING_NAMES, NETWORK_NAMES, PRESET_NAMES } from '../model.ts';
import { IO_FIELDS } from '../resources.ts';
import { SYSCALLS } from '../syscall.ts';
import { anyPath, commonOf, mannerOf, MAX_NAMED_RULES, MAX_RULES, pts, recursive, sources, tellingOf } from './rule-schema.ts';
import { list, NEITHER, object, text, whole, word } from './schema.ts';
import type { Schema } from './schema.ts';

const MAX_PORT = 65_535;
const LONGEST_BLOCK = 49;
const BLOCK = '^[0-9A-Fa-f.:/]+$';
const QUANTITY = '^[0-9]{1,16}(\\.[0-9]{1,9})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$';

/** `spec.network`: which sockets may be used, whom they may talk to, which names may be looked up. */
export function networkSection(): Schema {
  const names = NETWORK_NAMES.join(', ');
  const protocol = text(`A protocol or a type of sockets, or several with commas: ${names}. In any case.`, {
    maxLength: 128,
    ...oneOfNames(NETWORK_NAMES, `must be one or several, with commas, of ${names}`),
  });
  const dns = object(
    'One domain and every name below it.',
    { ...commonOf(), domain: text('Such as example.com: the domain and every name below it. The longest domain that matches decides.') },
    { required: ['domain'] },
  );
  return object('Which sockets may be used, whom they may talk to, and which names may be looked up.', {
    ...mannerOf('section'),
    matchProtocols: list(
      'Rules for protocols and types of sockets.',
      object('One protocol or several.', { ...commonOf(), protocol, pts: pts() }, { required: ['protocol'] }),
      { maxItems: MAX_NAMED_RULES },
    ),
    matchEndpoints: list("Parapet's own: rules for addresses and ports. Any of them comes before a rule for a protocol.", endpointRule(), {
      maxItems: MAX_RULES,
    }),
    matchDNSQueries: list('Rules for names that are looked up on port 53.', dns, { maxItems: MAX_RULES }),
  });
}

function endpointRule(): Schema {
  const block = text('An address or a block of addresses.', { maxLength: LONGEST_BLOCK, pattern: BLOCK });
  const range = object(
    'A port, or a range of them.',
    {
      port: whole('The port, or the first of the range.', { minimum: 1, maximum: MAX_PORT }),
      endPort: whole('The last port of the range.', { minimum: 1, maximum: MAX_PORT }),
    },
    {
      required: ['port'],
      'x-kubernetes-validations': [
        { rule: '!has(self.endPort) || self.endPort >= self.port', message: 'a range ends at its larger port', fieldPath: '.endPort' },
      ],
    },
  );
  const protocols = ENDPOINT_PROTOCOLS.join(', ');
  return object(
    'Whom internet sockets talk to.',
    {
      ...commonOf(),
      cidr: {
        description: 'A block of addresses such as 10.0.0.0/8, fd00::/8 or 192.0.2.7, or a list of blocks. The longest prefix decides.',
        'x-kubernetes-preserve-unknown-fields': true,
        // For one block.
        pattern: BLOCK,
        minLength: 1,
        maxLength: LONGEST_BLOCK,
        // For a list of blocks.
        items: block,
        minItems: 1,
        maxItems: MAX_NAMED_RULES,
        ...NEITHER.object,
        ...NEITHER.number,
        ...NEITHER.boolean,
      },
      except: list('Blocks inside of cidr that the rule is not about.', block, { maxItems: MAX_NAMED_RULES }),
      ports: list('Ports that the rule is about; none listed: every port, and what has no ports.', range, { maxItems: 64 }),
      protocol: text(`One of ${protocols}, in any case. Default: any protocol.`, {
        maxLength: 4,
        'x-kubernetes-validations': [
          { rule: `self.matches(r'^(?i)(${ENDPOINT_PROTOCOLS.join('|')})$')`, message: `must be one of ${protocols}` },
        ],
      }),
      operations: list(
        "What is done with the address. connect and send are about the peer's, bind and listen about the socket's own, accept about the peer's at the socket's port. Default: connect and send.",
        word('An operation.', ENDPOINT_OPERATIONS),
        { maxItems: 16 },
      ),
    },
    { required: ['cidr'] },
  );
}

/** `spec.capabilities`: which capabilities may be used. */
export function capabilitiesSection(): Schema {
  const names = CAPABILITIES.join(', ');
  const capability = text(`A capability, or several with commas, in any case, with or without CAP_: ${names}.`, {
    maxLength: 256,
    ...oneOfNames(CAPABILITIES, 'must be one or several, with commas, of the capabilities of Linux, such as net_raw', '(cap_)?'),
  });
  const rule = object('One capability or several.', { ...commonOf(), capability }, { required: ['capability'] });
  return object('Which capabilities may be used.', {
    ...mannerOf('section'),
    matchCapabilities: list('Rules for capabilities.', rule, { maxItems: 500 }),
  });
}

/** `spec.syscalls`: which system calls are audited or blocked. */
export function syscallsSection(): Schema {
  const names = list('Names of system calls, as in man 2 syscalls.', word('A system call.', SYSCALLS), { minItems: 1, maxItems: 512 });
  const call = object(
    'System calls, whatever they act on.',
    {
      syscall: names,
      fromSource: sources(),
      action: word("Parapet's own. Audit (the default) or Block, which works for calls that a hook of the kernel always sees.", [
        'Audit',
        'Block',
      ]),
    },
    { required: ['syscall'] },
  );
  const onPath = object(
    'System calls where they act on a path.',
    {
      path: anyPath('A file, or a directory where it ends in /.'),
      recursive: recursive(),
      syscall: names,
      fromSource: sources(),
      action: word('Such calls are only audited; what is refused on a path is said by file and process rules.', ['Audit']),
    },
    { required: ['path', 'syscall'] },
  );
  return object("Which system calls are audited or blocked. The policy's own action does not count.", {
    ...tellingOf('section'),
    matchSyscalls: list('Rules for calls whatever they act on.', call, { maxItems: MAX_NAMED_RULES }),
    matchPaths: list('Rules for calls that act on a path.', onPath, { maxItems: MAX_NAMED_RULES }),
  });
}

const SWITCHES: Readonly<Record<(typeof HARDENING_NAMES)[number], string>> = {
  ptrace:
    "Tracing other processes, and reaching into their memory. Where a source may more than others, refused to the others' programs by default.",
  mounts: 'Mounting, unmounting and joining another mount namespace. Where rules name files, refused by default.',
  modules: 'Loading kernel modules, and kexec.',
  bpf: 'Every bpf(2).',
  perf: 'perf_event_open(2).',
  userNamespaces: 'Making a user namespace.',
  ioUring: 'io_uring_setup(2), and rings that act as somebody else.',
};

/** `spec.hardening`: what is refused to the whole container or node. */
export function hardening(): Schema {
  const switches = HARDENING_NAMES.map((name) => [name, word(SWITCHES[name], ['Allow', 'Audit', 'Block'])] as const);
  return object("Parapet's own: what is refused to the whole container or node, whatever the program.", Object.fromEntries(switches));
}

/** `spec.presets`: KubeArmor's ready-made protections of a container. */
export function presets(): Schema {
  const preset = object(
    'One preset.',
    {
      name: word('Which one.', PRESET_NAMES),
      action: word('Audit, or else the preset blocks (also with Allow, as in KubeArmor).', ['Allow', 'Audit', 'Block']),
    },
    { required: ['name'] },
  );
  return list("Ready-made protections of the whole container. The policy's own action does not count.", preset, { maxItems: 64 });
}

/** `spec.resources`: limits of every selected container. */
export function resources(): Schema {
  const amount = (description: string): Schema => ({
    description,
    'x-kubernetes-int-or-string': true,
    pattern: QUANTITY,
    maxLength: 32,
    minimum: 1,
  });
  const device = object(
    'Limits on one device; at least one.',
    {
      device: text('Its numbers, 8:0, or its path, /dev/sda.', {
        maxLength: 205,
        pattern: '^([0-9]{1,4}:[0-9]{1,7}|/dev/[0-9A-Za-z_./-]{1,200})$',
      }),
      ...Object.fromEntries(Object.keys(IO_FIELDS).map((field) => [field, amount(IO_WORDS[field as keyof typeof IO_FIELDS])])),
    },
    { required: ['device'], minProperties: 2 },
  );
  return object("Parapet's own: limits of every selected container. Of several policies the tightest limit counts.", {
    memory: amount('Bytes of memory, such as 256Mi.'),
    pids: amount('Processes and threads.'),
    cpu: {
      description: 'Processors, such as 500m or 0.5.',
      'x-kubernetes-preserve-unknown-fields': true,
      pattern: QUANTITY,
      maxLength: 32,
      minimum: 0.01,
      ...NEITHER.object,
      ...NEITHER.list,
      ...NEITHER.boolean,
    },
    io: list('Limits on devices.', device, { maxItems: 256 }),
  });
}

const IO_WORDS: Readonly<Record<keyof typeof IO_FIELDS, string>> = {
  readBytesPerSecond: 'Bytes read in a second, such as 10Mi.',
  writeBytesPerSecond: 'Bytes written in a second, such as 10Mi.',
  readOperationsPerSecond: 'Reads in a second.',
  writeOperationsPerSecond: 'Writes in a second.',
};

/** Names in any case, several with commas: more than a pattern says in a form that every reader of schemas has. */
function oneOfNames(names: readonly string[], message: string, prefix = ''): Pick<Schema, 'x-kubernetes-validations'> {
  // With a comma behind it every name ends in one, so that they need to be written once: the server counts the length.
  const rule = `(self + ',').matches(r'^(?i)(\\s*${prefix}(${names.join('|')})\\s*,)+$')`;
  return { 'x-kubernetes-validations': [{ rule, message }] };
}
