/** What every policy construct is: an API object with a predictable name, a place in the source, and validation. */
import { ANNOTATION, API_VERSION, formatProblem, parsePolicy } from '@parapet/policy';
import type { PolicyKind } from '@parapet/policy';
import { ApiObject, Chart, JsonPatch, Lazy } from 'cdk8s';
import type { ApiObjectMetadata } from 'cdk8s';
import type { Construct, IConstruct } from 'constructs';
import { callSite } from './call-site.ts';

/** The construct's path in the program's tree (`shop/web`), beside the annotations that all synthesizers write. */
export const CONSTRUCT_ANNOTATION = 'parapet.dev/construct';

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const MARK = Symbol.for('parapet.dev/policy-object');
/** Where the root of a tree keeps its policies by name, for all copies of this package: to look through the tree for each is a matter of minutes. */
const NAMES = Symbol.for('parapet.dev/policy-names');

export interface PolicyContent {
  readonly kind: PolicyKind;
  readonly metadata: ApiObjectMetadata | undefined;
  /** Called when the policy is synthesized or validated. */
  readonly spec: () => unknown;
  /** From a rule's field (`spec.process.matchPaths[0]`) to where it was written; called when the policy is synthesized or validated. */
  readonly ruleSources?: () => Readonly<Record<string, string>>;
}

/** A misuse of this package that can't be seen in the resulting manifest. */
export interface Misuse {
  readonly site: string | undefined;
  readonly message: string;
}

/**
 * The root of all policy constructs. `app.synth()` fails with every problem of every policy, each with its construct's path and
 * the line that wrote it.
 *
 * The object's name is `metadata.name`, else the ids from the chart down to this construct, joined by `-`, where that is a valid name;
 * else what the chart generates.
 */
export abstract class PolicyObject extends ApiObject {
  readonly #source: string | undefined;
  readonly #ruleSources: () => Readonly<Record<string, string>>;

  protected constructor(scope: Construct, id: string, content: PolicyContent) {
    const name = content.metadata?.name ?? nameFromTree(scope, id);
    super(scope, id, {
      apiVersion: API_VERSION,
      kind: content.kind,
      metadata: { ...content.metadata, ...(name === undefined ? {} : { name }) },
      spec: Lazy.any({ produce: content.spec }) as unknown,
    });
    Object.defineProperty(this, MARK, { value: true });
    if (content.kind !== 'KubeArmorPolicy') this.#leaveNamespace(content.metadata);
    this.#source = callSite();
    this.#ruleSources = content.ruleSources ?? (() => ({}));
    this.metadata.addAnnotation(CONSTRUCT_ANNOTATION, this.node.path);
    if (this.#source !== undefined) this.metadata.addAnnotation(ANNOTATION.source, this.#source);
    if (content.ruleSources !== undefined) {
      this.metadata.addAnnotation(ANNOTATION.ruleSources, Lazy.any({ produce: () => this.#ruleSourcesText() }) as string);
    }
    this.#namesakes().push(this);
    this.node.addValidation({ validate: () => [...this.#misuses(), ...this.#problems(), ...this.#nameTaken()] });
  }

  /** Whether `construct` is a policy, of whichever copy of this package. */
  static isPolicyObject(construct: IConstruct): construct is PolicyObject {
    return MARK in construct;
  }

  /** What is wrong with how the construct was used, apart from what the manifest shows. */
  protected misuses(): readonly Misuse[] {
    return [];
  }

  /** Cluster and host policies have no namespace, though the chart gives its own to every object. */
  #leaveNamespace(metadata: ApiObjectMetadata | undefined): void {
    if (metadata?.namespace === undefined && this.chart.namespace !== undefined) this.addJsonPatch(JsonPatch.remove('/metadata/namespace'));
  }

  #ruleSourcesText(): string | undefined {
    const sources = this.#ruleSources();
    return Object.keys(sources).length === 0 ? undefined : JSON.stringify(sources);
  }

  #misuses(): string[] {
    return this.misuses().map(({ site, message }) => (site === undefined ? message : `${site}: ${message}`));
  }

  #problems(): string[] {
    const { problems } = parsePolicy(this.toJson() as unknown, {});
    return problems
      .filter(({ severity }) => severity === 'error')
      .map((problem) => {
        const site = this.#siteOf(problem.place.field);
        const { field } = problem.place;
        return `${site === undefined ? '' : `${site}: `}${formatProblem({ ...problem, place: field === undefined ? {} : { field } })}`;
      });
  }

  /** Where the rule that `field` belongs to was written, else where the policy was. */
  #siteOf(field: string | undefined): string | undefined {
    const rule = Object.entries(this.#ruleSources()).find(([prefix]) => field === prefix || field?.startsWith(`${prefix}.`));
    return rule?.[1] ?? this.#source;
  }

  /** All that were ever made with its name, this one too, in the order in which they were made. */
  #namesakes(): PolicyObject[] {
    const root: IConstruct & { [NAMES]?: Map<string, PolicyObject[]> } = this.node.root;
    if (root[NAMES] === undefined) Object.defineProperty(root, NAMES, { value: new Map() });
    const namespace = this.kind === 'KubeArmorPolicy' ? (this.metadata.namespace ?? 'default') : '';
    const key = `${this.kind}/${namespace}/${this.name}`;
    const known = root[NAMES]?.get(key) ?? [];
    root[NAMES]?.set(key, known);
    return known;
  }

  /** Two policies of one name would overwrite each other in the cluster; the second one is told. */
  #nameTaken(): string[] {
    const twin = this.#namesakes().find(isInTree);
    if (twin === undefined || twin === this) return [];
    const site = this.#source === undefined ? '' : `${this.#source}: `;
    return [`${site}the name ${this.name} is taken by ${twin.node.path} (use another id, or metadata.name)`];
  }
}

/** Whether it was not taken out since. */
function isInTree(construct: IConstruct): boolean {
  const { scope, id } = construct.node;
  return scope === undefined || (scope.node.tryFindChild(id) === construct && isInTree(scope));
}

/** `web-no-shell` for `new ContainerPolicy(webGroup, 'no-shell')` in a chart; undefined where the chart has its own way or that is no name. */
function nameFromTree(scope: Construct, id: string): string | undefined {
  const chart = Chart.of(scope);
  if (chart.generateObjectName !== Chart.prototype.generateObjectName) return undefined;
  const scopes = scope.node.scopes;
  const ids = [...scopes.slice(scopes.indexOf(chart) + 1).map((construct) => construct.node.id), id];
  const name = ids.filter((part) => part !== 'Default' && part !== 'Resource').join('-');
  return DNS_LABEL.test(name) ? name : undefined;
}
