/** The agent's status for people: short lines in columns. */
import type { AgentStatus } from './status.ts';

/** Columns narrower than what they hold would lie; labels and messages come last, where width does no harm. */
const MAX_ID = 12;

/** Several lines, each ended. */
export function renderStatus(status: AgentStatus): string {
  const { runtime, drops, host } = status;
  const sections = [
    columns([
      ['node', status.node],
      ['enforcer', `${status.enforcer} on Linux ${status.kernel}`],
      ['runtime', `${runtime.connected ? '' : 'NOT CONNECTED: '}${runtime.message}`],
      ['host', held(host.policies, host.problem)],
    ]),
    policyLines(status),
    containerLines(status),
    columns([
      ['counters', pairs(status.counters)],
      ['lost', pairs({ ...drops })],
    ]),
    status.problems.length === 0 ? [] : ['problems', ...status.problems.map((problem) => `  ${clean(problem)}`)],
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function policyLines({ policies }: AgentStatus): string[] {
  if (policies.length === 0) return ['no policies'];
  const rows = policies.map((policy) => [
    policy.namespace === '' ? policy.name : `${policy.namespace}/${policy.name}`,
    policy.kind,
    policy.state,
    (policy.commit ?? '-').slice(0, MAX_ID),
    policy.message,
  ]);
  return columns([['POLICY', 'KIND', 'STATE', 'COMMIT', 'WHY'], ...rows]);
}

function containerLines({ containers }: AgentStatus): string[] {
  if (containers.length === 0) return ['no containers'];
  const rows = containers.map((container) => [
    container.id.slice(0, MAX_ID),
    `${container.namespace}/${container.name}`,
    container.tableHash === '' ? '-' : container.tableHash.slice(0, MAX_ID),
    held(container.policies, container.problem),
  ]);
  return columns([['CONTAINER', 'NAME', 'TABLE', 'POLICIES'], ...rows]);
}

function held(policies: readonly string[], problem: string | undefined): string {
  const names = policies.map((policy) => policy.split(' ')[1] ?? policy);
  const list = names.length === 0 ? 'no policies' : names.join(', ');
  return problem === undefined ? list : `${list} (${problem})`;
}

function pairs(numbers: Readonly<Record<string, number>>): string {
  return Object.entries(numbers)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const cleaned = rows.map((row) => row.map(clean));
  const widths = (cleaned[0] ?? []).map((_, index) => Math.max(...cleaned.map((row) => row[index]?.length ?? 0)));
  return cleaned.map((row) => row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join('  '));
}

/** Names come from containers and manifests: nothing in them may steer the terminal. */
function clean(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
}
