/**
 * Folds the nodes' reports into each policy's status. There may be a thousand nodes with ten thousand policies each, so a report costs what
 * has changed in it: counts are kept up to date, and only statuses that some change has touched are made anew.
 */
import { refKey } from '@parapet/policy';
import type { NodeReport, PolicyRef, PolicyReport } from '@parapet/policy';
import { findNames, NOBODY } from './fold-names.ts';
import { foldSource } from './fold-source.ts';
import type { SourceFold, WantedVersion } from './fold-source.ts';
import { eachEntry, slotSet, standingOf, tally } from './fold-state.ts';
import type { FoldNode, Slot } from './fold-state.ts';
import { isSameStatus, MAX_NAMED, policyStatus } from './policy-status.ts';
import type { FoldedPolicy, NodeGroup, PolicyStatus } from './policy-status.ts';
import { Sayings } from './sayings.ts';

export interface FoldSettings {
  /** A report that is not renewed for so long is stale, and its node no longer counts. Milliseconds. */
  readonly patience: number;
}

export const FOLD_SETTINGS: FoldSettings = { patience: 60_000 };

export class Fold {
  readonly #settings: FoldSettings;
  readonly #sayings = new Sayings();
  readonly #nodes = new Map<string, FoldNode>();
  /** By name; a slot stays while there is such a policy or a node speaks of it. */
  readonly #slots = new Map<string, Slot>();
  readonly #byNumber: (Slot | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  /** How many nodes count. */
  #total = 0;
  /** Slots whose counts are those of another version of the policy. */
  readonly #miscounted = new Set<Slot>();
  /** Slots whose status may be another one by now. */
  readonly #touched = new Set<Slot>();
  /** Slots whose status is perhaps not what was told last. */
  readonly #untold = new Set<Slot>();

  constructor(settings: FoldSettings = FOLD_SETTINGS) {
    this.#settings = settings;
  }

  /** From now on these are the policies that there are. */
  setPolicies(policies: readonly FoldedPolicy[]): void {
    const kept = new Set(policies.map(refKey));
    for (const [key, { ref, policy }] of this.#slots) if (policy !== undefined && !kept.has(key)) this.removePolicy(ref);
    for (const policy of policies) this.setPolicy(policy);
  }

  /** A policy that is new or has changed. */
  setPolicy(policy: FoldedPolicy): void {
    const slot = this.#slotOf(policy);
    const old = slot.policy;
    slot.policy = policy;
    if (old === undefined || old.generation !== policy.generation || old.commit !== policy.commit) this.#miscounted.add(slot);
    else if (old.refused !== policy.refused) this.#touched.add(slot);
    // What was told last may still be on its way to the object; what came to the object from elsewhere since then counts.
    if (old === undefined || !isSameStatus(old.written, policy.written)) {
      slot.told = policy.written;
      this.#untold.add(slot);
    }
  }

  /** A policy that is no more. */
  removePolicy(ref: PolicyRef): void {
    const slot = this.#slots.get(refKey(ref));
    if (slot === undefined) return;
    Object.assign(slot, { policy: undefined, status: undefined, told: undefined, groups: undefined });
    for (const set of [this.#miscounted, this.#touched, this.#untold]) set.delete(slot);
    this.#release(slot, 0);
  }

  /** A node's report. `at` is when it was seen to change, in milliseconds since the epoch; seen once more it keeps its time. */
  setReport(name: string, report: NodeReport, at: number): void {
    const { observedAt, policies } = report.status;
    const known = this.#nodes.get(name);
    const node = known ?? { name, observedAt, changed: at, counts: false, slots: new Uint32Array(), says: new Uint32Array() };
    if (known === undefined) this.#setNode(node);
    if (node.observedAt !== observedAt) Object.assign(node, { observedAt, changed: at });
    if (this.#isOfTheSame(node, policies)) this.#renew(node, policies);
    else this.#replace(node, policies);
  }

  /** A node that is no more. */
  removeNode(name: string): void {
    const node = this.#nodes.get(name);
    if (node === undefined) return;
    this.#setCounting(node, false);
    this.#replace(node, []);
    this.#nodes.delete(name);
    this.#touchAll();
  }

  /** Policies whose status is another one than was told last or, at first, than the object has. `now` is as `at` in `setReport`. */
  changed(now: number): readonly PolicyRef[] {
    this.#update(now);
    const differing = [...this.#untold].filter(({ status, told }) => !isSameStatus(status, told));
    this.#untold.clear();
    for (const slot of differing) slot.told = slot.status;
    return differing.map(({ ref }) => ref);
  }

  /** The status of a policy that was told could not be written, so it is told again. */
  again(ref: PolicyRef): void {
    const slot = this.#slots.get(refKey(ref));
    if (slot?.policy === undefined) return;
    slot.told = undefined;
    this.#untold.add(slot);
  }

  /** The status of a policy as of the last question for what has changed; `undefined` for one that is not there. */
  statusOf(ref: PolicyRef): PolicyStatus | undefined {
    return this.#slots.get(refKey(ref))?.status;
  }

  /** A policy as it was set last. */
  policyOf(ref: PolicyRef): FoldedPolicy | undefined {
    return this.#slots.get(refKey(ref))?.policy;
  }

  /**
   * The policies of one source, which are all meant to be there; one with another fingerprint than is wanted here is not there yet. `waited`:
   * milliseconds since its commit was applied.
   */
  foldSource(refs: readonly WantedVersion[], { now, waited }: { readonly now: number; readonly waited: number }): SourceFold {
    this.#update(now);
    const slots = refs.map((ref) => this.#slotAsWanted(ref));
    const known = refs.map((ref, index) => {
      const { policy, status, groups } = slots[index] ?? {};
      return { ref, policy, status, degraded: groups?.degraded, rejected: groups?.rejected };
    });
    const { patience } = this.#settings;
    return foldSource(known, { total: this.#total, waited, patience, holdingAll: () => this.#holdingAll(slots) });
  }

  /** How much is kept; `counting`: nodes that count, as of the last question. */
  get size(): { readonly nodes: number; readonly counting: number; readonly policies: number; readonly sayings: number } {
    return { nodes: this.#nodes.size, counting: this.#total, policies: this.#slots.size, sayings: this.#sayings.size };
  }

  #slotAsWanted(ref: WantedVersion): Slot | undefined {
    const slot = this.#slots.get(refKey(ref));
    return ref.fingerprint === undefined || slot?.policy?.fingerprint === ref.fingerprint ? slot : undefined;
  }

  #slotOf(ref: PolicyRef): Slot {
    const key = refKey(ref);
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    const number = this.#freeNumbers.pop() ?? this.#byNumber.length;
    const { kind, namespace, name } = ref;
    const slot: Slot = { number, ref: { kind, namespace, name }, uses: 0, enforced: 0, degraded: 0, rejected: 0, containers: 0 };
    this.#slots.set(key, slot);
    this.#byNumber[number] = slot;
    return slot;
  }

  /** So many nodes fewer speak of it. */
  #release(slot: Slot, uses: number): void {
    slot.uses -= uses;
    if (slot.uses > 0 || slot.policy !== undefined) return;
    this.#slots.delete(refKey(slot.ref));
    this.#byNumber[slot.number] = undefined;
    this.#freeNumbers.push(slot.number);
  }

  #slotAt(number: number | undefined): Slot {
    const slot = number === undefined ? undefined : this.#byNumber[number];
    if (slot === undefined) throw new Error('a node speaks of what is not kept');
    return slot;
  }

  #setNode(node: FoldNode): void {
    this.#nodes.set(node.name, node);
    this.#touchAll();
  }

  /** Whether a report is about the same policies as the one before, in the same order: as nearly all are. */
  #isOfTheSame({ slots }: FoldNode, policies: readonly PolicyReport[]): boolean {
    if (slots.length !== policies.length) return false;
    return policies.every(({ kind, namespace, name }, index) => {
      const { ref } = this.#slotAt(slots[index]);
      return ref.name === name && ref.namespace === namespace && ref.kind === kind;
    });
  }

  #renew(node: FoldNode, policies: readonly PolicyReport[]): void {
    for (const [index, policy] of policies.entries()) {
      const old = node.says[index] ?? 0;
      if (this.#sayings.is(old, policy)) continue;
      const now = this.#sayings.take(policy);
      node.says[index] = now;
      this.#shift(node, this.#slotAt(node.slots[index]), { old, now });
      this.#sayings.drop(old);
    }
  }

  /** Of several entries for one policy, which no honest node has, the first counts. */
  #replace(node: FoldNode, policies: readonly PolicyReport[]): void {
    const firsts = new Map<Slot, PolicyReport>();
    for (const policy of policies) {
      const slot = this.#slotOf(policy);
      if (!firsts.has(slot)) firsts.set(slot, policy);
    }
    const before = new Map(Array.from(node.slots, (number, index) => [this.#slotAt(number), node.says[index] ?? 0]));
    const after = new Map(Array.from(firsts, ([slot, policy]) => [slot, this.#sayings.take(policy)]));
    node.slots = Uint32Array.from(after.keys(), ({ number }) => number);
    node.says = Uint32Array.from(after.values());
    for (const [slot, now] of after) {
      slot.uses += 1;
      this.#shift(node, slot, { old: before.get(slot), now });
    }
    for (const [slot, old] of before) {
      if (!after.has(slot)) this.#shift(node, slot, { old, now: undefined });
      this.#sayings.drop(old);
      this.#release(slot, 1);
    }
  }

  /** A node says something else of a policy. */
  #shift(node: FoldNode, slot: Slot, { old, now }: { readonly old: number | undefined; readonly now: number | undefined }): void {
    if (!node.counts || slot.policy === undefined || old === now) return;
    if (old !== undefined) tally(slot, this.#sayings.get(old), -1);
    if (now !== undefined) tally(slot, this.#sayings.get(now), 1);
    this.#touched.add(slot);
  }

  #setCounting(node: FoldNode, counts: boolean): void {
    if (node.counts === counts) return;
    node.counts = counts;
    this.#total += counts ? 1 : -1;
    for (const [index, number] of node.slots.entries()) {
      tally(this.#slotAt(number), this.#sayings.get(node.says[index] ?? 0), counts ? 1 : -1);
    }
    this.#touchAll();
  }

  /** How many nodes there are is in every status. */
  #touchAll(): void {
    for (const slot of this.#slots.values()) if (slot.policy !== undefined) this.#touched.add(slot);
  }

  /** Brings counts and statuses up to date. */
  #update(now: number): void {
    for (const node of this.#nodes.values()) this.#setCounting(node, now - node.changed < this.#settings.patience);
    this.#recount();
    if (this.#touched.size === 0) return;
    const byName = [...this.#nodes.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const [counting, quiet] = [byName.filter(({ counts }) => counts), byName.filter(({ counts }) => !counts)];
    const stale: NodeGroup = { count: quiet.length, named: quiet.slice(0, MAX_NAMED).map(({ name }) => ({ node: name, message: '' })) };
    const names = findNames(
      [...this.#touched].filter(({ enforced }) => enforced < this.#total),
      counting,
      this.#sayings,
    );
    for (const slot of this.#touched) {
      if (slot.policy === undefined) continue;
      slot.groups = names.get(slot);
      const groups = slot.groups ?? { degraded: NOBODY, rejected: NOBODY, pending: NOBODY };
      const { enforced, containers } = slot;
      const tallied = { enforced, containers, stale, patience: this.#settings.patience, ...groups };
      slot.status = policyStatus(slot.policy, tallied, { before: slot.status ?? slot.policy.written, now });
      this.#untold.add(slot);
    }
    this.#touched.clear();
  }

  #recount(): void {
    if (this.#miscounted.size === 0) return;
    for (const slot of this.#miscounted) {
      Object.assign(slot, { enforced: 0, degraded: 0, rejected: 0, containers: 0 });
      this.#touched.add(slot);
    }
    const miscounted = slotSet(this.#miscounted);
    for (const node of this.#nodes.values()) {
      if (node.counts) eachEntry(node, miscounted, (slot, saying) => tally(this.#slotAt(slot), this.#sayings.get(saying), 1));
    }
    this.#miscounted.clear();
  }

  /** How many of the nodes that count hold all of these. */
  #holdingAll(slots: readonly (Slot | undefined)[]): number {
    const known = new Set(slots.filter((slot) => slot?.policy !== undefined));
    if (slots.some((slot) => !known.has(slot))) return 0;
    const wanted = slotSet([...known].filter((slot) => slot !== undefined));
    const holding = [...this.#nodes.values()].filter((node) => {
      let held = 0;
      eachEntry(node, wanted, (number, saying) => {
        const { policy } = this.#slotAt(number);
        if (policy !== undefined && standingOf(policy, this.#sayings.get(saying)) === 'enforced') held += 1;
      });
      return node.counts && held === known.size;
    });
    return holding.length;
  }
}
