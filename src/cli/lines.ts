/** The lines of a pipe. @module */

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
