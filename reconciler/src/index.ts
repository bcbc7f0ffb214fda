/** From a Git commit to policies in force, and back to the commit as statuses. */
import { setFlagsFromString } from 'node:v8';
import type * as controller from './cluster/main.ts';
import type * as operations from './operate/main.ts';

export { createSynthesizer, DEFAULT_LIMITS, renderFiles, renderManifest } from './adapters/synth/index.ts';
export type { SynthesizerOptions, SynthLimits } from './adapters/synth/index.ts';
export { argocdProvenance } from './argocd/provenance.ts';
export type { ArgocdProvenance } from './argocd/provenance.ts';
export { clusterConfig } from './cluster-config.ts';
export type { ClusterConfig, ClusterFlags } from './cluster-config.ts';
export { configFromEnvironment } from './config.ts';
export type { Environment, ReconcilerConfig, ReconcilerFlags, Secret } from './config.ts';
export type { Ending } from './follow.ts';
export { checkInstall, definitionObjects, installObjects, renderDefinitions, renderInstall } from './install/install.ts';
export { DEFAULT_NAMESPACE, PORTS } from './install/part.ts';
export type { InstallObject, InstallOptions } from './install/part.ts';
export type { Inventory, InventoryEntry } from './inventory.ts';
export { runReconciler } from './main.ts';
export { stamp } from './manifest.ts';
export type { RunOptions } from './main.ts';
export type { MadePolicy } from './operate/policy-tree.ts';
export type { OperatedCluster } from './operate/ports.ts';
export type { RunAnswer } from './operate/request.ts';
export type { SourceView } from './operate/source-view.ts';
export type { CommitStatus, Log, LogEvent, SynthManifest, Synthesizer, SynthResult } from './ports.ts';
export { PRINT_DEFAULTS, PRINTED } from './printed.ts';
export type { PrintSettings } from './printed.ts';
export { StageError } from './stage-error.ts';

/** The reconciler of a cluster. Loaded only here: the Kubernetes client takes a second and much memory. */
export async function loadController(): Promise<Controller> {
  // Memory before speed: most of its time it waits, and programs run in processes of their own.
  setFlagsFromString('--optimize-for-size');
  return import('./cluster/main.ts');
}
export type Controller = typeof controller;

/** What people operate sources in a cluster with; loaded only here too. */
export async function loadOperations(): Promise<Operations> {
  return import('./operate/main.ts');
}
export type Operations = typeof operations;
