/** Servers that know nothing of chaoslab. */
import { exec } from "../../src/lab/exec.ts";

export interface Server {
  pid: number;
  port: number;
  /** Whether it answers in time. */
  answers(withinMs: number): Promise<boolean>;
  /** How long a connection and an answer take. */
  takesMs(): Promise<number>;
  stop(): Promise<void>;
}

const PROGRAM = `
const server = Bun.serve({ hostname: "0.0.0.0", port: 0, fetch: () => new Response("here") });
console.log(server.port);
`;

/** On this host's network. */
export const server = (): Promise<Server> => start([], "127.0.0.1", async () => {});

const NAMESPACE = "attach-test";
const [HOST, NODE] = ["198.19.253.1", "198.19.253.2"];

/** In a network namespace of its own. */
export async function serverInNamespace(): Promise<Server> {
  const remove = async (): Promise<void> => {
    await exec(["ip", "netns", "delete", NAMESPACE], { allowFailure: true });
    await exec(["ip", "link", "delete", "attach-host"], { allowFailure: true });
  };
  await remove();
  const inside = ["ip", "-n", NAMESPACE];
  for (const argv of [
    ["ip", "netns", "add", NAMESPACE],
    ["ip", "link", "add", "attach-host", "type", "veth", "peer", "name", "attach-node", "netns", NAMESPACE],
    ["ip", "addr", "add", `${HOST}/30`, "dev", "attach-host"],
    ["ip", "link", "set", "attach-host", "up"],
    [...inside, "addr", "add", `${NODE}/30`, "dev", "attach-node"],
    [...inside, "link", "set", "attach-node", "up"],
    [...inside, "link", "set", "lo", "up"],
  ])
    await exec(argv);
  return start(["ip", "netns", "exec", NAMESPACE], NODE, remove);
}

async function start(
  prefix: readonly string[],
  address: string,
  after: () => Promise<void>,
): Promise<Server> {
  const child = Bun.spawn([...prefix, "setpriv", "--pdeathsig", "KILL", process.execPath, "-e", PROGRAM], {
    stdin: "ignore",
    stdout: "pipe",
  });
  const { value } = await child.stdout.getReader().read();
  const port = Number(new TextDecoder().decode(value));
  const ask = async (withinMs: number): Promise<void> => {
    // A connection of its own: one that is kept would show half of a delay.
    const headers = { connection: "close" };
    await (
      await fetch(`http://${address}:${port}/`, { headers, signal: AbortSignal.timeout(withinMs) })
    ).text();
  };
  return {
    pid: child.pid,
    port,
    answers: (withinMs) =>
      ask(withinMs).then(
        () => true,
        () => false,
      ),
    takesMs: async () => {
      const started = performance.now();
      await ask(5_000);
      return performance.now() - started;
    },
    stop: async () => {
      child.kill("SIGKILL");
      await child.exited;
      await after();
    },
  };
}
