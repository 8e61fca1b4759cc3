/**
 * The instant a load starts at, agreed on by several processes or hosts.
 * @module
 */
const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** Unix epoch milliseconds of an RFC 3339 time, or of such milliseconds themselves. Null when it is neither. */
export function parseInstant(text: string): number | null {
  if (/^\d{12,14}$/.test(text)) return Number(text);
  if (!RFC_3339.test(text)) return null;
  const at = Date.parse(text.replace(" ", "T"));
  return Number.isNaN(at) ? null : at;
}

/**
 * Waits until `at` by the host's clock, however that is set meanwhile, or until `signal` aborts. `count` is called
 * about once per second with the whole seconds left.
 */
export async function waitUntil(
  at: number,
  signal: AbortSignal,
  count: (secondsLeft: number) => void,
): Promise<void> {
  for (let left = at - Date.now(); left > 0 && !signal.aborted; left = at - Date.now()) {
    count(Math.ceil(left / 1_000));
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      // To the next whole second left.
      const timer = setTimeout(wake, left % 1_000 || 1_000);
      signal.addEventListener("abort", wake);
    });
  }
}
