/**
 * The configuration of a Prometheus that watches the system.
 * @module
 */

export interface ScrapeTarget {
  job: "services" | "exporter" | "prometheus" | "controller";
  /** What the label `instance` says. */
  instance: string;
  /** `host:port`. */
  address: string;
}

/** Once a second, so that what happened is seen within five. */
export const SCRAPE_INTERVAL = "1s";
const SCRAPE_TIMEOUT = "900ms";

/** The rules' files lie beside it. */
export const RULE_FILES = ["slis.rules.yml", "alerts.rules.yml"] as const;

export function prometheusConfig(targets: readonly ScrapeTarget[]) {
  const jobs = [...new Set(targets.map(({ job }) => job))];
  return {
    global: {
      scrape_interval: SCRAPE_INTERVAL,
      scrape_timeout: SCRAPE_TIMEOUT,
      evaluation_interval: SCRAPE_INTERVAL,
    },
    rule_files: [...RULE_FILES],
    scrape_configs: jobs.map((job) => ({
      job_name: job,
      static_configs: targets
        .filter((target) => target.job === job)
        .map(({ instance, address }) => ({ targets: [address], labels: { instance } })),
    })),
  };
}
