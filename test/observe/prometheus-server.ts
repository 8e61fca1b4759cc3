/** A real Prometheus on a free loopback port, with a folder of its own; both are gone after disposal. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface PrometheusServer extends AsyncDisposable {
  url: string;
}

/**
 * Scrapes one target of job `exporter` every second.
 * @param prefix path under which it answers.
 */
export async function startPrometheus(target: string, prefix: string): Promise<PrometheusServer> {
  const folder = mkdtempSync(join(tmpdir(), "chaoslab-prometheus-"));
  const config = join(folder, "prometheus.json");
  // JSON is YAML.
  writeFileSync(
    config,
    JSON.stringify({
      global: { scrape_interval: "1s", scrape_timeout: "900ms" },
      scrape_configs: [{ job_name: "exporter", static_configs: [{ targets: [target] }] }],
    }),
  );
  const child = Bun.spawn(
    [
      "prometheus",
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      "--storage.tsdb.retention.time=1h",
      "--web.listen-address=127.0.0.1:0",
      `--web.route-prefix=${prefix}`,
    ],
    { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await child.exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    return { url: `http://${await addressOf(child.stderr)}${prefix}`, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The address it says it listens on, once it is ready. */
async function addressOf(stderr: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let said = "";
  // Leaving the loop must not close the pipe: a log line would end the server.
  for await (const chunk of stderr.values({ preventCancel: true })) {
    said += decoder.decode(chunk, { stream: true });
    const address = /msg="Listening on" address=(\S+)/.exec(said)?.[1];
    if (address !== undefined && said.includes("Server is ready")) return address;
  }
  throw new Error(`prometheus ended: ${said}`);
}
