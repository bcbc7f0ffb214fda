/** Durations as people write them. */

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `500ms`, `5s`, `1m`, `2h` in milliseconds; `undefined` for anything else and for more than a day. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text.trim()) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  const milliseconds = Math.round(Number(amount) * (UNITS[unit] ?? 0));
  return milliseconds <= 86_400_000 ? milliseconds : undefined;
}
