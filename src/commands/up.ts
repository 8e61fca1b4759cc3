/** `chaoslab up` */
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags, optionalTextFlag, textFlag } from "../cli/flags.ts";
import { abortOnSignals } from "../cli/signals.ts";
import { Progress } from "../cli/terminal.ts";
import { DOCKER_LAB } from "../lab/docker/lab.ts";
import type { BootStep } from "../lab/host/boot.ts";
import { bootLab, stepLine } from "../lab/host/lab.ts";
import type { ProxyChoice } from "../lab/host/links.ts";
import { clearRemains, labDocument } from "../lab/host/manage.ts";
import { requireRoot } from "../lab/host/prerequisites.ts";
import { PROMETHEUS_NODE } from "../lab/host/topology.ts";
import { isHostLab } from "../lab/ready.ts";
import { labFlag } from "./lab-flag.ts";
import { mitigationsOf } from "./mitigation-flags.ts";

export async function run(_args: string[], flags: Flags): Promise<number> {
  const name = labFlag(flags);
  if (!isHostLab(name)) {
    throw new ChaoslabError(
      "usage",
      `--lab: ${name} is not for chaoslab to start`,
      name === DOCKER_LAB ? "docker compose up -d starts it" : "it was there before",
    );
  }
  const toxiproxy = toxiproxyFlag(flags);
  const mitigations = mitigationsOf("--mitigations", textFlag(flags, "mitigations") ?? "none");
  const progress = new Progress({ quiet: booleanFlag(flags, "quiet") });
  requireRoot("a lab");
  const { signal, dispose } = abortOnSignals();
  try {
    await clearRemains(name, (line) => progress.say(line));
    const onStep = (step: BootStep): void => progress.say(stepLine(step));
    const prometheus = booleanFlag(flags, "prometheus");
    const booted = await bootLab(name, onStep, { toxiproxy, mitigations, prometheus }, signal);
    if (signal.aborted) {
      await booted.down();
      throw new ChaoslabError("aborted", `boot of lab ${name} stopped; nothing of it is left`);
    }
    await booted.detach();
    const also = prometheus ? `, Prometheus at ${booted.lab.topology.url(PROMETHEUS_NODE)}` : "";
    progress.say(
      `lab ${name} is ready after ${(booted.ms / 1000).toFixed(1)} s: api at ${booted.lab.apiUrl}${also}`,
    );
    if (booleanFlag(flags, "json"))
      process.stdout.write(`${JSON.stringify(await labDocument(booted.lab))}\n`);
    return ExitCode.ok;
  } finally {
    dispose();
  }
}

function toxiproxyFlag(flags: Flags): ProxyChoice {
  const text = optionalTextFlag(flags, "toxiproxy");
  if (text === undefined) return null;
  if (text === null) return { url: null };
  const url = URL.canParse(text) ? new URL(text) : null;
  const bare = url && /^https?:$/.test(url.protocol) && url.pathname === "/" && !url.search && !url.hash;
  if (bare && !url.username && !url.password) return { url: url.origin };
  throw new ChaoslabError(
    "usage",
    `--toxiproxy: ${JSON.stringify(text)} is not an address such as http://127.0.0.1:8474`,
  );
}
