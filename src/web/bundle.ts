/**
 * A macro: puts what a page loads, bundled, into the code that serves the page, so that it is in the binary as text.
 *
 * @example
 *   import { bundle } from "../web/bundle.ts" with { type: "macro" };
 *   const SCRIPT = bundle("src/controller/live/client/main.ts");
 *   const STYLE = bundle("src/controller/live/client/page.css");
 *
 * Bun calls it while it reads the importing file: at the build, or at the start of `bun src/main.ts` and of `bun test`.
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * @param entry TypeScript or CSS for the browser, as a path from the root of the repository; a literal.
 * @throws when it cannot be bundled; whoever imports it then cannot be loaded.
 */
export function bundle(entry: string): string {
  const root = join(import.meta.dir, "../..");
  // A process of its own, as a bundler inside of a macro would wait for the one that waits for the macro.
  const { success, stdout, stderr } = Bun.spawnSync(
    [process.execPath, "build", entry, "--target=browser", "--format=iife", "--minify"],
    { cwd: root },
  );
  if (!success) throw new Error(`${entry}: ${stderr.toString().trim()}`);
  // Both pages carry uPlot, its script and its style; minifying loses its notice, which copies must have.
  const licence = readFileSync(join(root, "node_modules/uplot/LICENSE"), "utf8").trim();
  return `/*! With uPlot, https://github.com/leeoniya/uPlot\n\n${licence}\n*/\n${stdout.toString()}`;
}
