/**
 * How much less n seconds say than n independent ones: in a system with queues, a second is like the one before.
 * @module
 */
import { midranks } from "./order.ts";

/**
 * What the variance of a rank statistic grows by: (1 + rho) / (1 - rho), at least 1, for a first-order autoregressive
 * series with lag-1 correlation rho (Bayley and Hammersley, Supplement to the Journal of the Royal Statistical Society
 * 8, 1946; for Mann-Kendall Yue and Wang, Water Resources Management 18, 2004). The correlation is of the ranks, which
 * is what the tests use (Hamed and Rao, Journal of Hydrology 204, 1998), and within each series, so that a difference
 * between two does not count as one.
 * @param series one value per second; null where there is none. The correlation is pooled over them.
 * @param fitted what was taken out of each: 1 its level, 2 its level and slope.
 */
export function varianceFactor(series: readonly (readonly (number | null)[])[], fitted: 1 | 2): number {
  let squares = 0;
  let values = 0;
  let products = 0;
  let pairs = 0;
  for (const each of series) {
    const scores = rankScores(each);
    for (const [second, score] of scores.entries()) {
      if (score === null) continue;
      squares += score * score;
      values++;
      const before = scores[second - 1] ?? null;
      if (before === null) continue;
      products += score * before;
      pairs++;
    }
  }
  if (squares === 0 || pairs === 0) return 1;
  const measured = products / pairs / (squares / values);
  // Of a trend, a correlation counts that is told from none: in a short baseline chance alone makes large ones, and a
  // variance widened by them would hide every trend (Hamed and Rao). One-sided, 5 %.
  if (fitted === 2 && measured < 1.645 / Math.sqrt(values)) return 1;
  // What is fitted takes some of the correlation along: by (1 + 3 rho) / n for a level, (2 + 4 rho) / n for a line
  // (Kendall, Biometrika 41, 1954; Tjøstheim and Paulsen, Biometrika 70, 1983).
  const share = series.length / values;
  const rho = (measured + fitted * share) / (1 - (fitted + 2) * share);
  // However alike the seconds are, there are two independent ones among them.
  const most = values / 2;
  return rho >= 1 ? most : Math.max(1, Math.min(most, (1 + rho) / (1 - rho)));
}

/** Ranks between -1/2 and 1/2 around their mean, so that series of any length weigh alike by value. */
function rankScores(series: readonly (number | null)[]): (number | null)[] {
  const present = series.filter((value) => value !== null);
  const ranks = midranks(present);
  let next = 0;
  return series.map((value) =>
    value === null ? null : ((ranks[next++] ?? 0) - (present.length + 1) / 2) / present.length,
  );
}
