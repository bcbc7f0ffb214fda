/** What `allowOnly` means as rules. */
import type { ListedSection } from '@parapet/policy';
import type { AllowOnlyOptions } from './options.ts';
import type { PathDetails, RuleDetails } from './rule-book.ts';

export type PlannedRule =
  | { readonly section: 'process' | 'file'; readonly item: string; readonly details: PathDetails }
  | { readonly section: 'network' | 'capabilities'; readonly item: string; readonly details: RuleDetails };

export interface AllowOnlyPlan {
  /** The classes that become allow-lists, with what is on each. An empty list can't be written as rules: it would allow everything. */
  readonly lists: ReadonlyMap<ListedSection, readonly string[]>;
  readonly rules: readonly PlannedRule[];
}

/** Allow rules for what is named, and for paths the rule that refuses the rest: the directory `/`, which every other rule beats. */
export function planAllowOnly(options: AllowOnlyOptions): AllowOnlyPlan {
  const { exec, network, capabilities } = options;
  const { severity, tags, message } = options;
  const allow = { severity, tags, message, action: 'Allow' } as const;
  const closing = closingRule(options);
  const lists = new Map<ListedSection, readonly string[]>();
  const rules: PlannedRule[] = [];
  if (exec !== undefined) {
    lists.set('process', exec);
    rules.push(...exec.map((item) => ({ section: 'process', item, details: allow }) as const), ...closing('process'));
  }
  const files = fileRules(options).map(({ item, readOnly }) => ({ section: 'file', item, details: { ...allow, readOnly } }) as const);
  if (restrictsFiles(options)) {
    lists.set(
      'file',
      files.map(({ item }) => item),
    );
    rules.push(...files, ...closing('file'));
  }
  if (network !== undefined) lists.set('network', network);
  for (const item of network ?? []) rules.push({ section: 'network', item, details: allow });
  if (capabilities !== undefined) lists.set('capabilities', capabilities);
  for (const item of capabilities ?? []) rules.push({ section: 'capabilities', item, details: allow });
  return { lists, rules };
}

function restrictsFiles({ files, readOnly }: AllowOnlyOptions): boolean {
  return files !== undefined || readOnly !== undefined;
}

/** Executing a file reads it, so programs on the list are readable too. */
function fileRules({ exec = [], files = [], readOnly = [] }: AllowOnlyOptions): { item: string; readOnly: boolean }[] {
  const read = [...exec.filter((path) => !files.includes(path)), ...readOnly];
  return [...files.map((item) => ({ item, readOnly: false })), ...read.map((item) => ({ item, readOnly: true }))];
}

function closingRule({ otherwise = 'block', severity, tags, message }: AllowOnlyOptions): (section: 'process' | 'file') => PlannedRule[] {
  if (otherwise === 'posture') return () => [];
  const action = otherwise === 'block' ? 'Block' : 'Audit';
  return (section) => [{ section, item: '/', details: { severity, tags, message, action } }];
}
