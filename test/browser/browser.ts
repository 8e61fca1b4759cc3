/** Debian's chromium for tests of pages, kept from every address but this host's own. @module */
import { type Browser, chromium } from "playwright-core";

/** Chromium's own sandbox wants a user that is not root. */
const ARGS = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"];

/** A browser without a window; dispose of it, or close it. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: "/usr/bin/chromium", args: ARGS });
}
