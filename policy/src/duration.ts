/** Durations as people write them. */

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DAY = 86_400_000;

/** `500ms`, `5s`, `1m`, `2h`, `1h30m` in milliseconds; `undefined` for anything else and for more than a day. */
export function parseDuration(text: string): number | undefined {
  const written = text.trim();
  if (written.length > 64 || !/^(\d{1,9}(\.\d{1,3})?(ms|s|m|h))+$/.test(written)) return undefined;
  const parts = [...written.matchAll(/([\d.]+)([a-z]+)/g)];
  const milliseconds = Math.round(parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNITS[unit ?? ''] ?? 0), 0));
  return milliseconds <= DAY ? milliseconds : undefined;
}
