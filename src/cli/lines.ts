/** The lines of a pipe. @module */
import { ChaoslabError } from "./errors.ts";

/**
 * Yields each whole line as it arrives. Leaving the loop early leaves the pipe open, which a `for await` over the stream
 * itself would close under the process that still writes to it.
 */
export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/**
 * The next line of a helper process, or null when it has ended.
 * @param of who is to answer, for the error.
 * @throws {ChaoslabError} `internal` when no line comes in time.
 */
export async function nextLine(
  lines: AsyncIterator<string>,
  { of, timeoutMs }: { of: string; timeoutMs: number },
): Promise<string | null> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new ChaoslabError("internal", `${of} did not answer within ${timeoutMs} ms`));
  }, timeoutMs);
  try {
    const next = await Promise.race([lines.next(), late.promise]);
    return next.done ? null : next.value;
  } finally {
    clearTimeout(timer);
  }
}
