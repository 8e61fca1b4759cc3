import { expect, test } from "bun:test";
import { ChaoslabError } from "../../cli/errors.ts";
import { processesOf } from "../../faults/node/processes.ts";
import { waitFor } from "../wait.ts";
import { forkingServer } from "./forking.ts";
import { listenerOn, listeningInodes } from "./listener.ts";
import { disturbable, groupOf } from "./process.ts";

/** As the kernel prints it: 0x1F90 is 8080; state 0A listens, 01 is a connection of it. */
const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21355 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 21360 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21400 1 0000000000000000 100 0 0 10 0
`;

function refusal(port: number): string {
  try {
    listenerOn(port, "web");
  } catch (error) {
    if (error instanceof ChaoslabError) return error.oneLine;
    throw error;
  }
  throw new Error("a process was named");
}

test("sockets that listen on a port, and no others", () => {
  expect(listeningInodes(TCP, 8080)).toEqual([21_355]);
  expect(listeningInodes(TCP, 80)).toEqual([21_400]);
  expect(listeningInodes(TCP, 81)).toEqual([]);
});

test("a server that has handed its socket to its children is the node, and they are of it", async () => {
  await using server = await forkingServer(3);
  expect(listenerOn(server.port, "web")).toBe(server.pid);
  const tree = await groupOf(disturbable(server.pid, "web"), null);
  expect(tree).toMatchObject({ dirs: [], tree: { pid: server.pid } });
  const { version, dirs } = tree;
  const found = processesOf({ version, dirs: [...dirs], ...(tree.tree && { tree: tree.tree }) });
  expect(found).toHaveLength(4);
  expect(found.filter(({ parent }) => parent === server.pid)).toHaveLength(3);
});

test("children that have lost their parent are not told apart", async () => {
  await using server = await forkingServer(2);
  await server.kill();
  expect(refusal(server.port)).toMatch(
    /^web: several processes listen on port \d+: \d+, \d+ \(name one by its pid\)$/,
  );
});

test("a port that nobody listens on", async () => {
  const { port } = await (async () => {
    await using server = await forkingServer(0);
    return server;
  })();
  await waitFor(() => refusal(port).includes("no process listens"), {
    what: "the port to be free",
    timeoutMs: 2_000,
  });
  expect(refusal(port)).toBe(`web: no process listens on port ${port}`);
});
