import { expect, setDefaultTimeout, test } from "bun:test";
import { waitFor } from "../../src/lab/wait.ts";
import { Bench, Client, echo, quiet, settled, swallow } from "./kit.ts";

setDefaultTimeout(30_000);

/** A timer may be late, and this machine busy; early it must not be by more than its resolution. */
function expectMs(actual: number, wanted: number, late = 100): void {
  expect(actual).toBeGreaterThan(wanted - 2);
  expect(actual).toBeLessThan(wanted + late);
}

/** Round trips take as long, within 5 ms or 5 % per toxic: the median, since any single one may meet a busy machine. */
async function expectRoundTrip(client: Client, wantedMs: number, toxics = 1): Promise<void> {
  const enough = wantedMs + toxics * Math.max(5, wantedMs * 0.05);
  const median = await client.bestMedian(9, enough);
  expect(median).toBeGreaterThan(wantedMs - 2);
  expect(median).toBeLessThan(enough);
}

test("without toxics bytes pass unchanged both ways, and a FIN after them", async () => {
  await using bench = await Bench.start(echo);
  const client = await bench.client({ allowHalfOpen: true });
  const sent = Buffer.alloc(3_000_000, (Math.random() * 256) | 0).fill("chaos", 1_000_000);
  client.socket.end(sent);
  await client.closed();
  expect(client.bytes().equals(sent)).toBeTrue();
  expect(client.error).toBeNull();
  await waitFor(() => bench.server.proxies.get("p").open === 0, { what: "no connection", timeoutMs: 3_000 });
});

test("half-close: a client that has sent its FIN still gets the answer", async () => {
  await using bench = await Bench.start((socket) => {
    socket.resume().on("end", () => setTimeout(() => socket.end("late answer"), 100));
  });
  const client = await Client.connect(bench.port, { allowHalfOpen: true });
  client.socket.end("question");
  await client.closed();
  expect(client.bytes().toString()).toBe("late answer");
});

test("an upstream that refuses: the client is closed", async () => {
  await using bench = await Bench.start(echo);
  await bench.behind[Symbol.asyncDispose]();
  const client = await bench.client();
  await client.closed();
  expect(client.received).toBe(0);
  expect(bench.server.proxies.get("p").upstreamFailures).toBe(1);
});

test.each(["upstream", "downstream"])("latency is added to the %s stream", async (stream) => {
  await using bench = await Bench.start(echo);
  await bench.toxic("latency", { latency: 60 }, { stream });
  const client = await bench.client();
  await expectRoundTrip(client, 60);
});

test("latencies of both streams add up, chained with a second one", async () => {
  await using bench = await Bench.start(echo);
  await bench.toxic("latency", { latency: 30 }, { stream: "upstream" });
  await bench.toxic("latency", { latency: 40 }, { stream: "downstream" });
  await bench.toxic("latency", { latency: 50 }, { stream: "downstream", name: "second" });
  await expectRoundTrip(await bench.client(), 120, 3);
});

test("latency delays without thinning: many pieces in flight at once", async () => {
  await using bench = await Bench.start(echo);
  await bench.toxic("latency", { latency: 100 });
  const client = await bench.client();
  const started = performance.now();
  client.write(Buffer.alloc(2_000_000));
  await client.until(() => client.received === 2_000_000);
  expect(performance.now() - started).toBeLessThan(1_500);
});

test("jitter varies the delay around the latency, and keeps the order", async () => {
  await using bench = await Bench.start(echo);
  await bench.toxic("latency", { latency: 30, jitter: 20 });
  const client = await bench.client();
  const took: number[] = [];
  for (let i = 0; i < 30; i++) took.push(await client.roundTrip());
  took.sort((a, b) => a - b);
  expect(took[0]).toBeGreaterThan(8);
  expect(took[0]).toBeLessThan(25);
  expect(took[15]).toBeLessThan(45);
  expect(took[29]).toBeGreaterThan(38);

  const before = client.bytes().length;
  const numbers = Array.from({ length: 100 }, (_, i) => `${i};`);
  for (const each of numbers) {
    client.write(each);
    await quiet(1);
  }
  const text = numbers.join("");
  await client.until(() => client.received === before + text.length);
  expect(client.bytes().subarray(before).toString()).toBe(text);
});

test.each(["upstream", "downstream"])(
  "bandwidth holds its rate within 10 %% on the %s stream",
  async (stream) => {
    await using bench = await Bench.start(echo);
    for (const rate of [200, 20_000]) {
      await bench.toxic("bandwidth", { rate }, { stream, name: "b" });
      const client = await bench.client();
      const bytes = rate * 500;
      // At the best of a few tries: a busy machine makes any try slower, and none faster.
      let best = 0;
      for (let tries = 0; tries < 4 && best < rate * 0.9; tries++) {
        const goal = client.received + bytes;
        const started = performance.now();
        client.write(Buffer.alloc(bytes));
        await client.until(() => client.received === goal);
        best = Math.max(best, bytes / (performance.now() - started));
      }
      expect(best).toBeGreaterThan(rate * 0.9);
      expect(best).toBeLessThan(rate * 1.1);
      await bench.remove("b");
    }
  },
);

test("bandwidth 0 holds data back, and lets go of it when removed", async () => {
  await using bench = await Bench.start(echo);
  await bench.toxic("bandwidth", { rate: 0 });
  const client = (await bench.client()).write("held");
  await quiet(100);
  expect(client.received).toBe(0);
  await bench.remove("bandwidth_downstream");
  await client.until(() => client.received === 4);
});

test("a reader that does not read slows its sender down, and memory stays bounded", async () => {
  let taken = 0;
  await using bench = await Bench.start((socket) => {
    const feed = (): void => {
      while (socket.write(Buffer.alloc(65_536))) taken += 65_536;
    };
    socket.on("drain", feed);
    feed();
  });
  const client = await bench.client();
  client.socket.pause();
  const proxy = bench.server.proxies.get("p");
  const before = await settled(() => proxy.received.downstream);
  // What the proxy has read is in the client's and its own send buffer (a few MiB), and 256 KiB in the proxy.
  expect(before).toBeLessThan(20_000_000);
  expect(taken).toBeLessThan(40_000_000);
  client.socket.resume();
  await client.until(() => client.received > before + 10_000_000);
});

test("data that waits in a toxic is bounded, and all of it arrives in the end", async () => {
  const total = 30_000_000;
  await using bench = await Bench.start((socket) => {
    socket.end(Buffer.alloc(total, "0123456789"));
  });
  await bench.toxic("latency", { latency: 60_000 });
  const client = await bench.client();
  const proxy = bench.server.proxies.get("p");
  const before = await settled(() => proxy.received.downstream);
  expect(before).toBeGreaterThan(4_000_000);
  expect(before).toBeLessThan(5_500_000);
  await bench.remove("latency_downstream");
  await client.closed();
  expect(client.bytes().equals(Buffer.alloc(total, "0123456789"))).toBeTrue();
});

test("slow_close delays the FIN, not the data", async () => {
  await using bench = await Bench.start((socket) => {
    socket.end("all of it");
  });
  await bench.toxic("slow_close", { delay: 200 });
  const started = performance.now();
  const client = await bench.client();
  await client.until(() => client.received === 9);
  expect(performance.now() - started).toBeLessThan(100);
  await client.until(() => client.finAt !== null);
  expectMs((client.finAt ?? 0) - started, 200);
});

test("timeout drops data and closes after its time", async () => {
  await using bench = await Bench.start(echo);
  await bench.toxic("timeout", { timeout: 150 });
  const started = performance.now();
  const client = (await bench.client()).write("lost");
  await client.closed();
  expectMs((client.closedAt ?? 0) - started, 150);
  expect(client.received).toBe(0);
  expect(client.error).toBeNull();
});

test("timeout 0 is a black hole until it is removed, and the connection with it", async () => {
  await using bench = await Bench.start(echo);
  const client = await bench.client();
  await client.roundTrip();
  await bench.toxic("timeout", { timeout: 0 });
  client.write("lost");
  await quiet(150);
  expect(client.received).toBe(4);
  expect(client.closedAt).toBeNull();
  await bench.remove("timeout_downstream");
  await client.closed();
  expect(client.received).toBe(4);
  expect(await (await bench.client()).roundTrip()).toBeLessThan(100);
});

test.each(["upstream", "downstream"])(
  "reset_peer on the %s stream: both peers see ECONNRESET",
  async (stream) => {
    let upstreamError = "";
    await using bench = await Bench.start((socket) => {
      socket.on("error", (error: NodeJS.ErrnoException) => {
        upstreamError = error.code ?? "";
      });
      echo(socket);
    });
    await bench.toxic("reset_peer", { timeout: 100 }, { stream });
    const started = performance.now();
    const client = (await bench.client()).write("ping");
    await client.closed();
    expectMs((client.closedAt ?? 0) - started, 100);
    expect(client.error).toBe("ECONNRESET");
    expect(client.received).toBe(0);
    await waitFor(() => upstreamError === "ECONNRESET", { what: "ECONNRESET upstream", timeoutMs: 1_000 });
  },
);

test("reset_peer with timeout 0 resets a connection that existed before it", async () => {
  await using bench = await Bench.start(echo);
  const client = await bench.client();
  await client.roundTrip();
  await bench.toxic("reset_peer", { timeout: 0 });
  client.write("ping");
  await client.closed();
  expect(client.error).toBe("ECONNRESET");
});

test("slicer cuts into slices of the asked size and delay", async () => {
  await using bench = await Bench.start(echo);
  await bench.toxic("slicer", { average_size: 100, size_variation: 20, delay: 5_000 });
  const client = await bench.client();
  const sent = Buffer.from(Array.from({ length: 3_000 }, (_, i) => i % 251));
  const started = performance.now();
  client.write(sent);
  await client.until(() => client.received === sent.length);
  expect(client.bytes().equals(sent)).toBeTrue();
  // 3000 bytes are about 30 slices of 5 ms.
  const took = performance.now() - started;
  expect(took).toBeGreaterThan(110);
  expect(took).toBeLessThan(300);
  // Reads may merge two slices on a busy machine; most are one.
  const sizes = client.reads.map(({ bytes }) => bytes.length);
  const inBounds = sizes.slice(0, -1).filter((size) => size >= 80 && size <= 120);
  expect(inBounds.length).toBeGreaterThan(sizes.length / 2);
  expect(new Set(sizes).size).toBeGreaterThan(5);
});

test.each([0, 1, 1_000, 100_000])("limit_data lets exactly %i bytes through and closes", async (bytes) => {
  await using bench = await Bench.start((socket) => {
    socket.on("data", () => socket.write(Buffer.alloc(150_000, "x")));
  });
  await bench.toxic("limit_data", { bytes });
  const client = (await bench.client()).write("give");
  await client.closed();
  expect(client.received).toBe(bytes);
  expect(client.error).toBeNull();
});

test("limit_data upstream: the server gets exactly that much, and a FIN", async () => {
  let got = 0;
  let fin = false;
  await using bench = await Bench.start((socket) => {
    socket.on("data", (data) => {
      got += data.length;
    });
    socket.on("end", () => {
      fin = true;
    });
  });
  await bench.toxic("limit_data", { bytes: 70_000 }, { stream: "upstream" });
  const client = (await bench.client()).write(Buffer.alloc(500_000));
  await client.closed();
  await waitFor(() => fin, { what: "the FIN upstream", timeoutMs: 1_000 });
  expect(got).toBe(70_000);
});

test("limit_data remembers over an update what has passed", async () => {
  await using bench = await Bench.start(echo);
  await bench.toxic("limit_data", { bytes: 100 });
  const client = await bench.client();
  await client.roundTrip("x".repeat(60));
  await bench.update("limit_data_downstream", { attributes: { bytes: 80 } });
  client.write("x".repeat(60));
  await client.closed();
  expect(client.received).toBe(80);
});

test("toxics are added, changed and removed on a connection that is open", async () => {
  await using bench = await Bench.start(echo);
  const client = await bench.client();
  await expectRoundTrip(client, 0);
  await bench.toxic("latency", { latency: 80 });
  await expectRoundTrip(client, 80);
  await bench.update("latency_downstream", { attributes: { latency: 40 } });
  await expectRoundTrip(client, 40);
  await bench.update("latency_downstream", { toxicity: 0 });
  await expectRoundTrip(client, 0);
  await bench.update("latency_downstream", { toxicity: 1 });
  await expectRoundTrip(client, 40);
  await bench.remove("latency_downstream");
  await expectRoundTrip(client, 0);
});

test("removing a toxic lets go of what it holds, in order", async () => {
  await using bench = await Bench.start(echo);
  await bench.toxic("latency", { latency: 60_000 });
  await bench.toxic("bandwidth", { rate: 1 });
  const client = (await bench.client()).write("first,");
  await quiet(50);
  client.write("second");
  await quiet(50);
  expect(client.received).toBe(0);
  await bench.remove("latency_downstream");
  await bench.remove("bandwidth_downstream");
  await client.until(() => client.received === 12);
  expect(client.bytes().toString()).toBe("first,second");
});

test("data stays whole while toxics come, change and go", async () => {
  await using bench = await Bench.start(echo);
  const sent = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
  const clients = await Promise.all(Array.from({ length: 20 }, () => bench.client()));
  const echoed = Promise.all(
    clients.map(async (client) => {
      for (let at = 0; at < sent.length; at += 10_000) {
        client.write(sent.subarray(at, at + 10_000));
        await client.until(() => client.received >= at - 40_000);
        await quiet(5);
      }
      await client.until(() => client.received === sent.length, 20_000);
    }),
  );
  for (let round = 0; round < 12; round++) {
    const stream = round % 2 ? "upstream" : "downstream";
    await bench.toxic("latency", { latency: 20, jitter: 20 }, { stream, name: "l", toxicity: 0.7 });
    await bench.toxic("slicer", { average_size: 700, size_variation: 600, delay: 20 }, { stream, name: "s" });
    await bench.toxic("bandwidth", { rate: 2_000 }, { stream, name: "b", toxicity: 0.5 });
    await quiet(10);
    await bench.update("l", { toxicity: 0.3, attributes: { latency: 5 } });
    await bench.update("b", { toxicity: 1, attributes: { rate: 10_000 } });
    await bench.remove("s");
    await quiet(5);
    await bench.remove("l");
    await bench.remove("b");
  }
  await echoed;
  for (const client of clients) expect(client.bytes().equals(sent)).toBeTrue();
});

test("an upstream is found by name", async () => {
  await using bench = await Bench.start(echo);
  const body = JSON.stringify({ upstream: `localhost:${bench.behind.port}` });
  await fetch(`${bench.server.url}/proxies/p`, { method: "PATCH", body });
  await (await bench.client()).roundTrip();
});

test("disabling closes listener and connections; enabling brings the same address back", async () => {
  await using bench = await Bench.start(echo);
  const client = await bench.client();
  await client.roundTrip();
  const proxy = bench.server.proxies.get("p");
  await proxyEnabled(bench, false);
  await client.closed();
  expect(proxy.open).toBe(0);
  await expect(bench.client()).rejects.toThrow();
  await proxyEnabled(bench, true);
  await (await bench.client()).roundTrip();
});

async function proxyEnabled(bench: Bench, enabled: boolean): Promise<void> {
  const body = JSON.stringify({ enabled });
  const answer = await fetch(`${bench.server.url}/proxies/p`, { method: "POST", body });
  expect(answer.status).toBe(200);
}

test("toxicity decides per connection, the same for the same seed", async () => {
  const decisions = async (seed: number): Promise<string> => {
    await using bench = await Bench.start(echo, seed);
    await bench.toxic("limit_data", { bytes: 0 }, { toxicity: 0.5 });
    let text = "";
    for (let i = 0; i < 40; i++) {
      const client = (await bench.client()).write("ping");
      await client.until(() => client.received === 4 || client.closedAt !== null);
      text += client.received === 4 ? "." : "x";
      client.socket.destroy();
    }
    return text;
  };
  const [first, again, other] = [await decisions(7), await decisions(7), await decisions(8)];
  expect(again).toBe(first);
  expect(other).not.toBe(first);
  expect(first.replaceAll(".", "").length).toBeGreaterThan(10);
  expect(first.replaceAll(".", "").length).toBeLessThan(30);
});

test("200 connections at once, through toxics, leave nothing behind", async () => {
  await using bench = await Bench.start(echo);
  await bench.toxic("latency", { latency: 20, jitter: 10 });
  await bench.toxic("slicer", { average_size: 5_000, size_variation: 1_000, delay: 10 });
  const openFiles = (): number =>
    [...new Bun.Glob("*").scanSync({ cwd: "/proc/self/fd", onlyFiles: false })].length;
  const before = openFiles();
  const sent = Buffer.alloc(20_000, "0123456789");
  for (let round = 0; round < 2; round++) {
    const clients = await Promise.all(Array.from({ length: 200 }, () => bench.client()));
    for (const client of clients) client.write(sent);
    await Promise.all(clients.map((client) => client.until(() => client.received === sent.length, 20_000)));
    for (const client of clients) expect(client.bytes().equals(sent)).toBeTrue();
    for (const [i, client] of clients.entries()) {
      if (i % 2) client.socket.end();
      else client.socket.resetAndDestroy();
    }
    await waitFor(() => bench.server.proxies.get("p").open === 0, {
      what: "no connection",
      timeoutMs: 5_000,
    });
  }
  await waitFor(() => openFiles() <= before + 5, { what: "closed sockets", timeoutMs: 5_000 });
});

test("a peer that never closes is let go a second after both FINs", async () => {
  await using bench = await Bench.start(swallow);
  await bench.toxic("timeout", { timeout: 10 });
  const client = await Client.connect(bench.port, { allowHalfOpen: true });
  await client.until(() => client.finAt !== null);
  await waitFor(() => bench.server.proxies.get("p").open === 0, { what: "no connection", timeoutMs: 3_000 });
  client.socket.destroy();
});
