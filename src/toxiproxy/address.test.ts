import { expect, test } from "bun:test";
import { resolveListen } from "./address.ts";

test("a listen address without a host is loopback, and only an explicit one is not", async () => {
  for (const text of ["", ":0", "localhost:0"]) {
    expect(await resolveListen(text)).toEqual({ host: "127.0.0.1", port: 0 });
  }
  expect(await resolveListen("0.0.0.0:5")).toEqual({ host: "0.0.0.0", port: 5 });
  await expect(resolveListen("nowhere")).rejects.toThrow("listen tcp nowhere: missing port in address");
});
