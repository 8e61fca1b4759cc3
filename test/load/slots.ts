/**
 * A server of known capacity, as a process of its own: `slots.ts <slots> <service ms>` serves that many requests at
 * once, each for that long; the others queue. Prints its port.
 */
const [slots = 1, serviceMs = 1] = process.argv.slice(2).map(Number);
const waiting: (() => void)[] = [];
let free = slots;

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch() {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    await Bun.sleep(serviceMs);
    const next = waiting.shift();
    if (next) next();
    else free++;
    return new Response("ok");
  },
});
console.log(server.port);
