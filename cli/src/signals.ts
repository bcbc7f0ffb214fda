/** How a command that goes on until it is told to stop hears that. */

/** The first signal ends the work at hand in order, a second one ends the process as signals do. */
export function stopOnSignals(): { readonly signal: AbortSignal; readonly close: () => void } {
  const controller = new AbortController();
  const stop = (): void => controller.abort('stopping');
  process.once('SIGINT', stop).once('SIGTERM', stop);
  return { signal: controller.signal, close: () => process.off('SIGINT', stop).off('SIGTERM', stop) };
}
