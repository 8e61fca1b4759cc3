/**
 * TCP peers, run inside namespaces.
 *   echo.ts serve PORT                         echoes small messages; on PORT+1 takes uploads and answers "done"
 *   echo.ts ping HOST PORT COUNT CONNECTIONS   prints COUNT round trips in ms as JSON, one at a time per connection
 *   echo.ts upload HOST PORT BYTES             prints the seconds it took
 *   echo.ts watch HOST PORT                    pings for ever, one line per round trip
 * @module
 */
export {};

const [mode, host = "", port = "", amount = "", connections = "1"] = process.argv.slice(2);
const done = Promise.withResolvers<void>();

if (mode === "serve") serve(Number(host));
else if (mode === "upload") await upload(Number(amount));
else await ping(mode === "watch" ? Number.POSITIVE_INFINITY : Number(amount));

function serve(at: number): void {
  const hostname = "0.0.0.0";
  Bun.listen({
    hostname,
    port: at,
    socket: {
      open: (socket) => void socket.setNoDelay(true),
      data: (socket, data) => void socket.write(data),
    },
  });
  // The first 8 bytes of an upload say how long it is.
  Bun.listen<{ left: number }>({
    hostname,
    port: at + 1,
    socket: {
      open: (socket) => {
        socket.data = { left: Number.NaN };
      },
      data: (socket, data) => {
        const state = socket.data;
        if (Number.isNaN(state.left)) state.left = data.readDoubleLE(0);
        state.left -= data.length;
        if (state.left <= 0) socket.end("done");
      },
    },
  });
  process.stdout.write("listening\n");
}

async function upload(bytes: number): Promise<void> {
  const payload = Buffer.alloc(bytes);
  payload.writeDoubleLE(bytes, 0);
  let sent = 0;
  const push = (socket: Bun.Socket): void => {
    if (sent < bytes) sent += socket.write(payload.subarray(sent));
  };
  const started = performance.now();
  const socket = { open: push, drain: push, data: () => done.resolve() };
  await Bun.connect({ hostname: host, port: Number(port) + 1, socket });
  await done.promise;
  process.stdout.write(`${(performance.now() - started) / 1000}\n`);
  process.exit(0);
}

async function ping(count: number): Promise<void> {
  const trips: number[] = [];
  const send = (socket: Bun.Socket<{ sentAt: number }>): void => {
    socket.data = { sentAt: performance.now() };
    socket.write("ping");
  };
  for (let i = 0; i < Number(connections); i++) {
    await Bun.connect<{ sentAt: number }>({
      hostname: host,
      port: Number(port),
      socket: {
        open: (socket) => {
          socket.setNoDelay(true);
          send(socket);
        },
        data: (socket) => {
          const trip = performance.now() - socket.data.sentAt;
          trips.push(trip);
          if (mode === "watch") process.stdout.write(`${trip}\n`);
          if (trips.length >= count) done.resolve();
          else send(socket);
        },
      },
    });
  }
  await done.promise;
  await Bun.write(Bun.stdout, JSON.stringify(trips));
  process.exit(0);
}
