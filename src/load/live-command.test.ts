/** The live view in a real terminal: what a run of the command writes to it, and how it leaves it. */
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";

const MAIN = join(import.meta.dir, "..", "main.ts");
const HIDE_CURSOR = "\x1b[?25l";
const BOLD = "\x1b[1m";
const SHOW_CURSOR = "\x1b[?25h";

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request) {
    if (new URL(request.url).pathname === "/hangs") await new Promise(() => {});
    return new Response("{}");
  },
});
const TARGET = `http://127.0.0.1:${server.port}`;
afterAll(() => void server.stop(true));

/** A load in a terminal of its own. */
class Watched {
  text = "";
  readonly #decoder = new TextDecoder();
  readonly child: Bun.Subprocess;

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    this.child = Bun.spawn([process.execPath, MAIN, "load", ...args], {
      env: { ...process.env, TERM: "xterm", NO_COLOR: "", ...env },
      terminal: {
        cols: 70,
        rows: 20,
        data: (_, bytes) => {
          this.text += this.#decoder.decode(bytes, { stream: true });
        },
      },
    });
  }

  async until(what: string): Promise<void> {
    for (const deadline = Date.now() + 10_000; Date.now() < deadline; await Bun.sleep(20)) {
      if (this.text.includes(what)) return;
    }
    throw new Error(`never written: ${what}, but ${JSON.stringify(this.text)}`);
  }
}

describe.concurrent("chaoslab load in a terminal", () => {
  test("redraws several lines in place, and gives the cursor back at its end", async () => {
    const { child, text } = await ended([`${TARGET}/`, "--for=2500ms"]);
    expect(child.exitCode).toBe(0);
    expect(text).toContain(`${HIDE_CURSOR}\r${BOLD}100 rps asked`);
    // Five lines up: the heading, the endpoint and the curves are below the two first ones. On a busy machine one more says
    // that the generator is late.
    const redrawn = [5, 6].map((lines) => `\r\x1b[${lines}A${BOLD}100 rps asked`);
    expect(redrawn.some((begin) => text.includes(begin))).toBe(true);
    expect(text.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(text.lastIndexOf(HIDE_CURSOR));
    // The view is gone when the table comes.
    expect(text.slice(text.lastIndexOf(SHOW_CURSOR))).toContain("operation");
  }, 20_000);

  test.each(["SIGINT", "SIGTERM"] as const)(
    "gives it back after %s, even after a second one",
    async (signal) => {
      const load = new Watched([`${TARGET}/hangs`, "--for=60s", "--timeout=60s"]);
      await load.until(HIDE_CURSOR);
      load.child.kill(signal);
      await load.until("again to exit at once");
      load.child.kill(signal);
      expect(await load.child.exited).toBe(105);
      await load.until(SHOW_CURSOR);
      expect(load.text.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(load.text.lastIndexOf(HIDE_CURSOR));
    },
    20_000,
  );

  test("is free of colour with NO_COLOR, and a plain line in a dumb terminal", async () => {
    const [plain, dumb, quiet] = await Promise.all([
      ended([`${TARGET}/`, "--for=1500ms"], { NO_COLOR: "1" }),
      ended([`${TARGET}/`, "--for=1500ms"], { TERM: "dumb" }),
      ended([`${TARGET}/`, "--for=1500ms", "--quiet", "--json"]),
    ]);
    expect(plain.text).toContain(HIDE_CURSOR);
    expect(plain.text).not.toContain(BOLD);
    expect(dumb.text).toContain("1 s  100 rps");
    expect(dumb.text).not.toContain("\x1b");
    expect(quiet.text.trim().split("\n")).toHaveLength(1);
  }, 20_000);
});

async function ended(args: readonly string[], env: Record<string, string> = {}): Promise<Watched> {
  const load = new Watched(args, env);
  await load.child.exited;
  // The last bytes may come after the end.
  await load.until(args.includes("--json") ? "}" : "goodput");
  return load;
}
