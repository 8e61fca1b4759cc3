/**
 * TLS connections, over sockets of the runtime.
 * @module
 */
import type { Socket, SocketHandler } from "bun";
import { codeOf } from "../cli/errors.ts";
import type { Outcome } from "../model/load.ts";
import type { Wire, WireUser } from "./wire.ts";
import type { TlsOptions } from "./workload.ts";

/** A connection as the runtime's handlers find it. */
class SecureSocket implements Wire {
  #socket: Socket<SecureSocket> | null = null;
  #terminated = false;

  constructor(readonly user: WireUser) {}

  /** The transport is there; its handshake comes next. */
  attach(socket: Socket<SecureSocket>): void {
    this.#socket = socket;
    if (this.#terminated) socket.terminate();
    else socket.setNoDelay(true);
  }

  write(payload: string | Uint8Array): number {
    return this.#socket?.write(payload) ?? -1;
  }

  terminate(): void {
    this.#terminated = true;
    this.#socket?.terminate();
  }
}

function failureOf(error: unknown): Outcome {
  const code = codeOf(error);
  if (code === "ECONNREFUSED") return "refused";
  return code === "ECONNRESET" ? "reset" : "connect";
}

/** What begins to connect; the user hears of it through `onOpen` or `onFailed`, after this has returned. */
export function secureConnector(
  hostname: string,
  port: number,
  { serverName, verify, ca }: TlsOptions,
): (user: WireUser) => Wire {
  const handlers: SocketHandler<SecureSocket> = {
    open: (socket) => socket.data.attach(socket),
    // `success` only says that a handshake took place: a certificate that is not to be trusted is in `error`.
    handshake: ({ data }, success, error) => {
      if (success && (!verify || !error)) data.user.onOpen(data);
      else data.user.onFailed("connect");
    },
    data: (socket, bytes) => socket.data.user.onData(bytes, bytes.length),
    drain: (socket) => socket.data.user.onDrain(),
    close: (socket, error) => socket.data.user.onClose(error !== undefined),
    connectError: (socket, error) => socket.data.user.onFailed(failureOf(error)),
    error: (socket, error) => socket.data.user.onDefect(error),
  };
  const tls = { serverName, rejectUnauthorized: verify, ...(ca === null ? {} : { ca }) };
  return (user) => {
    const data = new SecureSocket(user);
    // connectError has dealt with the failure by the time this rejects.
    Bun.connect({ hostname, port, data, socket: handlers, tls }).catch(() => {});
    return data;
  };
}
