/** Real peers on loopback, of another implementation than the proxy's: node:net. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket, type TcpNetConnectOpts } from "node:net";
import { codeOf } from "../../src/cli/errors.ts";
import { startToxiproxy, type ToxiproxyServer } from "../../src/toxiproxy/server.ts";

export interface Answer {
  status: number;
  body: unknown;
}

/** Sends text as it is, or anything else as JSON. */
export async function call(url: string, method: string, path: string, body?: unknown): Promise<Answer> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(`${url}${path}`, { method, ...(body === undefined ? {} : { body: text }) });
  const answer = await response.text();
  return { status: response.status, body: answer === "" ? null : JSON.parse(answer) };
}

export interface Upstream extends AsyncDisposable {
  port: number;
  address: string;
  /** Connections accepted, in order. */
  sockets: Socket[];
}

/** A server on a free port; `serve` gets each connection. */
export async function upstream(serve: (socket: Socket) => void): Promise<Upstream> {
  const sockets: Socket[] = [];
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.setNoDelay(true).on("error", () => {});
    serve(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    address: `127.0.0.1:${address.port}`,
    sockets,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Sends everything back, and a FIN after the client's. */
export const echo = (socket: Socket): void => {
  socket.pipe(socket);
};

/** Swallows everything. */
export const swallow = (socket: Socket): void => {
  socket.resume();
};

/** A server, one proxy `p` on it, and what stands behind that. */
export class Bench implements AsyncDisposable {
  private constructor(
    readonly server: ToxiproxyServer,
    readonly behind: Upstream,
    readonly port: number,
  ) {}

  static async start(serve: (socket: Socket) => void, seed = 1): Promise<Bench> {
    const server = await startToxiproxy({ host: "127.0.0.1", port: 0, seed });
    const behind = await upstream(serve);
    const body = { name: "p", listen: "127.0.0.1:0", upstream: behind.address };
    await call(server.url, "POST", "/proxies", body);
    return new Bench(server, behind, Number(server.proxies.get("p").listen.split(":")[1]));
  }

  async toxic(type: string, attributes: Record<string, number>, more: Record<string, unknown> = {}) {
    const answer = await call(this.server.url, "POST", "/proxies/p/toxics", { type, attributes, ...more });
    if (answer.status !== 200) throw new Error(JSON.stringify(answer));
  }

  async update(name: string, change: Record<string, unknown>) {
    const answer = await call(this.server.url, "PATCH", `/proxies/p/toxics/${name}`, change);
    if (answer.status !== 200) throw new Error(JSON.stringify(answer));
  }

  async remove(name: string) {
    const answer = await call(this.server.url, "DELETE", `/proxies/p/toxics/${name}`);
    if (answer.status !== 204) throw new Error(JSON.stringify(answer));
  }

  client(options: Partial<TcpNetConnectOpts> = {}): Promise<Client> {
    return Client.connect(this.port, options);
  }

  async [Symbol.asyncDispose]() {
    await this.server.stop();
    await this.behind[Symbol.asyncDispose]();
  }
}

/** A client that records what comes, and when. */
export class Client {
  /** Each read, as it came. */
  readonly reads: { at: number; bytes: Buffer }[] = [];
  received = 0;
  /** When the FIN came, on the clock of performance.now(). */
  finAt: number | null = null;
  closedAt: number | null = null;
  error: string | null = null;
  #changed = Promise.withResolvers<void>();

  private constructor(readonly socket: Socket) {
    socket
      .setNoDelay(true)
      .on("data", (bytes: Buffer) => {
        this.reads.push({ at: performance.now(), bytes });
        this.received += bytes.length;
        this.#wake();
      })
      .on("end", () => {
        this.finAt = performance.now();
        this.#wake();
      })
      .on("error", (error) => {
        this.error = codeOf(error) ?? error.message;
      })
      .on("close", () => {
        this.closedAt = performance.now();
        this.#wake();
      });
  }

  static async connect(port: number, options: Partial<TcpNetConnectOpts> = {}): Promise<Client> {
    const client = new Client(connect({ ...options, port, host: "127.0.0.1" }));
    await once(client.socket, "connect");
    return client;
  }

  write(bytes: string | Buffer): this {
    this.socket.write(bytes);
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.reads.map((each) => each.bytes));
  }

  /** Waits until that holds; what happens on the socket is what can make it hold. */
  async until(holds: () => boolean, timeoutMs = 5_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!holds()) {
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`not within ${timeoutMs} ms; ${this.received} bytes, ${this.error}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, left);
      await Promise.race([this.#changed.promise, promise]);
      clearTimeout(timer);
    }
  }

  closed(timeoutMs?: number): Promise<void> {
    return this.until(() => this.closedAt !== null, timeoutMs);
  }

  /** Milliseconds from writing it until as many bytes are back. */
  async roundTrip(text = "ping"): Promise<number> {
    const goal = this.received + text.length;
    const started = performance.now();
    this.write(text);
    await this.until(() => this.received >= goal);
    return performance.now() - started;
  }

  async medianRoundTrip(times: number): Promise<number> {
    const took: number[] = [];
    for (let i = 0; i < times; i++) took.push(await this.roundTrip());
    return took.sort((a, b) => a - b)[Math.floor(times / 2)] ?? Number.NaN;
  }

  /**
   * The median, at the best of a few tries: a busy machine makes any try slower, and none faster.
   * @param enough a median that needs no further try.
   */
  async bestMedian(times: number, enough: number): Promise<number> {
    let best = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 5 && best > enough; tries++) {
      best = Math.min(best, await this.medianRoundTrip(times));
    }
    return best;
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** Waits until a figure is above 0 and stands still, and returns it. */
export async function settled(read: () => number): Promise<number> {
  for (let before = 0; ; ) {
    await Bun.sleep(300);
    const now = read();
    if (now > 0 && now === before) return now;
    before = now;
  }
}

/** Nothing may happen in this time: the only way to see that nothing does is to wait. */
export const quiet = (ms: number): Promise<void> => Bun.sleep(ms);
