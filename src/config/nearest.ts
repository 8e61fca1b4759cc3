/**
 * "Did you mean": the accepted word nearest to a misspelt one.
 * @module
 */

/** Levenshtein: fewest characters inserted, deleted or replaced to get from `a` to `b`. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The nearest of `accepted` within two edits, which must leave more of the word than they change. */
export function nearest(word: string, accepted: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.min(3, word.length / 2);
  for (const each of accepted) {
    if (Math.abs(each.length - word.length) >= least) continue;
    const edits = distance(word, each);
    if (edits < least) [best, least] = [each, edits];
  }
  return best;
}

/** ` (did you mean X?)`, or nothing. */
export function suggestion(word: string, accepted: Iterable<string>): string {
  const found = nearest(word, accepted);
  return found === undefined ? "" : ` (did you mean ${found}?)`;
}
