/**
 * What a packet-level fault does to each packet, as one record that every mechanism reads.
 * @module
 */

/** Params of any packet-level fault, as they stand on the wire. */
export interface PacketParams {
  delay_ms?: number;
  jitter_ms?: number;
  loss_percent?: number;
  correlation_percent?: number;
  duplicate_percent?: number;
  corrupt_percent?: number;
  reorder_percent?: number;
  peer?: string;
  direction?: "egress" | "ingress";
  seed?: number;
}

/** Times in milliseconds, shares in percent from 0 to 100; 0: not at all. */
export interface Impairment {
  delayMs: number;
  jitterMs: number;
  lossPercent: number;
  /** How much a packet's loss follows the loss of the one before: see {@link lossChain}. */
  correlationPercent: number;
  duplicatePercent: number;
  corruptPercent: number;
  /** Share that goes at once while the rest takes the delay. */
  reorderPercent: number;
}

export function impairmentOf(params: PacketParams): Impairment {
  return {
    delayMs: params.delay_ms ?? 0,
    jitterMs: params.jitter_ms ?? 0,
    lossPercent: params.loss_percent ?? 0,
    correlationPercent: params.correlation_percent ?? 0,
    duplicatePercent: params.duplicate_percent ?? 0,
    corruptPercent: params.corrupt_percent ?? 0,
    reorderPercent: params.reorder_percent ?? 0,
  };
}

/**
 * Loss in bursts, as a Markov chain over "was the packet before lost?". With p the share lost and c the correlation,
 * both from 0 to 1,
 *
 *     P(lost | the one before was lost)   = p + c (1 - p)
 *     P(lost | the one before went through) = p (1 - c)
 *
 * from which the long-run share lost is p (for x = x (p + c (1 - p)) + (1 - x) p (1 - c) has the solution x = p),
 * the correlation of neighbours is c, and a burst lasts 1 / ((1 - c)(1 - p)) packets on average. It is the simple
 * Gilbert model, netem's `loss gemodel` with every packet of the bad state lost. netem's own `loss P% C%` is not used:
 * it averages successive random numbers, which narrows their spread, so that 5 % with 50 % loses about 1 %.
 */
export function lossChain(lossPercent: number, correlationPercent: number): LossChain {
  const [p, c] = [lossPercent / 100, correlationPercent / 100];
  return { afterLoss: p + c * (1 - p), afterPass: p * (1 - c) };
}

/** Probabilities from 0 to 1. */
export interface LossChain {
  afterLoss: number;
  afterPass: number;
}
