/**
 * Makes the generator ready before it matters. The runtime compiles code as it is used; at 80,000 requests a second
 * that alone made a fifth of the first second's requests leave more than 10 ms late, and none of the later seconds'.
 * @module
 */
import { peakRate } from "./arrivals.ts";
import { type LoadOptions, runLoad } from "./run.ts";
import type { Workload } from "./workload.ts";

/** Below this rate the processor has time to compile beside the load. */
const FROM_RPS = 500;
/**
 * From this rate on it is done three times, with pauses in which the compiler, whose threads are ordinary ones, gets the
 * processor: on one core at 60,000 rps the first second's worst slip fell from 46..138 ms to 6..22 ms.
 */
const THOROUGH_FROM_RPS = 20_000;
const ROUNDS = 3;
const PAUSE_MS = 200;
/** More in flight than connections are dropped at once, so that a slow machine takes no longer. */
const REHEARSAL = { rate: 40_000, durationS: 0.4, connections: 64, timeoutMs: 250 };

const ANSWER =
  "HTTP/1.1 200 OK\r\nServer: rehearsal\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok";

/**
 * Sends requests of the workload to a server of this process's own for half a second to two, on loopback; nothing
 * reaches the target. Does nothing for a load that is slow, or where there is no loopback.
 */
export async function warmUp(options: Omit<LoadOptions, "startAt">): Promise<void> {
  const peak = peakRate(options.stages) / options.shard.of;
  if (peak < FROM_RPS) return;
  const answer = (socket: Bun.Socket): void => void socket.write(ANSWER);
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: answer } });
  const { rate, durationS, connections, timeoutMs } = REHEARSAL;
  try {
    const stages = [{ duration_s: durationS, from: rate, to: rate }];
    const workload = rehearsed(options.workload, server.port);
    const limits = { maxConnections: connections, maxInFlight: connections, timeoutMs };
    const rehearse = () =>
      runLoad({ ...options, ...limits, workload, stages, startAt: null }, { emit: () => {} });
    await rehearse();
    for (let round = 1; round < ROUNDS && peak >= THOROUGH_FROM_RPS; round++) {
      await Bun.sleep(PAUSE_MS);
      await rehearse();
    }
  } finally {
    server.stop(true);
  }
  // What the rehearsal left behind is not to be collected during the load.
  Bun.gc(false);
}

/** The same requests, to one place, whose answers mean nothing. */
function rehearsed(workload: Workload, port: number): Workload {
  return {
    ...workload,
    origins: [{ hostname: "127.0.0.1", port, tls: null }],
    request: (index) => ({ ...workload.request(index), origin: 0, wantsBody: false, judge: null }),
    columns: () => [],
  };
}
