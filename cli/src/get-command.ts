/** `parapet get` and `parapet tree`: how sources are, and what they made. */
import type { OperatedCluster, Operations } from '@parapet/reconciler';
import { Argument, Option } from 'commander';
import type { Command } from 'commander';
import { addClusterOptions, named, sourceCommand, withCluster } from './cluster-options.ts';
import type { AccessFlags } from './cluster-options.ts';
import { EXIT } from './exit.ts';
import type { Door, Terminal } from './exit.ts';

const GET_MORE = `
POLICIES is how many of all policies every node enforces; REVISION what is applied.

Examples:
  parapet get                  the sources of the namespace
  parapet get shop             one, with its last error, conditions and the last 10 runs
  parapet get -A -o json`;

const TREE_MORE = `
Each policy: Enforced and Degraded as the nodes report, nodes that enforce it, line of the program, commit that changed it last.

Examples:
  parapet tree shop -n parapet-system`;

interface GetFlags extends AccessFlags {
  readonly allNamespaces?: true;
  readonly output: 'table' | 'json' | 'yaml';
}

export function addGetCommand(program: Command, { terminal, finish }: Door): void {
  const command = program
    .command('get')
    .description('list PolicySources: whether they are ready, at which revision, what nodes enforce of them')
    .addArgument(new Argument('[name]', 'one source, with all that is known of it').argParser(named))
    .option('-A, --all-namespaces', 'of all namespaces')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['table', 'json', 'yaml']).default('table'));
  addClusterOptions(command)
    .addHelpText('after', GET_MORE)
    .action(async (name: string | undefined, flags: GetFlags) => {
      if (name !== undefined && flags.allNamespaces === true) {
        terminal.err('error: a NAME is of one namespace, so -A cannot be used with it\n');
        return finish(EXIT.usage);
      }
      await withCluster(terminal, flags, (cluster, operations) =>
        name === undefined ? getAll({ terminal, cluster, operations }, flags) : getOne({ terminal, cluster, operations }, name, flags),
      );
    });
}

export function addTreeCommand(program: Command, { terminal }: Door): void {
  sourceCommand(program, 'tree', 'show the policies that a PolicySource made, and how far nodes enforce them')
    .addHelpText('after', TREE_MORE)
    .action(async (name: string, flags: AccessFlags) =>
      withCluster(terminal, flags, async (cluster, operations) => {
        const { treeText } = await import('./policy-tree.ts');
        const source = await operations.findSource(cluster, { namespace: cluster.namespace, name });
        terminal.out(treeText(source, await operations.policiesMade(cluster, source)));
      }),
    );
}

interface Asked {
  readonly terminal: Terminal;
  readonly cluster: OperatedCluster;
  readonly operations: Operations;
}

async function getAll({ terminal, cluster, operations }: Asked, { allNamespaces, output }: GetFlags): Promise<void> {
  const isWide = allNamespaces === true;
  const sources = await operations.listSources(cluster, isWide ? undefined : cluster.namespace);
  if (output !== 'table')
    return print(terminal, output, { apiVersion: 'v1', kind: 'List', items: sources.map(({ object }) => shown(object)) });
  if (sources.length === 0) {
    terminal.err(
      isWide ? 'there are no PolicySources\n' : `there are no PolicySources in the namespace ${cluster.namespace} (-A: all namespaces)\n`,
    );
    return;
  }
  const { sourceTable } = await import('./source-table.ts');
  terminal.out(sourceTable(sources, { now: Date.now(), isWide }));
}

async function getOne({ terminal, cluster, operations }: Asked, name: string, { output }: GetFlags): Promise<void> {
  const source = await operations.findSource(cluster, { namespace: cluster.namespace, name });
  if (output !== 'table') return print(terminal, output, shown(source.object));
  const { sourceText } = await import('./source-table.ts');
  terminal.out(sourceText(source, Date.now()));
}

async function print({ out }: Terminal, output: 'json' | 'yaml', value: object): Promise<void> {
  const { jsonText, yamlText } = await import('./data-text.ts');
  out(output === 'json' ? jsonText(value) : yamlText(value));
}

/** Without the server's notes on who wrote which field, as kubectl shows objects. In a list the server leaves out what kind they are. */
function shown(object: Readonly<Record<string, unknown>>): object {
  const metadata = Object.entries({ ...(object['metadata'] as object) }).filter(([key]) => key !== 'managedFields');
  return { apiVersion: 'parapet.dev/v1alpha1', kind: 'PolicySource', ...object, metadata: Object.fromEntries(metadata) };
}
